/* SPDX-License-Identifier: MIT */
/*
 * meets.c - all that a timer may find to do at once: a slice ends, frames are overdue and taken by
 * force, and a crowd with a latency right, in a vector full of its names, sleeps until that very
 * time. Each time it comes to its end; bench/stretch.py measures how long the kernel runs at a
 * stretch (docs/bounds.md).
 */
#include "abi/account.h"
#include "abi/event.h"
#include "test/boot/workers.h"

enum {
    EVENTS = 20,
    CHILD,
    SPARE,
    WORKER = 30,
    SLEEPERS = 200,
    PLACES = 2, /* positions that name each */
    FIRST = 200,
    FRAMES = 600,
    TAKEN = 400,
    NEVER = 7,
    STACK_BYTES = 1024,
    SLICE_NS = 2 * 1000 * 1000,
    LITTLE_NS = 200 * 1000,
    AHEAD_NS = 400 * 1000 * 1000,
    LEAD_NS = 15 * 1000,
    LATE_NS = 8 * 1000,
};

static const uint64_t PATIENCE_NS = 60000000000, GAP = FRAME_BYTES;

static uint8_t stack[SLEEPERS][STACK_BYTES] __attribute__((aligned(16)));
static struct worker spinner;
static volatile uint64_t asleep, woken, time_ns;
static volatile bool crossed;

static void
sleep_until(void)
{
    struct wait_clause clause[WAIT_CLAUSES_MAX];

    clause[0] = (struct wait_clause){0, WAIT_CLOCK, 0, time_ns};
    for (uint32_t i = 1; i < WAIT_CLAUSES_MAX; i++)
        clause[i] = (struct wait_clause){EVENTS, WAIT_EVENT, i, NEVER};
    __atomic_fetch_add(&asleep, 1, __ATOMIC_SEQ_CST);
    if (call_wait((uintptr_t)clause, asleep % 8 ? 1 : WAIT_CLAUSES_MAX).value == 0)
        __atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
    call_context_exit(0);
}

static void
sleepers_begin(void)
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    for (uint32_t i = 0; i < SLEEPERS; i++) {
        struct context_start start = {.rip = (uintptr_t)sleep_until,
                                      .rsp = (uintptr_t)stack[i] + STACK_BYTES - 8,
                                      .vector_frame = frame_new(),
                                      .stop_slot = SLOT_NOTHING};
        call_slot_clear(SLOT_SLOTS, SPARE);
        fine(call_context_make(SLOT_ENV, frame_new(), SPARE, (uintptr_t)&start).value,
             "context_make");
        for (uint32_t k = 0, at = FIRST + i * PLACES; k < PLACES; k++) {
            fine(call_slice_take(SLOT_ACCOUNT, 0, at + k, 1).value, "slice_take");
            fine(call_slice_set(SLOT_ACCOUNT, 0, at + k, SPARE, SLOT_NOTHING, LITTLE_NS).value,
                 "slice_set");
        }
        while (asleep <= i) {
            expect(clock_ns() < end, "it sleeps");
            call_yield(SPARE);
        }
    }
}

/* Frames of a child's, that are wanted back by then. */
static void
child_begin(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = ACCOUNT_NO_LIMIT};

    fine(call_account_make(SLOT_ACCOUNT, frame_new(), CHILD, (uintptr_t)&terms).value,
         "account_make");
    for (uint32_t i = 0; i < FRAMES; i++)
        (void)frame_of_account(CHILD);
    fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, TAKEN, time_ns).value, "account_revoke");
}

/* Its slice ends when that time comes, and it is in a long call then. */
static void
cross(struct worker *w)
{
    struct wait_clause before = {.kind = WAIT_CLOCK, .value = time_ns - SLICE_NS + LATE_NS};
    uint64_t entry[PT_ENTRIES], frame = frame_new(), table = table_new(1);

    (void)w;
    for (uint32_t i = 0; i < PT_ENTRIES; i++)
        entry[i] = frame << FRAME_SHIFT | MAP_READ;
    for (uint64_t n = 0; n < PT_ENTRIES;)
        n += (uint64_t)fine(call_pt_map(SLOT_ACCOUNT, table, 1, n * GAP, (uintptr_t)(entry + n),
                                        PT_ENTRIES - n, SLOT_ACCOUNT)
                                .value,
                            "pt_map");
    fine(call_wait((uintptr_t)&before, 1).value, "wait");
    while (clock_ns() + LEAD_NS < time_ns)
        ;
    (void)call_frame_protect(SLOT_ACCOUNT, frame, 0, 0, 0, MAP_WRITE, 0);
    while (clock_ns() < time_ns + SLICE_NS)
        ;
    crossed = true;
}

int
exo_main(const struct start_page *start)
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    (void)start;
    stay_on(0);
    time_ns = clock_ns() + AHEAD_NS;
    fine(call_events_make(SLOT_ACCOUNT, frame_new(), EVENTS).value, "events_make");
    sleepers_begin();
    child_begin();
    worker_start(&spinner, WORKER, 0, SLICE_NS, cross);
    expect(clock_ns() + SLICE_NS < time_ns, "all is ready before that time");
    for (struct wait_clause then = {.kind = WAIT_CLOCK, .value = time_ns + AHEAD_NS};
         clock_ns() < then.value;)
        fine(call_wait((uintptr_t)&then, 1).value, "wait");
    while (woken < SLEEPERS || !crossed || account_told(CHILD).count[ACCOUNT_FRAMES].wanted > 0) {
        hold(clock_ns() < end, "all wake, and all is taken");
        call_yield(SLOT_NOTHING);
    }
    worker_join(&spinner, "who ran meanwhile");
    return done();
}
