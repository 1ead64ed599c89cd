/* SPDX-License-Identifier: MIT */
/*
 * act02_revoke.c - act 2: a right that was taken back stays dead, also when its cell, its slot or
 * its object's frame is used again.
 */
#include "test/boot/kit.h"

enum { FIRST_CELLS = 100, FIRST, OTHER }; /* slots */

static struct cap cap_first;

static void
grant(uint32_t from, uint32_t cells, uint32_t index, struct cap *cap)
{
    fine(
        call_cap_grant(from, cells, index, RIGHT_READ | RIGHT_POST | RIGHT_GRANT, 0, (uintptr_t)cap)
            .value,
        "cap_grant");
}

static void
bind(uint32_t slot, const struct cap *cap)
{
    call_slot_clear(SLOT_SLOTS, slot);
    fine(call_cap_bind(SLOT_SLOTS, slot, (uintptr_t)cap).value, "cap_bind");
}

static void
used_again(void)
{
    struct cap again;

    grant(SLOT_EVENTS, FIRST_CELLS, 1, &cap_first);
    bind(FIRST, &cap_first);
    fine(call_event_post(FIRST, 60, 1).value, "event_post by a granted right");
    fine(call_cap_revoke(FIRST_CELLS, 1).value, "cap_revoke");
    refuse(call_event_post(FIRST, 60, 1).value, E_BADF, "using a slot after its revocation");
    refuse(call_cap_bind(SLOT_SLOTS, OTHER, (uintptr_t)&cap_first).value, E_BADF,
           "binding a revoked capability");
    grant(SLOT_EVENTS, FIRST_CELLS, 1, &again);
    refuse(call_event_post(FIRST, 60, 1).value, E_BADF, "using a slot whose cell is another's now");
    refuse(call_cap_bind(SLOT_SLOTS, OTHER, (uintptr_t)&cap_first).value, E_BADF,
           "binding a capability whose cell is another's now");
    fine(call_cap_revoke(FIRST_CELLS, 1).value, "cap_revoke");
    fine(call_event_post(SLOT_EVENTS, 60, 1).value, "the first holder's right");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), FIRST_CELLS).value, "cells_make");
    used_again();
    refuse(call_cap_revoke(FIRST_CELLS, 0).value, E_INVAL, "revoking an object's own cell");
    refuse(call_cap_revoke(FIRST_CELLS, CELLS_PER_FRAME).value, E_INVAL,
           "revoking beyond the frame");
    return done();
}
