/* SPDX-License-Identifier: MIT */
/*
 * stress.c - several contexts of one partition, on all processors, do random deeds with a pool of
 * shared frames, slots and positions, while others do as much with the same ones: any call may be
 * refused, none may break what all rely on. Between rounds nobody works, and what the kernel
 * exposes must add up: every frame of ours is what frame_read says, the account is charged for just
 * these, none is free, the references of a frame are the entries and pins that we find, no frame's
 * words have a waiter. What the kernel says of itself comes at the end (`check`).
 * Arguments: rounds, seed.
 */
#include <stdatomic.h>
#include "abi/account.h"
#include "abi/event.h"
#include "abi/transfer.h"
#include "test/boot/message.h"
#include "test/boot/workers.h"

enum {
    SLOT_WORKER = 60, /* one a worker */
    SLOT_FIRST = 70,  /* what the deeds make and bind, all of them anywhere here */
    SLOT_COUNT = 24,
    WORKERS = 6,
    FRAMES = 96,  /* the pool */
    PAGES = 64,   /* where they are mapped */
    SPAN_MAX = 8, /* entries in one deed */
    DEEDS = 60,   /* of a worker in a round */
    SWEEPS = 400,
    WAIT_NS = 100 * 1000,
    COUNTER = 20,
    REST_NS = 500 * 1000,
    ROUNDS_LONG = 100,
    SLICE_NS = 1000 * 1000,
    POSITION = 900,
    KINDS = 27,
};

static struct worker worker[WORKERS];
static uint64_t frame[FRAMES];
static uint64_t root; /* of their own making: nothing stands on it */
static _Atomic uint32_t round_now, at_rest;
static _Atomic uint64_t tried[KINDS], worked[KINDS];
static volatile bool over;
static volatile uint32_t worker_deed[WORKERS];
static struct cap shelf[SLOT_COUNT];        /* capabilities, torn at times as all write them */
static _Atomic uint8_t kind_in[SLOT_COUNT]; /* what was put there last; it may be gone */

static uint32_t
draw(struct worker *w, uint32_t n)
{
    w->number = w->number * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(w->number >> 33) % n;
}

static uint64_t
any_frame(struct worker *w)
{
    return frame[draw(w, FRAMES)];
}

static uint32_t
any_slot(struct worker *w)
{
    return SLOT_FIRST + draw(w, SLOT_COUNT);
}

/* Most times one in which such a thing was; wholly at random hardly any deed would take place. */
static uint32_t
slot_of(struct worker *w, enum cap_kind kind)
{
    uint32_t first = draw(w, SLOT_COUNT);

    for (uint32_t i = 0; i < SLOT_COUNT && first % 4; i++)
        if (atomic_load(&kind_in[(first + i) % SLOT_COUNT]) == kind)
            return SLOT_FIRST + (first + i) % SLOT_COUNT;
    return SLOT_FIRST + first;
}

static int64_t
now_in(uint32_t slot, enum cap_kind kind, int64_t value)
{
    if (value >= 0)
        atomic_store(&kind_in[slot - SLOT_FIRST], kind);
    return value;
}

static uint64_t
any_page(struct worker *w)
{
    return SCRATCH_VA + ((uint64_t)draw(w, PAGES - SPAN_MAX) << FRAME_SHIFT);
}

/* A storm of calls from all processors would wait for the kernel's lock and do little else. */
static void
rest(void)
{
    struct wait_clause clause = {.kind = WAIT_CLOCK, .value = clock_ns() + REST_NS};

    call_wait((uintptr_t)&clause, 1);
}

/* ---- deeds on memory ---- */

static int64_t
deed_map(struct worker *w)
{
    uint64_t entry[4];
    uint32_t n = 1 + draw(w, 4);

    for (uint32_t i = 0; i < n; i++)
        entry[i] = any_frame(w) << FRAME_SHIFT | MAP_READ | (draw(w, 2) ? MAP_WRITE : 0);
    return call_pt_map(SLOT_ACCOUNT, root, 0, any_page(w), (uintptr_t)entry, n, SLOT_ACCOUNT).value;
}

static int64_t
deed_unmap(struct worker *w)
{
    return call_pt_unmap(SLOT_ACCOUNT, root, 0, any_page(w), 1 + draw(w, SPAN_MAX)).value;
}

static int64_t
deed_protect(struct worker *w)
{
    return call_pt_protect(SLOT_ACCOUNT, root, 0, any_page(w), 1 + draw(w, SPAN_MAX), MAP_WRITE,
                           draw(w, 2) ? MAP_WRITE : 0)
        .value;
}

static int64_t
deed_break(struct worker *w)
{
    return call_frame_break(SLOT_ACCOUNT, any_frame(w)).value;
}

static int64_t
deed_free(struct worker *w)
{
    return call_frame_free(SLOT_ACCOUNT, any_frame(w), 1).value;
}

static int64_t
deed_alloc(struct worker *w)
{
    return call_frame_alloc(SLOT_ACCOUNT, any_frame(w), 1).value;
}

static int64_t
deed_table(struct worker *w)
{
    return call_pt_make(SLOT_ACCOUNT, any_frame(w), 1 + draw(w, PT_LEVELS), any_frame(w)).value;
}

static int64_t
deed_link(struct worker *w)
{
    uint64_t va = SCRATCH_VA + ((uint64_t)(1 + draw(w, 3)) << (FRAME_SHIFT + 9));

    if (draw(w, 2))
        return call_pt_link(SLOT_ACCOUNT, root, va, any_frame(w), 0).value;
    return call_pt_unlink(SLOT_ACCOUNT, root, va, 1).value;
}

static int64_t
deed_copy(struct worker *w)
{
    struct copy_request request = {.from = (uint32_t)root,
                                   .to = (uint32_t)root,
                                   .from_va = any_page(w),
                                   .to_va = any_page(w),
                                   .n = 1 + draw(w, SPAN_MAX),
                                   .from_clear = draw(w, 2) ? MAP_WRITE : 0,
                                   .to_clear = draw(w, 2) ? MAP_WRITE : 0};

    return call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&request).value;
}

/* Through the links of a frame, which others map, copy and break. */
static int64_t
deed_sweep(struct worker *w)
{
    uint64_t f = any_frame(w), from = 0;
    struct call_result r;

    do {
        r = call_frame_protect(SLOT_ACCOUNT, f, from, 0, 0, MAP_WRITE, draw(w, 2) ? MAP_WRITE : 0);
        from = r.value < 0 ? 0 : (uint64_t)r.value >> FRAME_SHIFT;
    } while (from);
    if (r.detail && draw(w, 2))
        call_tlb_flush(r.detail);
    return r.value;
}

/* Counters are shown in a frame, or no more: it is pinned while others pass, take and free it. */
static int64_t
deed_window(struct worker *w)
{
    return call_event_window(slot_of(w, KIND_EVENTS), SLOT_ACCOUNT, draw(w, 3) ? any_frame(w) : 0,
                             COUNTER)
        .value;
}

/* ---- deeds on objects ---- */

static int64_t
deed_object(struct worker *w)
{
    uint32_t slot = any_slot(w);
    uint64_t f = any_frame(w);

    switch (draw(w, 6)) {
    default:
        return now_in(slot, KIND_CELLS, call_cells_make(SLOT_ACCOUNT, f, slot).value);
    case 1:
        return now_in(slot, KIND_EVENTS, call_events_make(SLOT_ACCOUNT, f, slot).value);
    case 2:
        return now_in(slot, KIND_SLOTS, call_slots_make(SLOT_ACCOUNT, f, slot).value);
    case 3:
        return now_in(slot, KIND_ENTRY, call_entry_make(SLOT_ACCOUNT, f, slot).value);
    }
}

static int64_t
deed_account(struct worker *w)
{
    struct account_terms terms;
    uint32_t parent = draw(w, 2) ? SLOT_ACCOUNT : slot_of(w, KIND_ACCOUNT), slot = any_slot(w);

    memset(&terms, 0, sizeof(terms));
    terms.name = 1 + draw(w, 8);
    terms.limit_frames = 1 + draw(w, 8);
    return now_in(slot, KIND_ACCOUNT,
                  call_account_make(parent, any_frame(w), slot, (uintptr_t)&terms).value);
}

static int64_t
deed_destroy(struct worker *w)
{
    return call_account_destroy(slot_of(w, KIND_ACCOUNT)).value;
}

static int64_t
deed_grant(struct worker *w)
{
    return call_cap_grant(slot_of(w, 1 + draw(w, KIND_COUNT - 1)), slot_of(w, KIND_CELLS),
                          1 + draw(w, CELLS_PER_FRAME - 1), draw(w, 2) ? RIGHT_GRANT : RIGHT_NONE,
                          0, (uintptr_t)&shelf[draw(w, SLOT_COUNT)])
        .value;
}

static int64_t
deed_bind(struct worker *w)
{
    uint32_t table = draw(w, 3) ? SLOT_SLOTS : slot_of(w, KIND_SLOTS);

    return call_cap_bind(table, any_slot(w), (uintptr_t)&shelf[draw(w, SLOT_COUNT)]).value;
}

static int64_t
deed_revoke(struct worker *w)
{
    return call_cap_revoke(slot_of(w, KIND_CELLS), 1 + draw(w, CELLS_PER_FRAME - 1)).value;
}

static int64_t
deed_clear(struct worker *w)
{
    return call_slot_clear(SLOT_SLOTS, any_slot(w)).value;
}

static int64_t
deed_context(struct worker *w)
{
    struct context_start start = {
        .rip = FRAME_BYTES, .vector_frame = any_frame(w), .stop_slot = SLOT_NOTHING};
    uint32_t slot = any_slot(w);

    switch (draw(w, 4)) {
    case 0:
        return call_context_stop(slot_of(w, KIND_CONTEXT)).value;
    case 1:
        return call_context_resume(slot_of(w, KIND_CONTEXT)).value;
    default:
        return now_in(slot, KIND_CONTEXT,
                      call_context_make(SLOT_ENV, any_frame(w), slot, (uintptr_t)&start).value);
    }
}

/* Frames go to another account, with what they hold. */
static int64_t
deed_pass(struct worker *w)
{
    return call_frame_pass(SLOT_ACCOUNT, any_frame(w), 1, slot_of(w, KIND_ACCOUNT)).value;
}

/* ---- deeds on control ---- */

/* Its activations begin where nothing is: they end at once, and who called hears of it. */
static int64_t
deed_serve(struct worker *w)
{
    struct transfer_setup setup = {
        .rip = FRAME_BYTES, .rsp = FRAME_BYTES, .cpu = draw(w, cpu_count())};

    if (draw(w, 4))
        return call_transfer_serve(slot_of(w, KIND_ENTRY), slot_of(w, KIND_CONTEXT),
                                   (uintptr_t)&setup)
            .value;
    return call_transfer_withdraw(slot_of(w, KIND_ENTRY), setup.cpu).value;
}

static int64_t
deed_call(struct worker *w)
{
    uint64_t message[MESSAGE_WORDS] = {0};
    uint32_t first = draw(w, SLOT_COUNT);
    int64_t r = -E_BADF;

    for (uint32_t i = 0; i < SLOT_COUNT && r != -E_OWNERDEAD; i++) {
        r = message_send(transfer_word(SLOT_FIRST + (first + i) % SLOT_COUNT), message);
        hold(r < 0, "nobody answers a call there");
    }
    return r == -E_OWNERDEAD ? 0 : r;
}

void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    (void)message;
    (void)identity;
    (void)flags;
}

/* ---- deeds on time and events ---- */

static int64_t
deed_slice(struct worker *w)
{
    uint32_t cpu = draw(w, cpu_count()), position = POSITION + draw(w, 4);

    switch (draw(w, 4)) {
    case 0:
        return call_slice_take(SLOT_ACCOUNT, cpu, position, 1).value;
    case 1:
        return call_slice_give(SLOT_ACCOUNT, cpu, position, 1).value;
    default:
        return call_slice_set(SLOT_ACCOUNT, cpu, position, slot_of(w, KIND_CONTEXT),
                              draw(w, 2) ? slot_of(w, KIND_CONTEXT) : SLOT_NOTHING, SLICE_NS)
            .value;
    }
}

static int64_t
deed_post(struct worker *w)
{
    return call_event_post(draw(w, 2) ? SLOT_EVENTS : slot_of(w, KIND_EVENTS), COUNTER + draw(w, 4),
                           1)
        .value;
}

static int64_t
deed_wait(struct worker *w)
{
    struct wait_clause clause[3] = {
        {.kind = WAIT_CLOCK, .value = clock_ns() + WAIT_NS},
        {.slot = SLOT_ACCOUNT, .kind = WAIT_WORD, .where = any_frame(w) << FRAME_SHIFT},
        {.slot = draw(w, 2) ? SLOT_EVENTS : slot_of(w, KIND_EVENTS),
         .where = COUNTER,
         .value = UINT32_MAX}};

    return call_wait((uintptr_t)clause, 1 + draw(w, 3)).value;
}

static int64_t
deed_wake(struct worker *w)
{
    return call_wake(SLOT_ACCOUNT, any_frame(w)).value;
}

static int64_t
deed_yield(struct worker *w)
{
    return call_yield(draw(w, 2) ? SLOT_NOTHING : SLOT_WORKER + draw(w, WORKERS)).value;
}

static int64_t (*const deeds[KINDS])(struct worker *) = {
    deed_map,   deed_unmap,   deed_protect, deed_break,   deed_free,  deed_alloc, deed_table,
    deed_link,  deed_object,  deed_account, deed_destroy, deed_grant, deed_bind,  deed_revoke,
    deed_clear, deed_context, deed_slice,   deed_post,    deed_wait,  deed_wake,  deed_yield,
    deed_pass,  deed_serve,   deed_call,    deed_copy,    deed_sweep, deed_window};

static void
work(struct worker *w)
{
    for (uint32_t round = 1;; round++) {
        while (atomic_load(&round_now) < round && !over)
            rest();
        if (over)
            return;
        for (uint32_t i = 0; i < DEEDS; i++) {
            uint32_t kind = draw(w, KINDS);
            atomic_fetch_add(&tried[kind], 1);
            worker_deed[w - worker] = kind;
            if (deeds[kind](w) >= 0)
                atomic_fetch_add(&worked[kind], 1);
        }
        atomic_fetch_add(&at_rest, 1);
    }
}

/* ---- between rounds ---- */

static uint64_t
used(void)
{
    return account_told(SLOT_ACCOUNT).used_frames;
}

static bool
is_free(uint64_t f)
{
    return ((const volatile uint64_t *)EXPOSED_FREE)[f / 64] >> f % 64 & 1;
}

/* What a frame of the pool is now; 0 where it is not ours. */
static uint32_t
frame_type_now(uint64_t f, struct frame_state *state)
{
    memset(state, 0, sizeof(*state));
    return call_frame_read(SLOT_ACCOUNT, f, 1, (uintptr_t)state).value == 1 ? state->type : 0;
}

static void
add_up(uint64_t other_frames)
{
    uint64_t ours = 0, entry[PAGES];
    struct frame_state state;

    fine(call_pt_read(SLOT_ACCOUNT, root, 0, SCRATCH_VA, (uintptr_t)entry, PAGES).value, "pt_read");
    for (uint32_t i = 0; i < FRAMES; i++) {
        uint32_t type = frame_type_now(frame[i], &state);
        uint64_t here = 0;
        for (uint32_t p = 0; p < PAGES; p++)
            here += (entry[p] & MAP_READ) && entry[p] >> FRAME_SHIFT == frame[i];
        ours += type != 0;
        hold(!(type && is_free(frame[i])), "a frame of ours is free");
        hold(type || !here, "a frame that is not ours is mapped");
        hold(!here || type == FRAME_PLAIN || (type >= FRAME_PT1 && type < FRAME_PT4),
             "a kernel object is mapped");
        if (type == FRAME_PLAIN)
            hold(state.refs == here, "references of a plain frame are the entries that map it");
        hold(!((const volatile uint32_t *)EXPOSED_WAITERS)[frame[i]], "somebody waits there");
    }
    hold(used() == ours + other_frames, "the account is charged for just what it has");
}

/* Everything of the pool becomes plain or free again, by what any library may do. */
static void
sweep(void)
{
    struct frame_state state;
    uint32_t left = FRAMES, sweeps = 0;

    for (uint32_t i = 0; i < cpu_count(); i++)
        call_slice_give(SLOT_ACCOUNT, i, POSITION, 4);
    while (left) {
        left = 0;
        expect(sweeps++ < SWEEPS, "all can be had back");
        call_pt_unmap(SLOT_ACCOUNT, root, 0, SCRATCH_VA, PAGES);
        for (uint32_t i = 1; i <= 3; i++)
            call_pt_unlink(SLOT_ACCOUNT, root, SCRATCH_VA + ((uint64_t)i << (FRAME_SHIFT + 9)), 1);
        for (uint32_t i = 0; i < SLOT_COUNT; i++) {
            call_context_stop(SLOT_FIRST + i);
            for (uint32_t cell = 1; cell < CELLS_PER_FRAME && sweeps < 3; cell++)
                call_cap_revoke(SLOT_FIRST + i, cell);
            if (call_account_destroy(SLOT_FIRST + i).value <= 0)
                call_slot_clear(SLOT_SLOTS, SLOT_FIRST + i);
        }
        for (uint32_t i = 0; i < FRAMES; i++) {
            struct call_result r;
            if (!frame_type_now(frame[i], &state))
                continue;
            r = call_frame_free(SLOT_ACCOUNT, frame[i], 1);
            left += r.value != 1;
        }
    }
    for (uint32_t i = 0; i < FRAMES; i++) {
        struct call_result r;
        while ((r = call_frame_alloc(SLOT_ACCOUNT, frame[i], 1)).value == -E_AGAIN)
            call_tlb_flush(r.detail);
        if (r.value != 1)
            frame[i] = frame_new(); /* another partition's now */
    }
}

static void
stuck(uint32_t round)
{
    for (uint32_t i = 0; i < WORKERS; i++) {
        struct context_state state = context_told(worker[i].slot);
        say("worker %u, processor %u: phase %u at %lx, rax %lx, last deed %u", i, worker[i].cpu,
            state.phase, state.save.rip, state.save.rax, worker_deed[i]);
    }
    fail("round %u does not end: %u at rest", round, atomic_load(&at_rest));
}

static void
rest_await(uint32_t round)
{
    uint64_t end = clock_ns() + ((uint64_t)1 << 34);

    while (atomic_load(&at_rest) < round * WORKERS) {
        for (uint32_t i = 0; i < WORKERS; i++)
            if (worker_phase(&worker[i], NULL) == CONTEXT_STOPPED)
                worker_join(&worker[i], "it ended within a round");
        if (clock_ns() > end)
            stuck(round);
        rest();
    }
}

static void
tables_make(void)
{
    uint64_t level[PT_LEVELS + 1];

    for (uint32_t i = PT_LEVELS; i > 0; i--) {
        level[i] = frame_new();
        fine(call_pt_make(SLOT_ACCOUNT, level[i], i, frame_new()).value, "pt_make");
        if (i < PT_LEVELS)
            fine(call_pt_link(SLOT_ACCOUNT, level[PT_LEVELS], SCRATCH_VA, level[i], 0).value,
                 "pt_link");
    }
    root = level[PT_LEVELS];
}

int
exo_main(const struct start_page *start)
{
    uint64_t rounds = argument_number(0, 0), seed = argument_number(1, 0), n = 0, ok = 0, others;

    (void)start;
    say("seed %lu: %lu rounds", seed, rounds);
    stay_on(0);
    tables_make();
    for (uint32_t i = 0; i < WORKERS; i++) {
        worker[i].number = seed * WORKERS + i;
        worker_start(&worker[i], SLOT_WORKER + i, i % cpu_count(), SLICE_NS, work);
    }
    for (uint32_t i = 0; i < FRAMES; i++)
        frame[i] = frame_new();
    others = used() - FRAMES;
    for (uint32_t round = 1; round <= rounds; round++) {
        atomic_store(&round_now, round);
        rest_await(round);
        add_up(others);
        sweep();
        add_up(others);
    }
    over = true;
    for (uint32_t i = 0; i < WORKERS; i++)
        worker_join(&worker[i], "at the end");
    for (uint32_t i = 0; i < KINDS; i++) {
        if (!worked[i])
            say("seed %lu: deed %u never took place in %lu tries", seed, i, tried[i]);
        expect(worked[i] > 0 || rounds < ROUNDS_LONG, "each kind of deed takes place at times");
        n += tried[i];
        ok += worked[i];
    }
    say("seed %lu: %lu deeds, %lu of them took place", seed, n, ok);
    return done();
}
