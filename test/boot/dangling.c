/* SPDX-License-Identifier: MIT */
/*
 * dangling.c - an object ends when what was granted of it is just gone, and the revocation not
 * quite over. The frame is then ours to fill: what the kernel still takes for a cell there would be
 * ours to say, and through it the kernel would write wherever we like.
 */
#include "test/boot/kit.h"

enum { CELLS = 100, EVENTS, PROBE, MANY = 2000, OWN = 0, PARENT = 5, MARK = 0x5a5a5a5a };

/* A cell as the kernel keeps it (kernel/grant.h). */
struct cell_seen {
    uint64_t generation;
    uint32_t object, parent, child, next, prev;
    uint16_t kind, rights;
    uint32_t reserved[8];
};
_Static_assert(sizeof(struct cell_seen) * CELLS_PER_FRAME == FRAME_BYTES, "as many as there are");

static void
cells_new(void)
{
    call_slot_clear(SLOT_SLOTS, CELLS);
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), CELLS).value, "cells_make");
}

/* Counters of which n cells descend. Their frame. */
static uint64_t
events_with_children(uint32_t n)
{
    uint64_t frame = frame_new();
    struct cap cap;

    call_slot_clear(SLOT_SLOTS, EVENTS);
    fine(call_events_make(SLOT_ACCOUNT, frame, EVENTS).value, "events_make");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t index = 1 + i % (CELLS_PER_FRAME - 1);

        if (index == 1)
            cells_new();
        fine(call_cap_grant(EVENTS, CELLS, index, RIGHT_READ, 0, (uintptr_t)&cap).value,
             "cap_grant");
    }
    return frame;
}

/* Ends them; in how many calls. */
static uint32_t
end(uint64_t frame)
{
    uint32_t calls = 1;

    while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        calls++;
    return calls;
}

/* The least number of cells that one call does not get over with. */
static uint32_t
bound_find(void)
{
    uint32_t low = 1, high = MANY;

    expect(end(events_with_children(high)) > 1, "so many take more than one call");
    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (end(events_with_children(middle)) > 1)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/*
 * The frame, ours and plain again, says that it is a dead cell in the circle of another one in it.
 */
static void
frame_fill(struct cell_seen *cells, uint64_t frame)
{
    uint32_t first = (uint32_t)frame * CELLS_PER_FRAME;

    memset(cells, 0, FRAME_BYTES);
    cells[OWN].parent = first + PARENT;
    cells[OWN].next = cells[OWN].prev = first + OWN;
    cells[PARENT].child = MARK;
}

static struct cell_seen *cells;
static uint32_t n_children;

/* Ends an object with so many below it, and looks on while the kernel grants and revokes. */
static bool
ended_frame_untouched(void)
{
    uint64_t frame = events_with_children(n_children);
    struct cap nothing = {0};

    end(frame);
    if (!frame_again(frame))
        return false;
    page_at((uintptr_t)cells, frame, MAP_READ | MAP_WRITE);
    frame_fill(cells, frame);
    call_slot_clear(SLOT_SLOTS, PROBE);
    call_cap_bind(SLOT_SLOTS, PROBE, (uintptr_t)&nothing);
    cells_new();
    call_cap_revoke(CELLS, 1);
    fine(call_cap_grant(SLOT_EVENTS, CELLS, 1, RIGHT_READ, 0, (uintptr_t)&nothing).value,
         "cap_grant");
    hold(cells[PARENT].child == MARK, "the kernel wrote to a plain frame as if it were cells");
    return true;
}

int
exo_main(const struct start_page *start)
{
    uint32_t bound = bound_find();

    (void)start;
    cells = (struct cell_seen *)room_take(1);
    say("%u cells take two calls", bound);
    for (n_children = bound - 2; n_children < bound + 3; n_children++)
        until_quiet(ended_frame_untouched, "an ended frame");
    return done();
}
