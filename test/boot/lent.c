/* SPDX-License-Identifier: MIT */
/*
 * lent.c - a context that is given the rest of a slice on a processor where no position names it,
 * and falls asleep there until a time. Its own processor, which halts, wakes it.
 */
#include "abi/event.h"
#include "test/boot/workers.h"

enum {
    SLOT_HOG = 60,
    SLOT_SLEEPER,
    SLICE_NS = 50 * 1000 * 1000,
    AWAY_NS = 1000 * 1000, /* until the other processor has halted */
    SLEEP_NS = 1000 * 1000,
    TRIES = 20,
};

static const uint64_t PATIENCE_NS = 20000000000;

static struct worker hog, sleeper;
static volatile bool running, over, woken;

/* Has the processor to itself, then sleeps until nothing. */
static void
keep_busy(struct worker *w)
{
    (void)w;
    running = true;
    while (!over)
        __builtin_ia32_pause();
    call_wait(0, 0);
}

static void
fall_asleep(struct worker *w)
{
    struct wait_clause clause = {.kind = WAIT_CLOCK};
    uint64_t from = clock_ns();

    (void)w;
    over = true;
    while (clock_ns() < from + AWAY_NS)
        __builtin_ia32_pause();
    clause.value = clock_ns() + SLEEP_NS;
    fine(call_wait((uintptr_t)&clause, 1).value, "wait");
    woken = true;
}

/* False: the host put us aside until its own processor came to it, and it was not ours to lend. */
static bool
lends(void)
{
    uint64_t end;
    int64_t given;

    running = over = woken = false;
    worker_start(&hog, SLOT_HOG, 1, SLICE_NS, keep_busy);
    while (!running)
        call_yield(SLOT_NOTHING);
    worker_start(&sleeper, SLOT_SLEEPER, 1, SLICE_NS, fall_asleep);
    given = call_yield(SLOT_SLEEPER).value;
    expect(given == 0 || given == -E_AGAIN, "giving it the rest of ours");
    for (end = clock_ns() + PATIENCE_NS; !woken && clock_ns() < end;)
        call_yield(SLOT_NOTHING);
    hold(woken, "who fell asleep on another's time sleeps for ever");
    worker_join(&sleeper, "the sleeper");
    worker_stop(&hog);
    return given == 0;
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    stay_on(0);
    for (int i = 0; i < TRIES; i++)
        if (lends())
            return done();
    fail("it never ran on our time");
}
