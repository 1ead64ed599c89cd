/* SPDX-License-Identifier: MIT */
/*
 * upcalls.c - exceptions, faults, foreign calls and events as the kernel brings them: registers,
 * levels, masks, what is pending, the deadline that comes once, redelivery in the resume sequence.
 * Argument `deep`, `faulting` or `beyond`: an end that only the kernel can tell of.
 */
#include "test/boot/raw.h"
#include "abi/event.h"

enum {
    COUNTER = 10,   /* makes upcalls */
    QUIET = 11,     /* makes none */
    REGISTERS = 15, /* rax .. r15 without rsp, as in struct save_area */
    UD2_BYTES = 2,
    DEADLINE_NS = 3 * 1000 * 1000,
    CLEARED_NS = 60 * 1000 * 1000,
    LATE_NS = 200 * 1000 * 1000, /* the host may be busy */
    EVENT = 1 << UPCALL_EVENT,
};

struct seen {
    uint64_t n, level, depth;
    struct save_area save;
};
static struct seen seen[UPCALL_COUNT];
static void (*in_upcall)(struct save_area *save,
                         uint64_t kind); /* what more a test wants done there */

static uint64_t
upcalls(enum upcall kind)
{
    return *(volatile uint64_t *)&seen[kind].n;
}

void
raw_upcall(struct save_area *save, uint64_t kind)
{
    struct seen *s = &seen[kind];

    s->n++;
    s->level = raw_level(save);
    s->depth = raw_page.depth;
    s->save = *save;
    if (in_upcall)
        in_upcall(save, kind);
    else if (kind == UPCALL_EXCEPTION)
        save->rip += UD2_BYTES;
    else if (kind == UPCALL_FAULT)
        fail("a fault at %lx, of %lx", save->rip, save->address);
}

static void
forget(void)
{
    memset(seen, 0, sizeof(seen));
    in_upcall = NULL;
}

__attribute__((used)) static uint64_t pattern[REGISTERS], after[REGISTERS], stack_at;

/* Loads all registers from `pattern`, runs INSTRUCTION, and stores them to `after`. */
#define WITH_PATTERN(instruction)                                                                  \
    __asm__ volatile(                                                                              \
        "push %%rbp\n\tmov %%rsp, stack_at(%%rip)\n\tmov pattern(%%rip), %%rax\n\t"                \
        "mov pattern+8(%%rip), %%rbx\n\tmov pattern+16(%%rip), %%rcx\n\t"                          \
        "mov pattern+24(%%rip), %%rdx\n\tmov pattern+32(%%rip), %%rsi\n\t"                         \
        "mov pattern+40(%%rip), %%rdi\n\tmov pattern+48(%%rip), %%rbp\n\t"                         \
        "mov pattern+56(%%rip), %%r8\n\tmov pattern+64(%%rip), %%r9\n\t"                           \
        "mov pattern+72(%%rip), %%r10\n\tmov pattern+80(%%rip), %%r11\n\t"                         \
        "mov pattern+88(%%rip), %%r12\n\tmov pattern+96(%%rip), %%r13\n\t"                         \
        "mov pattern+104(%%rip), %%r14\n\tmov pattern+112(%%rip), %%r15\n\t" instruction "\n\t"    \
        "mov %%rax, after(%%rip)\n\tmov %%rbx, after+8(%%rip)\n\t"                                 \
        "mov %%rcx, after+16(%%rip)\n\tmov %%rdx, after+24(%%rip)\n\t"                             \
        "mov %%rsi, after+32(%%rip)\n\tmov %%rdi, after+40(%%rip)\n\t"                             \
        "mov %%rbp, after+48(%%rip)\n\tmov %%r8, after+56(%%rip)\n\t"                              \
        "mov %%r9, after+64(%%rip)\n\tmov %%r10, after+72(%%rip)\n\t"                              \
        "mov %%r11, after+80(%%rip)\n\tmov %%r12, after+88(%%rip)\n\t"                             \
        "mov %%r13, after+96(%%rip)\n\tmov %%r14, after+104(%%rip)\n\t"                            \
        "mov %%r15, after+112(%%rip)\n\tpop %%rbp" ::                                              \
            : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",    \
              "r14", "r15", "memory", "cc")

static void
pattern_draw(uint64_t seed)
{
    for (uint64_t i = 0; i < REGISTERS; i++)
        pattern[i] = (seed + i) * 0x9e3779b97f4a7c15u;
}

/* rcx and r11 are the `syscall` instruction's own. */
static void
registers_kept(const char *what, bool by_syscall)
{
    const struct save_area *save = &seen[by_syscall ? UPCALL_FOREIGN : UPCALL_EXCEPTION].save;
    const uint64_t *saved = (const uint64_t *)(const void *)save;

    for (uint64_t i = 0; i < REGISTERS; i++) {
        if (by_syscall && (i == 2 || i == 10))
            continue;
        hold(saved[i] == pattern[i], what);
        hold(after[i] == pattern[i], what);
    }
    hold(save->rsp == stack_at, what);
}

static void
exceptions(void)
{
    forget();
    pattern_draw(1);
    WITH_PATTERN("ud2");
    registers_kept("registers across an exception", false);
    hold(upcalls(UPCALL_EXCEPTION) == 1 && seen[UPCALL_EXCEPTION].level == 0,
         "one upcall, level 0");
    hold(seen[UPCALL_EXCEPTION].depth == 1, "depth is raised");
    hold(raw_page.depth == 0, "and lowered by us");
    hold(seen[UPCALL_EXCEPTION].save.vector == VECTOR_INVALID, "its vector");
    hold(seen[UPCALL_EXCEPTION].save.address == 0, "no address of a fault that was none");
}

static void
foreign_calls(void)
{
    static const uint64_t numbers[] = {0,          60,         0x53ffffff,       0x54000100,
                                       0xffffffff, UINT64_MAX, 0x154000000 + 256};

    for (uint32_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        forget();
        pattern_draw(i);
        pattern[0] = numbers[i];
        WITH_PATTERN("syscall");
        registers_kept("registers across a foreign call", true);
        hold(upcalls(UPCALL_FOREIGN) == 1 && seen[UPCALL_FOREIGN].save.vector == VECTOR_FOREIGN,
             "a foreign call");
    }
    forget();
    __asm__ volatile("int $0x80" ::"a"(1) : "memory");
    hold(upcalls(UPCALL_FOREIGN) == 1 && seen[UPCALL_FOREIGN].save.vector == VECTOR_INT80,
         "int 0x80");
}

static void
bring_page(struct save_area *save, uint64_t kind)
{
    (void)kind;
    page_at(save->address & ~(uint64_t)(FRAME_BYTES - 1), frame_new(), MAP_READ | MAP_WRITE);
}

static void
faults(void)
{
    volatile uint64_t *absent = (volatile uint64_t *)(SCRATCH_VA + 0x918);

    forget();
    in_upcall = bring_page;
    *absent = 7;
    hold(*absent == 7 && upcalls(UPCALL_FAULT) == 1, "a page that came when it was touched");
    hold(seen[UPCALL_FAULT].save.address == (uintptr_t)absent, "the address of the fault");
    hold(seen[UPCALL_FAULT].save.error == (PAGE_FAULT_WRITE | 4), "absent, written, by a user");
}

static void
events(void)
{
    forget();
    fine(call_event_post(SLOT_EVENTS, QUIET, 1).value, "event_post");
    call_yield(SLOT_NOTHING);
    hold(upcalls(UPCALL_EVENT) == 0, "a counter that makes no upcalls makes none");
    fine(call_event_post(SLOT_EVENTS, COUNTER, 1).value, "event_post");
    call_yield(SLOT_NOTHING);
    hold(upcalls(UPCALL_EVENT) == 1, "an event is an upcall");
    hold(raw_page.pending == 0, "and is not pending");

    raw_page.mask = EVENT;
    fine(call_event_post(SLOT_EVENTS, COUNTER, 1).value, "event_post");
    call_yield(SLOT_NOTHING);
    hold(upcalls(UPCALL_EVENT) == 1, "a masked event is no upcall");
    hold(raw_page.pending == EVENT, "but pending");
    hold(call_wait(0, 0).value == -E_INTR, "and ends a sleep before it begins");
    raw_page.mask = 0;
    call_yield(SLOT_NOTHING);
    hold(upcalls(UPCALL_EVENT) == 1, "unmasking brings nothing by itself: the library looks");
    raw_page.pending = 0;
}

static void
waits(void)
{
    uint64_t before = (uint64_t)fine(call_event_read(SLOT_EVENTS, QUIET).value, "event_read");
    struct wait_clause clauses[] = {{SLOT_EVENTS, WAIT_EVENT, QUIET, before},
                                    {SLOT_EVENTS, WAIT_EVENT, QUIET, before - 1}};
    uint64_t begin = clock_ns();

    hold(call_wait((uintptr_t)clauses, 2).value == 1, "the clause that holds");
    raw_page.mask = EVENT;
    call_deadline_set(begin + DEADLINE_NS);
    hold(call_wait((uintptr_t)clauses, 1).value == -E_INTR, "a deadline ends a sleep");
    expect(clock_ns() >= begin + DEADLINE_NS, "not before its time");
    expect(clock_ns() < begin + LATE_NS, "and soon after it");
    raw_page.mask = raw_page.pending = 0;
    clauses[0].value = before;
    clauses[1] = (struct wait_clause){.kind = WAIT_CLOCK, .value = clock_ns() + DEADLINE_NS};
    begin = clock_ns();
    hold(call_wait((uintptr_t)clauses, 2).value == 1, "a clause that is a time");
    expect(clock_ns() >= begin + DEADLINE_NS, "not before it");
    clauses[1] = (struct wait_clause){.kind = WAIT_EPOCH, .value = 0};
    hold(call_wait((uintptr_t)clauses, 2).value == 1, "an epoch that was never given out");
    clauses[1].kind = WAIT_KINDS;
    hold(call_wait((uintptr_t)clauses, 2).value == -E_INVAL, "no kind of clause");
}

static void
deadline(void)
{
    uint64_t begin = clock_ns();

    forget();
    fine(call_deadline_set(begin + DEADLINE_NS).value, "deadline_set");
    while (!upcalls(UPCALL_EVENT) && clock_ns() < begin + LATE_NS)
        ;
    expect(clock_ns() >= begin + DEADLINE_NS, "not before its time");
    for (begin = clock_ns(); clock_ns() < begin + DEADLINE_NS;)
        ;
    hold(upcalls(UPCALL_EVENT) == 1, "a deadline comes once");
    fine(call_deadline_set(clock_ns() + CLEARED_NS).value, "deadline_set");
    fine(call_deadline_set(0).value, "deadline_set 0");
    for (begin = clock_ns(); clock_ns() < begin + (uint64_t)2 * CLEARED_NS;)
        ;
    hold(upcalls(UPCALL_EVENT) == 1, "and not when it was cleared");
    fine(call_deadline_set(1).value, "a time that has passed");
    for (begin = clock_ns(); upcalls(UPCALL_EVENT) < 2 && clock_ns() < begin + LATE_NS;)
        ;
    hold(upcalls(UPCALL_EVENT) == 2, "comes at once");
}

static uint64_t redelivered, redelivered_level, redelivered_depth;

/*
 * The exception's handler makes the probe fault; the fault finds the area whole and gives it a
 * page.
 */
static void
fault_in_resume(struct save_area *save, uint64_t kind)
{
    if (kind == UPCALL_EXCEPTION) {
        save->rip += UD2_BYTES;
        raw_probe = (const uint8_t *)SCRATCH_VA + (uint64_t)FRAME_BYTES * 64;
        return;
    }
    if (kind != UPCALL_FAULT) /* a slice begins or ends */
        return;
    redelivered++;
    redelivered_level = raw_level(save);
    redelivered_depth = raw_page.depth;
    hold(save->address == (uintptr_t)raw_probe, "the fault in the resume sequence");
    hold(save->rbx == pattern[1] && save->r15 == pattern[14], "on the area that was being resumed");
    page_at((uintptr_t)raw_probe, frame_new(), MAP_READ);
}

static void
redelivery(void)
{
    forget();
    in_upcall = fault_in_resume;
    pattern_draw(77);
    WITH_PATTERN("ud2");
    hold(redelivered == 1, "redelivered once"); /* a slice may end meanwhile, a level higher */
    hold(redelivered_depth == redelivered_level + 1, "on the level that was being resumed");
    hold(!memcmp(after, pattern, sizeof(after)), "registers across a resume that was interrupted");
    hold(raw_page.depth == 0, "no level is lost");
}

/* Goes as deep as there are levels; events find none left and stay pending. */
static void
deeper(struct save_area *save, uint64_t kind)
{
    if (kind != UPCALL_EXCEPTION)
        return;
    hold(raw_level(save) + 1 == raw_page.depth, "a level each");
    save->rip += UD2_BYTES;
    if (raw_page.depth < UPCALL_DEPTH_MAX || argument(0)[0] == 'd') {
        __asm__ volatile("ud2");
        return;
    }
    fine(call_event_post(SLOT_EVENTS, COUNTER, 1).value, "event_post");
    call_yield(SLOT_NOTHING);
    hold(raw_page.pending & EVENT, "an event without a level is pending");
    hold(upcalls(UPCALL_EVENT) == 0, "and no upcall");
}

static void
levels(void)
{
    forget();
    in_upcall = deeper;
    __asm__ volatile("ud2");
    hold(upcalls(UPCALL_EXCEPTION) == UPCALL_DEPTH_MAX, "as many upcalls as levels");
    hold(raw_page.depth == 0, "all are left");
    raw_page.pending = 0;
}

/* A hostile upcall page: the kernel bounds what it reads, and what is wrong ends us alone. */
static void
wild_page(void)
{
    forget();
    raw_page.mask = 0xffffffff & ~(uint32_t)EVENT;
    raw_page.pending = 0xffffffff & ~(uint32_t)(1 << UPCALL_SLICE_END | EVENT | 1 << UPCALL_REVOKE);
    raw_page.reserved = 0xffffffff;
    for (uint32_t i = 0; i < 28; i++)
        raw_page.unused[i] = UINT64_MAX;
    WITH_PATTERN("ud2");
    hold(upcalls(UPCALL_EXCEPTION) == 1, "an exception whatever the page says");
    raw_page.mask = raw_page.pending = 0;
}

void raw_beyond(void);

/* A handler of page faults that faults itself, at each level. */
static void
fault_again(struct save_area *save, uint64_t kind)
{
    (void)save;
    (void)kind;
    (void)*(const volatile uint8_t *)(SCRATCH_VA + FRAME_BYTES);
}

int
raw_main(void)
{
    raw_spill_bytes = argument(0)[0] == 'b' ? RESUME_BYTES : 0;
    raw_begin((uint64_t)1 << COUNTER);
    if (argument(0)[0] == 'b')
        raw_beyond();
    if (argument(0)[0] == 'd')
        levels();
    if (argument(0)[0] == 'f') {
        in_upcall = fault_again;
        fault_again(NULL, 0);
    }
    page_at(SCRATCH_VA + FRAME_BYTES, frame_new(), MAP_READ);
    exceptions();
    foreign_calls();
    faults();
    events();
    waits();
    deadline();
    redelivery();
    levels();
    wild_page();
    return done();
}
