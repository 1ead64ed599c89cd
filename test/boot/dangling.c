/* SPDX-License-Identifier: MIT */
/*
 * dangling.c - a frame of cells ends while the revocation that began in it is unfinished. What
 * still hangs on its cells must be gone before the frame is ours to fill: else the kernel would
 * follow, and write, links that we say.
 */
#include "test/boot/kit.h"

enum { FIRST_CELLS = 100, CELLS, FIRST, PER_FRAME = CELLS_PER_FRAME - 1, MANY = 3000 };
enum { CELL_FRAMES = MANY / PER_FRAME + 1, WORDS = FRAME_BYTES / sizeof(uint64_t) };
static const uint64_t MARK = 0x5a5a5a5a5a5a5a5a;

static uint64_t cell_frame[CELL_FRAMES];
static uint32_t n_cell_frames;
static uint64_t *page;

/* Cell 1 of the frame in FIRST_CELLS, and n that descend from it in other frames. */
static uint64_t
tree(uint32_t n)
{
    uint64_t frame = frame_new();
    struct cap cap;

    for (uint32_t slot = FIRST_CELLS; slot <= FIRST; slot++)
        call_slot_clear(SLOT_SLOTS, slot);
    fine(call_cells_make(SLOT_ACCOUNT, frame, FIRST_CELLS).value, "cells_make");
    fine(call_cap_grant(SLOT_EVENTS, FIRST_CELLS, 1, RIGHT_READ | RIGHT_GRANT, 0, (uintptr_t)&cap)
             .value,
         "cap_grant");
    fine(call_cap_bind(SLOT_SLOTS, FIRST, (uintptr_t)&cap).value, "cap_bind");
    n_cell_frames = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i % PER_FRAME == 0) {
            call_slot_clear(SLOT_SLOTS, CELLS);
            cell_frame[n_cell_frames] = frame_new();
            fine(call_cells_make(SLOT_ACCOUNT, cell_frame[n_cell_frames++], CELLS).value,
                 "cells_make");
        }
        fine(call_cap_grant(FIRST, CELLS, 1 + i % PER_FRAME, RIGHT_READ, 0, (uintptr_t)&cap).value,
             "cap_grant");
    }
    return frame;
}

/* Ends an object; in how many calls. */
static uint32_t
end(uint64_t frame)
{
    uint32_t calls = 1;

    while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        calls++;
    return calls;
}

static bool
ended_frame_untouched(void)
{
    uint64_t frame = tree(MANY);
    bool ours;

    refuse(call_cap_revoke(FIRST_CELLS, 1).value, E_AGAIN, "revoking so many at once");
    say("ended in %u calls", end(frame));
    ours = frame_again(frame);
    if (ours) {
        page_at((uintptr_t)page, frame, MAP_READ | MAP_WRITE);
        for (uint32_t i = 0; i < WORDS; i++)
            page[i] = MARK;
    }
    for (uint32_t i = 0; i < n_cell_frames; i++)
        end(cell_frame[i]);
    for (uint32_t i = 0; ours && i < WORDS; i++)
        hold(page[i] == MARK, "the kernel wrote to a plain frame as if it were cells");
    return ours;
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    page = (uint64_t *)room_take(1);
    until_quiet(ended_frame_untouched, "an ended frame");
    return done();
}
