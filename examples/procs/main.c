/* SPDX-License-Identifier: MIT */
/*
 * main.c - one scene after the other. Main itself is the first context, and no process; processes
 * run on as many others as there are processors, but at least two. Arguments: how many kills in a
 * critical section, 10 without one; how many processes at once, 1,000 without one.
 */
#include "lib/words.h"
#include "libos/exo/clock.h"
#include "examples/procs/procs.h"

enum {
    MANY_MAX = 1000,
    MANY_FRAMES = 6000,
    TURNS = 4,
    SLICE_NS = 2 * 1000 * 1000,
    MS = 1000 * 1000,
    PATIENCE_MS = 60000,
};

struct context *runners[CONTEXTS_MAX];
uint32_t n_runners;
volatile uint64_t scene_values[VALUES], n_values;

bool
runner_begin(uint32_t i)
{
    runners[i] = context_add(sched_enter, NULL);
    return runners[i] && context_place(runners[i], i % cpu_count(), SLICE_NS) == 0;
}

static void
pause_ms(uint64_t ms)
{
    clock_sleep_until(clock_ns() + ms * MS);
}

/* ---- a thousand that run ---- */

static struct proc *crowd[MANY_MAX];
static uint64_t turns_before[MANY_MAX];

/* The fewest and the most turns that any has had since all were there. */
static void
turns(uint64_t many, uint64_t *fewest, uint64_t *most)
{
    *fewest = UINT64_MAX;
    *most = 0;
    for (uint64_t i = 0; i < many; i++) {
        uint64_t n = *(volatile uint64_t *)&crowd[i]->turns - turns_before[i];

        *fewest = n < *fewest ? n : *fewest;
        *most = n > *most ? n : *most;
    }
}

static bool
many_scene(uint64_t many)
{
    uint64_t fewest = 0, most = 0, wrong = 0, counted = 0;

    for (uint64_t i = 0; i < many; i++)
        if (!(crowd[i] = proc_start(many_program, i)))
            return false;
    for (uint64_t i = 0; i < many; i++)
        turns_before[i] = *(volatile uint64_t *)&crowd[i]->turns;
    for (uint64_t i = 0; i < PATIENCE_MS && fewest < TURNS; i += 20) {
        pause_ms(20);
        turns(many, &fewest, &most);
    }
    for (uint64_t i = 0; i < many; i++) {
        const uint64_t *page = frame_bytes(crowd[i]->page[0].frame);

        wrong += page[0] > 0 && page[1] != i;
        counted += page[0] > 0;
    }
    for (uint64_t i = 0; i < many; i++)
        proc_kill(crowd[i], 0);
    while (procs_left() > 0)
        pause_ms(1);
    print(
        "many: %lu processes ran on %u contexts of %u processors, each %lu to %lu turns; %lu have "
        "counted, %lu memories wrong\n",
        many, n_runners, cpu_count(), fewest, most, counted, wrong);
    return fewest >= TURNS && wrong == 0;
}

/* ---- the others: n processes of one program at once, of which each reports a value at its end
 * ---- */

static bool
scene(const char *name, program *fn, uint64_t argument, uint64_t n)
{
    uint32_t frames = frames_free();
    uint64_t sum = 0;

    n_values = 0;
    for (uint64_t i = 0; i < n; i++)
        if (!proc_start(fn, argument + i))
            return false;
    for (uint64_t i = 0; i < PATIENCE_MS && procs_left() > 0; i++)
        pause_ms(1);
    for (uint64_t i = 0; i < n_values && i < VALUES; i++)
        sum += scene_values[i];
    print("%s: %lu of %lu came to their end, %lu in all; %u frames missing\n", name, n_values, n,
          sum, frames - frames_free());
    return n_values == n && frames == frames_free();
}

static bool
scenes(uint64_t many, uint64_t kills)
{
    return many_scene(many) && scene("fork by copying entries", fork_program, 0, 1) &&
           scene("fork by sharing tables", fork_program, 1, 1) &&
           scene("fork, both at once", fork_program, 0, 2) && scene("exec", exec_program, 3, 2) &&
           scene("pipe", pipe_program, 0, 4) && scene("signal", signal_program, 77, 3) &&
           kill_scene(kills);
}

/* The n'th argument as a number, or what it is without one; UINT64_MAX: it is none. */
static uint64_t
number(uint32_t n, uint64_t otherwise)
{
    const char *word = argument_at(n);

    if (word[0] && number_decimal((struct word){word, strlen(word)}, &otherwise))
        return UINT64_MAX;
    return otherwise;
}

int
exo_main(const struct start_page *start)
{
    uint64_t kills = number(1, 10), many = number(2, MANY_MAX);

    (void)start;
    if (kills == UINT64_MAX || many > MANY_MAX || many == 0)
        return console_print("usage: procs [KILLS [PROCESSES]], at most 1000 of these\n"), 2;
    if (!memory_begin() || !frames_begin(MANY_FRAMES))
        return console_print("procs: too little memory: raise the limit (-m)\n"), 1;
    sched_begin();
    calls_begin();
    n_runners = cpu_count() > 2 ? cpu_count() : 2;
    for (uint32_t i = 0; i < n_runners; i++)
        if (!runner_begin(i))
            return console_print("procs: no context for the processes\n"), 1;
    if (!scenes(many, kills))
        return console_print("procs: that was wrong\n"), 1;
    print("%lu pages copied when they were written\n", cow_copies);
    return console_print("all is well\n");
}
