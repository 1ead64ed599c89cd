/* SPDX-License-Identifier: MIT */
/*
 * destroys.c - what the end of a small account costs, whatever the size of the machine; and one
 * that nobody goes on with, which idle processors reap. Argument `brief`: within two seconds.
 */
#include "abi/account.h"
#include "test/boot/kit.h"

enum {
    CHILD = 90, /* slots, one below the other */
    DEPTH = 3,
    EVENTS = CHILD + DEPTH,
    CONTEXT,
    FRAMES = 8,
    ROUNDS = 20,
    BIG = 1500,
};

static const uint64_t NAP_NS = 1000000;
static uint64_t patience_ns = 60000000000;

/* An account in frames of its parent, each with frames, tables and an object. */
static uint64_t
family(uint64_t n)
{
    uint64_t frame = frame_new(), first = frame, got = 0;
    struct account_terms terms = {.name = 5, .limit_frames = ACCOUNT_NO_LIMIT};
    uint32_t parent = SLOT_ACCOUNT;

    for (uint32_t i = 0; i < DEPTH; i++, parent = CHILD + i - 1) {
        struct pool pool = {.account = CHILD + i};
        call_slot_clear(SLOT_SLOTS, CHILD + i);
        fine(call_account_make(parent, frame, CHILD + i, (uintptr_t)&terms).value, "account_make");
        for (uint64_t k = 0; k < n; k++)
            fine(pool_take_run(&pool, 1, &got), "a frame");
        fine(call_pt_make(CHILD + i, got, 1, frame_of_account(CHILD + i)).value, "pt_make");
        frame = frame_of_account(CHILD + i);
    }
    return first;
}

static void
small(void)
{
    uint64_t least = UINT64_MAX, calls = 0;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t frame = family(FRAMES), from = clock_counter();
        while (fine(call_account_destroy(CHILD).value, "account_destroy") > 0)
            calls++;
        from = clock_counter() - from;
        least = from < least ? from : least;
        while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
            ;
    }
    hold(calls == 0, "a small account ends in one call, however large the machine is");
    say("%u frames in %u accounts: %lu cycles, %lu calls each", DEPTH * (FRAMES + 2) - 1, DEPTH,
        least, 1 + calls / ROUNDS);
}

/* Begun, and left to itself: we sleep, the processor idles. */
static void
idle(void)
{
    uint64_t frame = family(BIG / DEPTH), end = clock_ns() + patience_ns, before;

    expect(call_account_destroy(CHILD).value > 0, "one call does not do it");
    before = account_told(CHILD).used_frames;
    for (uint64_t left = before; left > 0; left = account_told(CHILD).used_frames) {
        hold(clock_ns() < end, "idle processors reap");
        clock_sleep_until(clock_ns() + NAP_NS);
    }
    say("%lu frames left after one call, none after some sleep", before);
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
}

/* A context of ours is to raise a counter of the child's when it stops, and does not stop. */
static void
held(void)
{
    uint64_t frame = family(1), end = clock_ns() + patience_ns, events = frame_of_account(CHILD);
    struct context_start start = {.stop_slot = EVENTS, .vector_frame = frame_new()};
    uint64_t context = frame_new();

    fine(call_events_make(CHILD, events, EVENTS).value, "events_make");
    fine(call_context_make(SLOT_ENV, context, CONTEXT, (uintptr_t)&start).value, "context_make");
    while (fine(call_account_destroy(CHILD).value, "account_destroy") > 0)
        hold(clock_ns() < end, "an account ends, whoever counts on its counters");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
    fine(call_context_stop(CONTEXT).value, "context_stop");
    fine(call_frame_free(SLOT_ACCOUNT, context, 1).value, "frame_free");
    fine(call_frame_free(SLOT_ACCOUNT, start.vector_frame, 1).value, "frame_free");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    if (!strcmp(argument(0), "brief"))
        patience_ns = 2000000000;
    small();
    idle();
    held();
    return done();
}
