/* SPDX-License-Identifier: MIT */
/*
 * unfinished.c - a program that begins to revoke more than one call can, and ends: whoever grants,
 * binds or frees next finds the work, and must come through it. Here that is init, which is about
 * to say how we ended.
 */
#include "test/boot/kit.h"

enum { CELLS = 100, FIRST_CELLS, FIRST, CHILDREN = 6000 };

int
exo_main(const struct start_page *start)
{
    struct cap cap;

    (void)start;
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), FIRST_CELLS).value, "cells_make");
    fine(call_cap_grant(SLOT_EVENTS, FIRST_CELLS, 1, RIGHT_READ | RIGHT_GRANT, 0, (uintptr_t)&cap)
             .value,
         "cap_grant");
    fine(call_cap_bind(SLOT_SLOTS, FIRST, (uintptr_t)&cap).value, "cap_bind");
    for (uint32_t i = 0; i < CHILDREN; i++) {
        if (i % (CELLS_PER_FRAME - 1) == 0) {
            call_slot_clear(SLOT_SLOTS, CELLS);
            fine(call_cells_make(SLOT_ACCOUNT, frame_new(), CELLS).value, "cells_make");
        }
        fine(call_cap_grant(FIRST, CELLS, 1 + i % (CELLS_PER_FRAME - 1), RIGHT_READ, 0,
                            (uintptr_t)&cap)
                 .value,
             "cap_grant");
    }
    refuse(call_cap_revoke(FIRST_CELLS, 1).value, E_AGAIN, "revoking so many at once");
    return done();
}
