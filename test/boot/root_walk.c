/* SPDX-License-Identifier: MIT */
/*
 * root_walk.c - the walk of the calls that only root has the rights for, where we are init: with
 * every wrong capability (walk.h), every argument at its edges (edges.h), and the twins, which
 * succeed: consoles are opened and ended, a partition's status is told, a line is logged. Power_off
 * comes last, with just the right that it asks for; the machine ends with the status that off=N on
 * the kernel's command line names. The word `only`: nothing else.
 */
#include "test/boot/edges.h"
#include "test/boot/foreign.h"
#include "test/boot/state.h"
#include "test/boot/walk.h"
#include "lib/words.h"

enum { BUFFERS = 16, CHANNEL = 1 };

static const uint32_t calls[] = {CALL_console_make, CALL_console_close, CALL_console_status,
                                 CALL_log_write, CALL_power_off};

/* What we print goes to the first partition's output. */
static void
console_begin(void)
{
    uint64_t frame;

    if (pool_take_run(&exo_pool, 1 + BUFFERS, &frame) < 0 ||
        call_console_make(SLOT_MACHINE, SLOT_ACCOUNT, SLOT_CONSOLE, frame, BUFFERS, CHANNEL,
                          SLOT_EVENTS, COUNTER_CONSOLE)
                .value < 0)
        call_power_off(SLOT_MACHINE, STATUS_INIT_FAIL);
}

/* The twin of power_off: its slot has POWER, and no other right. */
static _Noreturn void
off(void)
{
    uint64_t status = 0;

    walk_bind(SLOT_MACHINE, RIGHT_POWER, WALK_EXACT, 21);
    if (!line_has_number(exo_boot_page->arguments, "off", &status))
        fail("no off=N");
    call_power_off(WALK_EXACT, status);
    fail("the machine goes on");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    console_begin();
    good_begin();
    foreign_begin();
    state_begin();
    walk_begin();
    if (!line_has_word(exo_boot_page->arguments, "only"))
        for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
            walk_call(call_shape_of(calls[i]));
            edges_walk(call_shape_of(calls[i]));
        }
    done();
    off();
}
