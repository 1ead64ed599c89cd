/* SPDX-License-Identifier: MIT */
/*
 * alone.c - a processor whose whole vector names one context takes no interrupt at all. We go to
 * the second processor, where nobody else is named, and spin there for the milliseconds of our
 * argument.
 */
#include "abi/slice.h"
#include "test/boot/kit.h"

enum { OURS = 1, QUIET_NS = 100 * 1000 * 1000, SETTLE_LOOKS = 10 };

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

/* On a slow host init may still be about our launch on its own processor, and flush what it took. */
static void
settle(void)
{
    uint64_t before;

    for (int i = 0; i < SETTLE_LOOKS; i++) {
        before = interrupts();
        spin(QUIET_NS);
        if (interrupts() == before)
            return;
    }
}

int
exo_main(const struct start_page *start)
{
    uint64_t ms = argument_number(0, 0), before;

    (void)start;
    stay_on(OURS);
    settle();
    before = interrupts();
    spin(ms * 1000 * 1000);
    say("%lu interrupts in %lu ms", interrupts() - before, ms);
    hold(interrupts() == before, "nobody interrupts who is alone");
    return done();
}
