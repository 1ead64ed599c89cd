/* SPDX-License-Identifier: MIT */
/*
 * alone.c - a processor whose whole vector names one context takes no interrupt at all. We go to
 * the second processor, where nobody else is named, and spin there for the milliseconds of our
 * argument.
 */
#include "abi/slice.h"
#include "test/boot/kit.h"

enum { OURS = 1, WARM_NS = 20 * 1000 * 1000 };

static uint64_t
interrupts(void)
{
    struct slice_state state = {0};

    fine(call_slice_read(SLOT_ACCOUNT, OURS, (uint32_t)exo_start_page->position, (uintptr_t)&state)
             .value,
         "slice_read");
    return state.interrupts;
}

static void
spin(uint64_t ns)
{
    for (uint64_t end = clock_ns() + ns; clock_ns() < end;)
        ;
}

int
exo_main(const struct start_page *start)
{
    uint64_t ms = argument_number(0, 0), before;

    (void)start;
    stay_on(OURS);
    spin(WARM_NS);
    before = interrupts();
    spin(ms * 1000 * 1000);
    say("%lu interrupts in %lu ms", interrupts() - before, ms);
    hold(interrupts() == before, "nobody interrupts who is alone");
    return done();
}
