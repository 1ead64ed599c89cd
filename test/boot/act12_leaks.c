/* SPDX-License-Identifier: MIT */
/*
 * act12_leaks.c - hostile act 12: whatever leads back from the kernel, and whatever the kernel
 * writes, holds nothing of another's. A victim in an account of its own, on our processor, keeps
 * every register, its memory and its messages full of a pattern, and takes all the ways into the
 * kernel with it; it runs before each probe of ours. A probe goes in with every register ours and
 * looks at all of them behind: calls, upcalls of each kind, slices, a stop and a resume, the first
 * start of a context, transfers as caller and as callee (where the message passes, and no more).
 */
#include "abi/account.h"
#include "abi/event.h"
#include "abi/exposed.h"
#include "abi/transfer.h"
#include "libos/exo/rpc.h"
#include "test/boot/good.h"
#include "test/boot/kin.h"
#include "test/boot/message.h"
#include "test/boot/raw.h"
#include "test/boot/registers.h"
#include "test/boot/vectors.h"
#include "test/boot/workers.h"

_Static_assert(CALL_BASE + CALL_context_exit == 0x54000014, "registers.S");
_Static_assert(CALL_BASE + CALL_transfer_return == 0x54000053, "registers.S");

enum {
    SLOT_VICTIM = 60,  /* KIN_SLOTS of them */
    SLOT_SERVER = 70,  /* likewise */
    SLOT_ENTRY = 80,   /* ours, which the victim calls */
    SLOT_WORKER = 81,  /* whoever serves it */
    SLOT_SPINNER = 82, /* one that spins */
    SLOT_FRESH = 83,   /* one that just begins */
    SLOT_PAGED = 84,   /* an account with a page */
    IN_VICTIM = 20,    /* its slot of our entry */
    POSITION = 600,
    COUNTER = 10, /* whose events are upcalls */
    SLICE_NS = 300 * 1000,
    SLEEP_NS = 1000 * 1000,
    TURNS = 20,
    TURNS_MOST = 2000,
    SLICES = 3, /* so few are no strikes */
    TURN_TRIES = 10000,
    SYSCALL_BYTES = 2,
    MESSY = 64,      /* entries of a batch that is refused */
    SELECTOR = 0x1b, /* the users' data segment */
    AREA_WORDS = sizeof(struct save_area) / 8,
    UNUSED = 9, /* words of a save area that an upcall does not write */
};

static const uint64_t PATTERN = 0x5ec2e75e5ec2e75e, OWN = 0x0f3a0f3a0f3a0f00,
                      GUARD = 0x1badf00d1badf00d, KERNEL_HALF = 0xffff800000000000,
                      ERRORS = UINT64_MAX - 4095;

static const char *probe; /* the one under way */

/* ---- the victim, which has a copy of all this ---- */

static struct cap messy_cap;
static uint64_t messy[MESSY];

static void
victim_trap(struct save_area *save)
{
    save->rip = (uintptr_t)registers_back;
}

/* Through that door with the pattern in every register; rax is what the door asks for. */
static void
pattern_through(void (*door)(void), uint64_t rax)
{
    for (int i = 0; i < GENERAL; i++)
        registers_in[i] = PATTERN;
    registers_in[REG_RAX] = rax;
    registers_run(door);
}

static void
pattern_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    const uint64_t reg[] = {a, b, c, d, e};
    static const uint8_t at[] = {REG_RDI, REG_RSI, REG_RDX, REG_R8, REG_R9};

    for (int i = 0; i < GENERAL; i++)
        registers_in[i] = PATTERN;
    for (int i = 0; i < 5; i++)
        registers_in[at[i]] = reg[i];
    registers_in[REG_RAX] = CALL_BASE + number;
    registers_run(registers_syscall);
}

/* It shows what it has to the kernel in every way there is. */
static void
victim_round(void)
{
    uint64_t entries = MESSY | (uint64_t)SLOT_ACCOUNT << 32;

    pattern_through(registers_syscall, CALL_BASE + CALL_null);
    pattern_through(registers_syscall, CALL_BASE + CALL_BLOCK - 1);
    pattern_through(registers_syscall, PATTERN); /* a foreign call */
    pattern_through(registers_int80, PATTERN);
    pattern_through(registers_invalid, PATTERN);
    pattern_through(registers_fault, PATTERN);
    pattern_call(CALL_pt_map, SLOT_ACCOUNT, exo_start_page->root_frame, SCRATCH_VA,
                 (uintptr_t)messy, entries);
    pattern_call(CALL_cap_bind, SLOT_SLOTS, IN_VICTIM + 1, (uintptr_t)&messy_cap, PATTERN, PATTERN);
    pattern_call(CALL_wait, (uintptr_t)messy, 1, PATTERN, PATTERN, PATTERN);
    pattern_through(registers_syscall, transfer_word(IN_VICTIM));
    pattern_call(CALL_yield, SLOT_NOTHING, PATTERN, PATTERN, PATTERN, PATTERN);
}

static void
nothing(struct rpc *m)
{
    (void)m;
}

static void
victim_main(void)
{
    exo_on_exception = exo_on_fault = exo_on_foreign = victim_trap;
    memcpy(&messy_cap.generation, &PATTERN, sizeof(PATTERN));
    for (int i = 0; i < MESSY; i++)
        messy[i] = PATTERN;
    memcpy(&messy_cap.tag, &PATTERN, sizeof(PATTERN));
    vectors_fill(PATTERN);
    rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, nothing); /* until it is withdrawn */
    vectors_fill(PATTERN);
    for (;;) {
        __asm__ volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %0, %%fs" ::"r"(SELECTOR));
        victim_round();
    }
}

/* Another of the kind: it answers with the pattern everywhere, or dies with it. */
static void
server_main(void)
{
    static uint8_t stack[FRAME_BYTES] __attribute__((aligned(16)));
    struct transfer_setup setup = {.rip = (uintptr_t)registers_serve,
                                   .rsp = (uintptr_t)stack + sizeof(stack)};

    if (call_transfer_serve(CHILD_ENTRY, SLOT_CONTEXT, (uintptr_t)&setup).value == 0)
        pattern_through(registers_syscall, CALL_BASE + CALL_transfer_return);
}

/* ---- whose a word is ---- */

static bool
is_pattern(uint64_t word)
{
    return (uint32_t)word == (uint32_t)PATTERN || word >> 32 == PATTERN >> 32;
}

static bool
is_kernels(uint64_t word)
{
    return word >= KERNEL_HALF && word < ERRORS;
}

static void
must(bool truth, const char *what)
{
    if (!truth)
        breach("%s: %s", probe, what);
    expect(true, what);
}

/* Neither the victim's nor the kernel's. */
static void
not_theirs(uint64_t word, const char *what, uint64_t n)
{
    if (is_pattern(word))
        breach("%s: %s %lu is the victim's: %lx", probe, what, n, word);
    if (is_kernels(word))
        breach("%s: %s %lu is the kernel's: %lx", probe, what, n, word);
}

/* What we had in a register, an address or a number of ours, or an error. */
static void
is_ours(uint64_t word, const char *what, uint64_t n)
{
    not_theirs(word, what, n);
    if (word >= USER_TOP && word < ERRORS && (word & ~(uint64_t)0xff) != OWN)
        breach("%s: %s %lu is not ours: %lx", probe, what, n, word);
}

static void
vectors_are_ours(void)
{
    if (!vectors_filled(OWN))
        breach("%s: a vector register is not as it was", probe);
}

static uint64_t
selectors(void)
{
    uint16_t ds, es, fs, gs;

    __asm__ volatile("mov %%ds, %0\n\tmov %%es, %1\n\tmov %%fs, %2\n\tmov %%gs, %3"
                     : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
    return (uint64_t)(ds | es | fs | gs);
}

static void
rest_is_ours(void)
{
    uint64_t fs_base;

    vectors_are_ours();
    __asm__ volatile("rdfsbase %0" : "=r"(fs_base));
    must(fs_base == FRAME_BYTES, "the fs base");
    must(selectors() == 0, "segment selectors");
    must(!(registers_flags & 0x244500), "flags");
}

/* ---- probes ---- */

/* The victim has run since, on this processor. */
static void
victim_turn(void)
{
    uint64_t before = registers_arrivals;

    for (int i = 0; registers_arrivals == before; i++) {
        if (i == TURN_TRIES)
            fail("%s: the victim does not run", probe);
        if (call_yield(SLOT_VICTIM + CHILD_CONTEXT).value) /* it is in its call of ours */
            call_yield(SLOT_NOTHING);
    }
}

static void
own_load(uint64_t rax)
{
    for (uint64_t i = 0; i < GENERAL; i++)
        registers_in[i] = OWN | i;
    registers_in[REG_RAX] = rax;
}

/* All that a call does not give is what it was, or of ours; rbx, rbp, r12 to r15 are what they were. */
static void
call_look(void)
{
    static const uint8_t kept[] = {1, 6, 11, 12, 13, 14};

    for (uint64_t i = 0; i < GENERAL; i++)
        if (i == REG_RAX || i == REG_RDX)
            not_theirs(registers_out[i], "register", i);
        else
            is_ours(registers_out[i], "register", i);
    for (uint64_t i = 0; i < sizeof(kept); i++)
        must(registers_out[kept[i]] == (OWN | kept[i]), "a register that no call changes");
    rest_is_ours();
}

static void
call_through(uint32_t number, const uint64_t reg[REGISTERS])
{
    static const uint8_t at[] = {REG_RDI, REG_RSI, REG_RDX, REG_R8, REG_R9};

    own_load(CALL_BASE + number);
    for (int i = 0; i < REGISTERS && reg; i++)
        registers_in[at[i]] = reg[i];
    registers_run(registers_syscall);
    call_look();
}

static const struct call_field *
out_field(const struct call_shape *shape)
{
    for (const struct call_field *f = shape->field; f->name; f++)
        if (f->way == CALL_WRITES)
            return f;
    return NULL;
}

static uint64_t
data_end(void)
{
    return (uintptr_t)good_data + (uint64_t)DATA_PAGES * FRAME_BYTES;
}

/* What the kernel wrote: no more than there is, and nothing left over in it. */
static void
written_look(const struct call_shape *shape, uint64_t out)
{
    const volatile uint64_t *word = (const volatile uint64_t *)out;
    const volatile struct context_state *state = (const volatile struct context_state *)out;
    const volatile struct frame_state *frame = (const volatile struct frame_state *)out;
    uint64_t written = 0;

    for (uint64_t i = 0; out + 8 * i < data_end(); i++) {
        not_theirs(word[i], "word", i);
        written += word[i] != GUARD;
    }
    if (!written && (int64_t)registers_out[REG_RAX] >= 0)
        fail("%s: nothing was written, value %lx", probe, registers_out[REG_RAX]);
    if (shape->number == CALL_frame_read)
        must(frame->uses == 0, "no use is in flight");
    for (uint64_t i = 0; i < sizeof(state->save.reserved) / 8; i++)
        if (shape->number == CALL_context_read && state->save.reserved[i])
            breach("%s: unused word %lu is %lx", probe, i, state->save.reserved[i]);
}

/* Each call refused, for its arguments are nothing, then as it is good. */
static void
calls(void)
{
    for (uint32_t n = 0; n < CALL_COUNT; n++) {
        const struct call_shape *shape = &call_shapes[n];
        const struct call_field *out = out_field(shape);
        uint64_t reg[REGISTERS];
        enum good good;

        probe = shape->name;
        if (shape->number == CALL_context_exit)
            continue;
        victim_turn();
        call_through(shape->number, NULL);
        good = good_call(shape->number, reg);
        if (good == GOOD_ENDS || good == GOOD_ROOTS || good == GOOD_BY_RAX ||
            shape->number == CALL_upcalls_set)
            continue;
        victim_turn();
        for (uint64_t at = out ? field_get(out, reg) : data_end(); at < data_end(); at += 8)
            *(volatile uint64_t *)at = GUARD;
        call_through(shape->number, reg);
        if (out)
            written_look(shape, field_get(out, reg));
        call_deadline_set(0);
    }
}

/* Calls that come back by another way: a slice later, and at a time. */
static void
calls_that_leave(void)
{
    struct wait_clause sleep = {.kind = WAIT_CLOCK};

    for (uint64_t i = 0; i < TURNS; i++) {
        const uint64_t to[REGISTERS] = {i % 2 ? SLOT_NOTHING : SLOT_VICTIM + CHILD_CONTEXT};
        const uint64_t until[REGISTERS] = {(uintptr_t)&sleep, 1};

        probe = "yield";
        call_through(CALL_yield, to);
        probe = "wait";
        sleep.value = clock_ns() + SLEEP_NS;
        call_through(CALL_wait, until);
    }
}

/* ---- upcalls ---- */

static volatile uint64_t seen[UPCALL_COUNT];
static enum upcall awaited; /* by one that spins */

static bool
in_a_door(uint64_t rip)
{
    return rip >= (uintptr_t)registers_doors && rip < (uintptr_t)registers_back;
}

/* Did it come just behind a call, whose value a register holds (the time, say)? */
static bool
behind_a_call(const struct save_area *save, uint64_t kind)
{
    return kind > UPCALL_FOREIGN && save->rip == (uintptr_t)registers_syscall + SYSCALL_BYTES;
}

/* A register of ours, or what a call gave. */
static void
came_look(uint64_t word, const char *what, uint64_t i, bool given)
{
    if (given && (i == REG_RAX || i == REG_RDX))
        not_theirs(word, what, i);
    else
        is_ours(word, what, i);
}

void
raw_upcall(struct save_area *save, uint64_t kind)
{
    const uint64_t *saved = &save->rax, *unused = &save->fs_base;
    const char *was = probe;

    if (!in_a_door(save->rip))
        return; /* what our C code had is nobody's business here */
    probe = "an upcall";
    for (uint64_t i = 0; i < GENERAL; i++) {
        came_look(raw_entered[i], "register", i, behind_a_call(save, kind));
        came_look(saved[i], "saved register", i, behind_a_call(save, kind));
    }
    for (uint64_t i = 0; i < UNUSED; i++)
        must(unused[i] == GUARD, "what an upcall does not write in a save area");
    vectors_are_ours();
    probe = was;
    seen[kind]++;
    if (kind == UPCALL_EXCEPTION || kind == UPCALL_FAULT)
        save->rip = (uintptr_t)registers_back;
    if (kind == UPCALL_SLICE_END)
        call_yield(SLOT_NOTHING);
    registers_over = seen[awaited] >= SLICES;
}

static volatile uint64_t *
words_of(struct save_area *area)
{
    return (volatile uint64_t *)area;
}

static void
page_guard(void)
{
    for (int i = 0; i < UPCALL_DEPTH_MAX; i++)
        for (int k = 0; k < UNUSED; k++)
            words_of((struct save_area *)&raw_page.save[i])[AREA_WORDS - UNUSED + k] = GUARD;
    for (uint64_t i = 0; i < sizeof(raw_page.unused) / 8; i++)
        raw_page.unused[i] = GUARD;
    raw_page.reserved = (uint32_t)GUARD;
}

static void
page_guarded(void)
{
    for (uint64_t i = 0; i < sizeof(raw_page.unused) / 8; i++)
        must(raw_page.unused[i] == GUARD, "unused words of the upcall page");
    must(raw_page.reserved == (uint32_t)GUARD, "the reserved word of the upcall page");
}

static void
door(void (*through)(void), enum upcall kind, const char *name)
{
    uint64_t before = seen[kind];

    probe = name;
    victim_turn();
    own_load(OWN);
    registers_run(through);
    must(seen[kind] > before, name);
    rest_is_ours();
    for (uint64_t i = 0; i < GENERAL; i++)
        is_ours(registers_out[i], "register", i);
}

static void
spin_until(enum upcall kind)
{
    awaited = kind;
    seen[kind] = registers_over = 0;
    door(registers_spin, kind, "slices");
    for (uint64_t i = 0; i < GENERAL; i++)
        must(registers_out[i] == (i ? OWN | i : OWN), "what was interrupted goes on as it was");
}

static void
upcalls(void)
{
    const uint64_t post[REGISTERS] = {SLOT_EVENTS, COUNTER, 1};

    /* The timer brings an event, by the host's clock: on a busy one mostly when we are out of the door. */
    for (int i = 0; i < TURNS || (!seen[UPCALL_EVENT] && i < TURNS_MOST); i++) {
        door(registers_invalid, UPCALL_EXCEPTION, "an exception");
        door(registers_fault, UPCALL_FAULT, "a page fault");
        door(registers_int80, UPCALL_FOREIGN, "int 0x80");
        door(registers_syscall, UPCALL_FOREIGN, "a foreign call");
        victim_turn();
        probe = "an event";
        call_through(CALL_event_post, post);
    }
    must(seen[UPCALL_EVENT] > 0, "events");
    spin_until(UPCALL_SLICE_END);
    raw_page.mask = 1 << UPCALL_SLICE_END; /* it is taken off, and told when it is on again */
    spin_until(UPCALL_SLICE_BEGIN);
    raw_page.mask = 0;
    page_guarded();
}

/* ---- a context without upcalls: slices, stop and resume, the first start ---- */

static struct worker spinner;
static volatile bool spun_well;

static void
spin(struct worker *w)
{
    (void)w;
    vectors_fill(OWN);
    own_load(OWN);
    registers_run(registers_spin);
    spun_well = vectors_filled(OWN) && selectors() == 0;
}

static void
slices(void)
{
    struct context_state state;

    probe = "a context that is interrupted, stopped and resumed";
    registers_over = 0;
    worker_start(&spinner, SLOT_SPINNER, 0, SLICE_NS, spin);
    for (int i = 0; i < TURNS; i++) {
        call_yield(SLOT_SPINNER);
        victim_turn();
        fine(call_context_stop(SLOT_SPINNER).value, "context_stop");
        state = context_told(SLOT_SPINNER);
        for (uint64_t k = 0; k < GENERAL && in_a_door(state.save.rip); k++)
            must(words_of(&state.save)[k] == (k ? OWN | k : OWN), "registers as they are told");
        fine(call_context_resume(SLOT_SPINNER).value, "context_resume");
    }
    registers_over = 1;
    worker_join(&spinner, probe);
    for (uint64_t i = 0; i < GENERAL; i++)
        must(registers_out[i] == (i ? OWN | i : OWN), probe);
    must(spun_well, "and vector registers and selectors");
}

static uint8_t fresh_stack[WORKER_STACK_BYTES] __attribute__((aligned(16)));
static volatile bool began_clean, began_based;

_Noreturn void
registers_began(void)
{
    uint64_t fs_base, gs_base;

    __asm__ volatile("rdfsbase %0\n\trdgsbase %1" : "=r"(fs_base), "=r"(gs_base));
    began_based = fs_base == 0 && gs_base == 0 && selectors() == 0;
    began_clean = vectors_clean();
    for (;;)
        call_context_exit(0);
}

static void
first_start(void)
{
    struct context_start start = {.rip = (uintptr_t)registers_begin,
                                  .rsp = (uintptr_t)fresh_stack + WORKER_STACK_BYTES - 8,
                                  .rdi = OWN,
                                  .vector_frame = frame_new(),
                                  .stop_slot = SLOT_NOTHING};

    probe = "the first start of a context";
    fine(call_context_make(SLOT_ENV, frame_new(), SLOT_FRESH, (uintptr_t)&start).value,
         "context_make");
    while (context_told(SLOT_FRESH).phase != CONTEXT_STOPPED) {
        victim_turn();
        call_yield(SLOT_FRESH);
    }
    for (uint64_t i = 0; i < GENERAL; i++)
        must(registers_begun[i] == (i == REG_RDI ? OWN : 0), "a register at the start");
    must(began_clean && began_based, "vector registers, bases and selectors at the start");
}

/* ---- transfers ---- */

static uint64_t entry_cell; /* in the frame of cells that the victim's right hangs on */

/* The victim calls us all the time. */
static void
arrival(void)
{
    probe = "the arrival of a transfer";
    for (int i = 0; i < TURNS; i++) {
        victim_turn();
        for (uint64_t k = 0; k < GENERAL; k++)
            if (k != REG_RAX && k != REG_RCX && k != REG_R11)
                must(registers_arrived[k] == PATTERN, "the message");
        must(registers_arrived[REG_RAX] == entry_cell, "the identity");
        must(registers_arrived[REG_RCX] == (uintptr_t)registers_serve, "rcx");
        must(registers_arrived[REG_R11] == 0x202, "r11");
    }
}

static void
answer_look(int64_t value, bool message)
{
    for (uint64_t k = 0; k < GENERAL; k++)
        if (k != REG_RAX && k != REG_RCX && k != REG_R11)
            must(registers_out[k] == (message ? PATTERN : 0), "the message of an answer");
    must(registers_out[REG_RAX] == (uint64_t)value, "rax");
    is_ours(registers_out[REG_RCX], "register", REG_RCX);
    is_ours(registers_out[REG_R11], "register", REG_R11);
    must(selectors() == 0, "selectors behind a transfer");
}

/* One that answers with the pattern, and at last dies with it in every register. */
static void
answers(void)
{
    uint64_t gs_base, now;

    __asm__ volatile("rdgsbase %0" : "=r"(gs_base));
    for (int i = 0; i < TURNS; i++) {
        probe = "the return of a transfer";
        victim_turn();
        own_load(transfer_word(SLOT_SERVER + CHILD_SLOT_COUNT));
        registers_run(registers_syscall);
        answer_look(0, true);
        vectors_are_ours(); /* it touched none */
    }
    probe = "a callee that dies";
    victim_turn();
    own_load(transfer_word(SLOT_SERVER + CHILD_SLOT_COUNT));
    registers_in[REG_RDI] = 0;
    registers_run(registers_syscall);
    answer_look(-E_OWNERDEAD, false);
    __asm__ volatile("rdgsbase %0" : "=r"(now));
    must(now == gs_base, "the gs base");
}

/* ---- what everybody reads, and pages that the kernel writes ---- */

static void
words_look(uint64_t from, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes / 8; i++)
        not_theirs(((const volatile uint64_t *)from)[i], "word", i);
    expect(true, probe);
}

static void
pages(void)
{
    const struct machine_page *m = (const struct machine_page *)EXPOSED_MACHINE;
    struct account_terms terms = {
        .name = (uint64_t)1 << 43, .limit_frames = 8, .page_frame = frame_new(), .n_pages = 1};
    uint64_t va = SCRATCH_VA + ((uint64_t)MAP_BATCH_MAX - 1) * FRAME_BYTES;

    probe = "the machine page";
    words_look(EXPOSED_MACHINE, FRAME_BYTES);
    probe = "an account's page";
    fine(call_account_make(SLOT_ACCOUNT, frame_new(), SLOT_PAGED, (uintptr_t)&terms).value,
         "account_make");
    page_at(va, terms.page_frame, MAP_READ);
    words_look(va, FRAME_BYTES);
    if (call_root_inspect(SLOT_ACCOUNT, exo_start_page->root_frame, SLOT_INSPECT, 1).value)
        return; /* the machine was not started with the word inspect */
    probe = "all frames";
    words_look(EXPOSED_FRAMES, m->n_frames * sizeof(struct exposed_frame));
    probe = "all positions";
    words_look(EXPOSED_SLICES, SLICE_POSITIONS * sizeof(struct exposed_slice));
    call_root_inspect(SLOT_ACCOUNT, exo_start_page->root_frame, SLOT_INSPECT, 0);
}

/* ---- the whole ---- */

static struct child_terms victim, server;

static void
serve_victim(void)
{
    static uint8_t stack[FRAME_BYTES] __attribute__((aligned(16)));
    struct context_start start = {
        .rip = FRAME_BYTES, .vector_frame = frame_new(), .stop_slot = SLOT_NOTHING};
    struct transfer_setup setup = {.rip = (uintptr_t)registers_serve,
                                   .rsp = (uintptr_t)stack + sizeof(stack)};
    struct cap cap;

    fine(call_entry_make(SLOT_ACCOUNT, frame_new(), SLOT_ENTRY).value, "entry_make");
    fine(call_context_make(SLOT_ENV, frame_new(), SLOT_WORKER, (uintptr_t)&start).value,
         "context_make");
    fine(call_transfer_serve(SLOT_ENTRY, SLOT_WORKER, (uintptr_t)&setup).value, "transfer_serve");
    cap = cap_of(SLOT_ENTRY, RIGHT_RUN);
    entry_cell = cap.cell;
    fine(call_cap_bind(victim.slot[CHILD_SLOTS], IN_VICTIM, (uintptr_t)&cap).value, "cap_bind");
}

int
raw_main(void)
{
    stay_on(0);
    good_begin();
    raw_begin((uint64_t)1 << COUNTER);
    kin_make(&victim, (uint64_t)1 << 41, SLOT_VICTIM, 0, victim_main);
    kin_make(&server, (uint64_t)1 << 42, SLOT_SERVER, 0, server_main);
    serve_victim();
    fine(child_run(&victim, 0, POSITION, SLICE_NS), "child_run");
    own_load(OWN);
    vectors_fill(OWN);
    __asm__ volatile("wrfsbase %0" ::"r"((uint64_t)FRAME_BYTES));
    page_guard();
    calls();
    calls_that_leave();
    upcalls();
    slices();
    first_start();
    arrival();
    pages();
    answers();
    page_guarded();
    return done();
}
