/* SPDX-License-Identifier: MIT */
/*
 * measured.c - the part `procs` of the bench's kit: processes of examples/procs, which measure
 * themselves (examples/procs/programs/measure.c) on one context; bench/kit_linux_procs.c is the
 * same on the other side.
 */
#include "abi/exposed.h"
#include "examples/procs/procs.h"
#include "libos/exo/clock.h"

enum { FRAMES = 1000, STEP_NS = 20 * 1000 * 1000 };

static const char *const names[] = {"fork", "fork_share", "cow_fault", "pipe", "signal"};

int
exo_main(const struct start_page *start)
{
    uint32_t n = sizeof(names) / sizeof(names[0]);

    (void)start;
    if (!library_begin(FRAMES) || !runners_begin(1) || !proc_start(IMAGE_MEASURE, 0))
        return 1;
    while (procs_left() > 0)
        clock_sleep_until(clock_ns() + STEP_NS);
    runners_end();
    print("counter_hz %lu\n", ((const struct machine_page *)EXPOSED_MACHINE)->counter_hz);
    for (uint32_t i = 0; i < n; i++)
        print("%s %lu\n", names[i], scene_values[i]);
    return n_values == n ? 0 : 1;
}
