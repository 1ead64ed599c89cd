/* SPDX-License-Identifier: MIT */
/* exits_pair.c - see exits_pair.h. */
#include "bench/exits_pair.h"
#include <stdbool.h>
#include "abi/cap.h"
#include "abi/slice.h"
#include "libos/exo/child.h"
#include "libos/exo/exo.h"
#include "libos/exo/rpc.h"
#include "call_stubs.h"

enum {
    SLOT_CELLS = 20,
    SLOT_ENTRY,
    SLOT_OTHER, /* our second context */
    SLOT_CHILD, /* CHILD_SLOT_COUNT of them */
    LIMIT_FRAMES = 1024,
    STACK_BYTES = 16 << 10,
    COUNTER_OTHER = COUNTER_FIRST_FREE,
    FIRST_CPU = 0,
    SECOND_CPU = 1,
    NS_PER_MS = 1000000,
    OFF_NS = 10 * NS_PER_MS,
};

static int64_t
position_name(uint32_t cpu, uint32_t context)
{
    return call_slice_set(SLOT_ACCOUNT, cpu, (uint32_t)exo_start_page->position, context,
                          SLOT_NOTHING, SLICE_MAX_NS)
        .value;
}

int64_t
pair_begin(void)
{
    return position_name(FIRST_CPU, SLOT_CONTEXT);
}

/* ---- another environment ---- */

static void
child_answer(struct rpc *m)
{
    m->word[1]++;
}

static void
child_main(void)
{
    rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, FIRST_CPU, child_answer);
}

static struct child_terms child = {
    .name = 1,
    .limit_frames = LIMIT_FRAMES,
    .slot = {SLOT_CHILD, SLOT_CHILD + 1, SLOT_CHILD + 2, SLOT_CHILD + 3, SLOT_CHILD + 4},
    .entry = SLOT_ENTRY,
    .cells = SLOT_CELLS,
    .first_cell = 1,
    .main = child_main,
};

static bool
cells_ready(void)
{
    static bool ready;
    uint64_t frame;

    if (ready)
        return true;
    rpc_begin();
    ready = pool_take(&exo_pool, &frame, 1) == 1 &&
            call_cells_make(SLOT_ACCOUNT, frame, SLOT_CELLS).value >= 0;
    return ready;
}

static uint64_t
calls(uint64_t n)
{
    struct rpc m = {.word = {0}};
    uint64_t done = 0;

    while (done < n && rpc_call(SLOT_ENTRY, &m) >= 0)
        done++;
    return done;
}

static bool child_here;

uint64_t
pair_transfer(uint64_t n)
{
    if (!child_here) {
        child.name++; /* a name is given once */
        child_here = cells_ready() && child_make(&child) >= 0;
    }
    return child_here ? calls(n) : 0;
}

/* Makes one, calls it once, destroys it. Returns whether it was called. */
static uint64_t
child_round(void)
{
    uint64_t done = pair_transfer(1);

    child_here = false;
    return child_destroy(&child) < 0 ? 0 : done;
}

uint64_t
pair_env_create(uint64_t n)
{
    uint64_t done = 0;

    while (done < n && child_round() == 1)
        done++;
    return done;
}

/* ---- a context of ours on the second processor ---- */

static struct context other __attribute__((aligned(FRAME_BYTES)));
static uint8_t other_stack[STACK_BYTES] __attribute__((aligned(16)));
static uint8_t other_upcall_stack[STACK_BYTES] __attribute__((aligned(16)));
static volatile uint64_t other_ready, other_events, other_turns;

/* What an event interrupts is nothing to go back to. */
static void
other_on_event(void)
{
    *(volatile uint32_t *)&other.page.depth = 0;
    other_events++;
    for (;;)
        other_turns++;
}

static void
other_on_fault(void)
{
    exo_exit(1);
}

static int64_t
other_upcalls(void)
{
    uint64_t page;
    struct upcall_setup setup = {
        .va = (uintptr_t)&other,
        .entry = {[UPCALL_EXCEPTION] = (uintptr_t)other_on_fault,
                  [UPCALL_FAULT] = (uintptr_t)other_on_fault,
                  [UPCALL_FOREIGN] = (uintptr_t)other_on_fault,
                  [UPCALL_EVENT] = (uintptr_t)other_on_event},
        .event_mask = 1 << COUNTER_OTHER,
        .events_slot = SLOT_EVENTS,
    };

    if (space_read(&exo_space, setup.va, &page, 1))
        return -1;
    setup.frame = page >> FRAME_SHIFT;
    for (int i = 0; i < UPCALL_DEPTH_MAX; i++)
        setup.stack[i] = (uintptr_t)other_upcall_stack + STACK_BYTES - 8;
    return call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&setup).value;
}

/* It is busy, and makes no call. */
static void
other_main(void)
{
    context_begin(&other, 1);
    if (other_upcalls() < 0)
        exo_exit(1);
    other_ready = 1;
    for (;;)
        other_turns++;
}

/* The other on the second processor, we on the first alone. */
static bool
other_begin(void)
{
    uint64_t frame[2];
    struct context_start start = {.rip = (uintptr_t)other_main,
                                  .rsp = (uintptr_t)other_stack + STACK_BYTES - 8,
                                  .stop_slot = SLOT_NOTHING};

    if (other_ready)
        return true;
    if (pool_take_all(&exo_pool, frame, 2))
        return false;
    start.vector_frame = frame[1];
    if (call_context_make(SLOT_ENV, frame[0], SLOT_OTHER, (uintptr_t)&start).value < 0 ||
        position_name(SECOND_CPU, SLOT_OTHER) < 0)
        return false;
    call_yield(SLOT_NOTHING); /* off the second processor, if we are there */
    while (!other_ready)
        __asm__ volatile("pause");
    return true;
}

/* The other off its processor: true once it is. */
static bool
other_off(void)
{
    uint64_t seen;

    if (!other_begin() || position_name(SECOND_CPU, SLOT_NOTHING) < 0)
        return false;
    do { /* it counts no more */
        seen = other_turns;
        clock_sleep_until(clock_ns() + OFF_NS);
    } while (other_turns != seen);
    return true;
}

/* Back on it. */
static bool
other_on(void)
{
    uint64_t seen = other_turns;

    if (position_name(SECOND_CPU, SLOT_OTHER) < 0)
        return false;
    while (other_turns == seen)
        __asm__ volatile("pause");
    return true;
}

static uint64_t
flushes(uint64_t n)
{
    const volatile struct machine_page *machine =
        (const volatile struct machine_page *)EXPOSED_MACHINE;
    static uint64_t va, frame;
    uint64_t entry, done = 0;

    if (!va && pool_take_run(&exo_pool, 1, &frame))
        return 0;
    va = va ? va : room_take(1);
    entry = frame << FRAME_SHIFT | MAP_READ | MAP_WRITE;
    for (; done < n; done++) {
        struct call_result r;
        if (space_map(&exo_space, va, &entry, 1, SLOT_ACCOUNT))
            return 0;
        r = call_pt_unmap(SLOT_ACCOUNT, exo_space.root, 0, va, 1);
        if (r.value != 1)
            return 0;
        call_tlb_flush(r.detail);
        while (machine->epoch_passed < r.detail)
            __asm__ volatile("pause");
    }
    return done;
}

uint64_t
pair_remote_flush(uint64_t n)
{
    return other_begin() ? flushes(n) : 0;
}

uint64_t
pair_remote_flush_off(uint64_t n)
{
    uint64_t done = other_off() ? flushes(n) : 0;

    return other_on() ? done : 0;
}

static bool
post(void)
{
    return call_event_post(SLOT_EVENTS, COUNTER_OTHER, 1).value >= 0;
}

uint64_t
pair_event_post(uint64_t n)
{
    uint64_t done = 0;

    if (!other_begin())
        return 0;
    for (; done < n; done++) {
        uint64_t seen = other_events;
        if (!post())
            return 0;
        while (other_events == seen)
            __asm__ volatile("pause");
    }
    return done;
}

uint64_t
pair_event_post_off(uint64_t n)
{
    uint64_t done = 0;

    if (!other_off())
        return 0;
    while (done < n && post())
        done++;
    return other_on() ? done : 0;
}

uint64_t
pair_dedicated(uint64_t n_ms)
{
    uint64_t end;

    if (position_name(FIRST_CPU, SLOT_NOTHING) < 0)
        return 0;
    call_yield(SLOT_NOTHING);
    end = clock_ns() + n_ms * NS_PER_MS;
    while (clock_ns() < end)
        __asm__ volatile("pause");
    return position_name(FIRST_CPU, SLOT_CONTEXT) < 0 ? 0 : n_ms;
}
