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
    PATIENCE_NS = 2000 * 1000 * 1000,
};

static struct worker hog, sleeper;
static volatile bool running, over, lent, woken;

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
    lent = !over;
    over = true;
    while (clock_ns() < from + AWAY_NS)
        __builtin_ia32_pause();
    clause.value = clock_ns() + SLEEP_NS;
    fine(call_wait((uintptr_t)&clause, 1).value, "wait");
    woken = true;
}

int
exo_main(const struct start_page *start)
{
    uint64_t end;

    (void)start;
    stay_on(0);
    worker_start(&hog, SLOT_HOG, 1, SLICE_NS, keep_busy);
    while (!running)
        call_yield(SLOT_NOTHING);
    worker_start(&sleeper, SLOT_SLEEPER, 1, SLICE_NS, fall_asleep);
    fine(call_yield(SLOT_SLEEPER).value, "giving it the rest of ours");
    expect(lent, "it ran here, while its processor was busy");
    for (end = clock_ns() + PATIENCE_NS; !woken && clock_ns() < end;)
        call_yield(SLOT_NOTHING);
    hold(woken, "who fell asleep on another's time sleeps for ever");
    worker_join(&sleeper, "the sleeper");
    worker_stop(&hog);
    return done();
}
