/* SPDX-License-Identifier: MIT */
/* runners.c - the library begins, and the contexts that run its processes begin and end. */
#include "examples/procs/procs.h"

enum { SLICE_NS = 10 * 1000 * 1000 };

struct context *runners[CONTEXTS_MAX];
uint32_t n_runners;
volatile uint64_t scene_values[VALUES], n_values;

bool
library_begin(uint32_t n_frames)
{
    if (!procs_begin() || !frames_begin(n_frames) || !images_begin() || !tables_begin())
        return false;
    sched_begin();
    calls_begin();
    return true;
}

bool
runner_begin(uint32_t i)
{
    runners[i] = context_add(sched_enter, NULL);
    return runners[i] && context_place(runners[i], i % cpu_count(), SLICE_NS) == 0;
}

bool
runners_begin(uint32_t n)
{
    n_runners = n;
    for (uint32_t i = 0; i < n; i++)
        if (!runner_begin(i))
            return false;
    return true;
}

void
runners_end(void)
{
    for (uint32_t i = 0; i < n_runners; i++) {
        context_stop(runners[i]);
        roll_finish(runners[i]);
        context_remove(runners[i]);
        task_forget(runners[i]->index);
    }
}
