/* SPDX-License-Identifier: MIT */
/*
 * sleeper.c - one that sleeps until a time, again and again, beside one that never gives way: with
 * the right to run at once, it does, long before the other's slice ends. Prints how late it was.
 * Argument: how often (1,000).
 */
#include "abi/event.h"
#include "test/boot/workers.h"

enum {
    SLOT_WORKER = 60,
    SLICE_NS = 10 * 1000 * 1000,
    ROUNDS = 1000,
    SLEEP_NS = 100 * 1000, /* and up to three times as much */
    LATE_NS = 100 * 1000,
    MEDIAN_NS = 20 * 1000,
    LATE_PART = 100, /* of it: the other's slice began just now, or our credit is spent */
};

static struct worker hog;
static volatile bool over;
static uint64_t late[ROUNDS], rounds;

static void
spin(struct worker *w)
{
    (void)w;
    while (!over)
        ;
}

static void
sort(void)
{
    for (uint32_t i = 1; i < rounds; i++)
        for (uint32_t k = i; k > 0 && late[k - 1] > late[k]; k--) {
            uint64_t more = late[k - 1];
            late[k - 1] = late[k];
            late[k] = more;
        }
}

int
exo_main(const struct start_page *start)
{
    struct wait_clause clause = {.kind = WAIT_CLOCK};
    uint64_t late_most;

    (void)start;
    rounds = argument_number(0, ROUNDS);
    late_most = rounds / LATE_PART;
    expect(rounds <= ROUNDS && late_most > 0, "100 to 1,000 rounds");
    stay_on(0);
    worker_start(&hog, SLOT_WORKER, 0, SLICE_NS, spin);
    for (uint32_t i = 0; i < rounds; i++) {
        clause.value = clock_ns() + SLEEP_NS + (uint64_t)(i % 3) * SLEEP_NS;
        fine(call_wait((uintptr_t)&clause, 1).value, "wait");
        late[i] = clock_ns() - clause.value;
    }
    over = true;
    sort();
    say("late by %lu ns (median), %lu (99 %%), %lu at most", late[rounds / 2],
        late[rounds - late_most], late[rounds - 1]);
    hold(late[rounds / 2] <= MEDIAN_NS, "it runs at once");
    hold(late[rounds - late_most - 1] <= LATE_NS, "and nearly always");
    return done();
}
