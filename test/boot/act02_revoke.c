/* SPDX-License-Identifier: MIT */
/*
 * act02_revoke.c - acts 2 and 4: a right that was taken back stays dead, also in a cell that is
 * used again, and with it all that came of it: a long chain of grants, and a wide one.
 */
#include "test/boot/kit.h"

enum {
    CELLS = 100, /* slots: the frame of cells in use, the right handed on, and copies of it */
    FIRST,
    LINK,
    OTHER,
    LENGTH = 4000,
};

static struct cap cap_first, cap_last;
static uint32_t cells_used =
    CELLS_PER_FRAME - 1; /* of the frame in slot CELLS; at first there is none */

/* The next empty cell of frames that we keep adding; those of the full ones live on. */
static uint32_t
cell_next(void)
{
    if (cells_used == CELLS_PER_FRAME - 1) {
        call_slot_clear(SLOT_SLOTS, CELLS);
        fine(call_cells_make(SLOT_ACCOUNT, frame_new(), CELLS).value, "cells_make");
        cells_used = 0;
    }
    return ++cells_used;
}

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

/* Revokes cell 1 of the frame in slot FIRST_CELLS. How many calls it took. */
enum { FIRST_CELLS = 110 };

static uint32_t
revoke_all(void)
{
    uint32_t calls = 1;

    while (call_cap_revoke(FIRST_CELLS, 1).value == -E_AGAIN) {
        if (calls ==
            1) /* what is deepest cannot be had any more, though the walk is not there yet */
            hold(call_cap_bind(SLOT_SLOTS, OTHER, (uintptr_t)&cap_last).value < 0,
                 "binding what is being revoked");
        calls++;
    }
    return calls;
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

/* Each grant from the one before it, LENGTH deep; or all from the first. */
static void
tree(bool deep)
{
    struct cap cap;

    grant(SLOT_EVENTS, FIRST_CELLS, 1, &cap_first);
    bind(FIRST, &cap_first);
    bind(LINK, &cap_first);
    for (int i = 0; i < LENGTH; i++) {
        grant(deep ? LINK : FIRST, CELLS, cell_next(), &cap);
        bind(LINK, &cap);
    }
    cap_last = cap;
    fine(call_event_post(LINK, 60, 1).value, "the last right of the tree");
    call_slot_clear(SLOT_SLOTS, OTHER);
    say("%u calls to revoke %d cells", revoke_all(), LENGTH);
    refuse(call_event_post(LINK, 60, 1).value, E_BADF, "using the last right of a revoked tree");
    refuse(call_event_post(FIRST, 60, 1).value, E_BADF, "using the first right of a revoked tree");
    refuse(call_cap_bind(SLOT_SLOTS, OTHER, (uintptr_t)&cap_last).value, E_BADF,
           "binding the last capability of a revoked tree");
    refuse(call_cap_grant(LINK, CELLS, CELLS_PER_FRAME - 1, RIGHT_READ, 0, (uintptr_t)&cap).value,
           E_BADF, "granting from it");
    fine(call_event_post(SLOT_EVENTS, 60, 1).value, "the first holder's right");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), FIRST_CELLS).value, "cells_make");
    used_again();
    tree(true);
    tree(false);
    refuse(call_cap_revoke(FIRST_CELLS, 0).value, E_INVAL, "revoking an object's own cell");
    refuse(call_cap_revoke(FIRST_CELLS, CELLS_PER_FRAME).value, E_INVAL,
           "revoking beyond the frame");
    return done();
}
