/* SPDX-License-Identifier: MIT */
/*
 * kill.c - contexts are stopped at any instruction, on either processor, while processes fork, talk
 * and end. Sections are rolled forward, the process that ran there is taken back, and another
 * context takes its place. In the end nothing is missing.
 */
#include "libos/exo/clock.h"
#include "examples/procs/procs.h"

enum { CHURNS = 12, DELAY_NS = 400 * 1000 };

static uint64_t seed = 99;

static uint64_t
draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

struct kills {
    uint64_t all, critical, library;
};

/* Stop runner i wherever it is, and see to what it leaves. False: it cannot be replaced. */
static bool
strike(uint32_t i, struct kills *k)
{
    struct context *c = runners[i];
    uint32_t index = c->index;

    if (context_stop(c))
        return false;
    k->all++;
    k->critical += roll_needed(c);
    k->library += c->page.depth > 0;
    if (draw(2))
        call_yield(SLOT_NOTHING); /* others may find it first */
    roll_finish(c);
    if (context_remove(c))
        return false;
    proc_lost(index);
    return runner_begin(i);
}

/* Keep so many processes going, with their children. */
static bool
top_up(void)
{
    static uint64_t argument;

    while (procs_left() < CHURNS)
        if (!proc_start(IMAGE_CHURN, argument++))
            return false;
    return true;
}

static void
end_all(void)
{
    while (procs_left() > 0) {
        for (uint32_t i = 0; i < PROCS_MAX; i++)
            if (procs[i].state == PROC_RUNNING)
                proc_kill(&procs[i], 0);
        call_yield(SLOT_NOTHING);
    }
}

bool
kill_scene(uint64_t want)
{
    uint32_t frames = frames_free();
    struct kills k = {0};
    bool good = true;

    n_values = 0;
    while (k.critical < want && good) {
        uint64_t until = clock_ns() + draw(DELAY_NS);

        good = top_up();
        do
            call_yield(SLOT_NOTHING);
        while (clock_ns() < until);
        good = good && strike((uint32_t)draw(n_runners), &k);
    }
    end_all();
    print("kills: %lu contexts stopped, %lu of them in the library, %lu in a critical section; "
          "%lu rolled forward\n",
          k.all, k.library, k.critical, exo_rolled);
    print("kills: %u frames missing, %u processes left, %lu messages garbled\n",
          frames - frames_free(), procs_left(), n_values);
    return good && frames == frames_free() && n_values == 0 && exo_rolled >= k.critical;
}
