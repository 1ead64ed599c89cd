/* SPDX-License-Identifier: MIT */
/*
 * kill.c - contexts are stopped at any instruction, on either processor, while processes fork, talk
 * and end. Sections are rolled forward, the process that ran there is taken back, and another
 * context takes its place. In the end nothing is missing.
 */
#include "libos/exo/clock.h"
#include "examples/procs/procs.h"

enum {
    CHURNS = 12,
    DELAY_NS = 400 * 1000,
    WAITS = 4,
    WAITS_MAX = 400,
    MS = 1000 * 1000,
    PATIENCE_MS = 4000,
    TRIES = 4000
};

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
top_up(enum image image)
{
    static uint64_t argument;

    while (procs_left() < CHURNS)
        if (!proc_start(image, argument++))
            return false;
    return true;
}

/* Some time for what is to come by itself. */
static void
patience(bool (*come)(void))
{
    for (uint64_t i = 0; i < PATIENCE_MS && !come(); i++)
        clock_sleep_until(clock_ns() + MS);
}

static bool
none_left(void)
{
    return procs_left() == 0;
}

static void
end_all(void)
{
    for (uint64_t tries = 0; tries < TRIES && procs_left() > 0; tries++) {
        for (uint32_t i = 0; i < PROCS_MAX; i++)
            if (procs[i].state == PROC_RUNNING)
                proc_kill(&procs[i], 0);
        clock_sleep_until(clock_ns() + MS);
    }
}

/* Strikes among such processes until so many fell into a section, or there were so many. */
static bool
strikes(enum image image, struct kills *k, uint64_t critical, uint64_t all)
{
    bool good = true;

    while ((k->critical < critical || k->all < all) && good) {
        uint64_t until = clock_ns() + draw(DELAY_NS);

        good = top_up(image);
        do
            call_yield(SLOT_NOTHING);
        while (clock_ns() < until);
        good = good && strike((uint32_t)draw(n_runners), k);
    }
    return good;
}

/*
 * Who waits for one that was killed is told, wherever that one was: all come to their end by
 * themselves, and then every context is idle, and knows that it is.
 */
static bool
wait_scene(uint64_t all)
{
    uint32_t frames = frames_free();
    struct kills k = {0};
    bool good = strikes(IMAGE_ENDS, &k, 0, all);
    uint32_t left, idle;

    patience(none_left);
    left = procs_left();
    end_all();
    patience(sched_all_idle);
    idle = sched_all_idle();
    print("waits: %lu contexts stopped; %u processes waited for ever, %u at the end; %u frames "
          "missing; %s\n",
          k.all, left, procs_left(), frames - frames_free(),
          idle ? "all contexts idle" : "contexts were lost");
    return good && !left && idle && frames == frames_free();
}

bool
kill_scene(uint64_t want)
{
    uint32_t frames = frames_free();
    struct kills k = {0};
    bool good;

    n_values = 0;
    good = strikes(IMAGE_CHURN, &k, want, 0);
    end_all();
    print("kills: %lu contexts stopped, %lu of them in the library, %lu in a critical section; "
          "%lu rolled forward\n",
          k.all, k.library, k.critical, exo_rolled);
    print("kills: %u frames missing, %u processes left, %lu messages garbled\n",
          frames - frames_free(), procs_left(), n_values);
    return good && frames == frames_free() && n_values == 0 && exo_rolled >= k.critical &&
           wait_scene(want < WAITS_MAX / WAITS ? WAITS * want : WAITS_MAX);
}
