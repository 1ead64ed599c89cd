/* SPDX-License-Identifier: MIT */
/*
 * inspect.c - all frames and positions of the machine, read without a call by who may inspect
 * root's account, and by nobody else: what is shown is what calls say, and it goes with the right.
 */
#include "abi/exposed.h"
#include "abi/account.h"
#include "abi/slice.h"
#include "test/boot/kit.h"
#include "test/boot/workers.h"

enum { WEAK = 100, CELLS, INDEX = 3, RETRIES = 3, BATCH = 64 };

static const volatile struct exposed_frame *const frames =
    (const volatile struct exposed_frame *)EXPOSED_FRAMES;

static uint64_t root;

static int64_t
show(uint32_t slot, uint64_t on)
{
    struct call_result r = call_root_inspect(SLOT_ACCOUNT, root, slot, on);

    while (r.value == 0 && r.detail && call_tlb_flush(r.detail).value == -E_AGAIN)
        ;
    return r.value;
}

static bool
visible(void)
{
    return trap_read(EXPOSED_FRAMES).vector == NO_VECTOR &&
           trap_read(EXPOSED_SLICES).vector == NO_VECTOR;
}

static bool
hidden(void)
{
    return trap_read(EXPOSED_FRAMES).vector != NO_VECTOR &&
           trap_read(EXPOSED_SLICES).vector != NO_VECTOR;
}

/* Frames of ours, as calls tell them; the free ones, as the bitmap; all of all accounts. */
static void
frames_agree(void)
{
    const volatile uint64_t *bitmap = (const volatile uint64_t *)EXPOSED_FREE;
    uint64_t n = ((const struct machine_page *)EXPOSED_MACHINE)->n_frames, ours = 0, others = 0;
    struct account_state own;
    struct frame_state f;

    for (uint64_t i = 0; i < n; i++) {
        bool agrees = false;
        for (int k = 0; k < RETRIES && !agrees; k++) /* others act meanwhile */
            agrees = (frames[i].type == FRAME_FREE) == (bitmap[i / 64] >> i % 64 & 1);
        hold(agrees, "what is free");
        others += frames[i].owner != 0;
        if (call_frame_read(SLOT_ACCOUNT, i, 1, (uintptr_t)&f).value != 1)
            continue;
        ours++;
        hold(frames[i].owner == f.owner && frames[i].refs == f.refs && frames[i].type == f.type &&
                 (frames[i].flags & EXPOSED_SIZE) == f.size &&
                 ((frames[i].flags & EXPOSED_VITAL) != 0) == f.vital,
             "a frame of ours");
    }
    fine(call_account_read(SLOT_ACCOUNT, (uintptr_t)&own).value, "account_read");
    hold(ours == own.used_frames && others > ours, "ours are all, and there are others");
}

static void
slices_agree(void)
{
    uint64_t n = 0, others = 0;
    struct slice_state s;

    for (uint64_t i = 0; i < cpu_count() * (uint64_t)SLICE_POSITIONS; i++) {
        uint32_t cpu = (uint32_t)(i / SLICE_POSITIONS), position = (uint32_t)(i % SLICE_POSITIONS);
        const volatile struct exposed_slice *shown =
            (const volatile struct exposed_slice *)(EXPOSED_SLICES +
                                                    cpu * (uint64_t)EXPOSED_SLICES_STRIDE) +
            position;
        if (call_slice_read(SLOT_ACCOUNT, cpu, position, (uintptr_t)&s).value) {
            hold(shown->owner != 0, "another's position");
            others++;
            continue;
        }
        hold(shown->owner == s.owner && shown->name[0].context == s.context &&
                 shown->name[1].context == s.second && shown->duration_ns == s.duration_ns,
             "a position of ours, or free");
        n += s.owner != 0;
    }
    hold(n > 0 && others > 0, "ours, and others'");
}

static void
right_falls(void)
{
    struct cap cap;

    fine(call_cap_grant(SLOT_INSPECT, CELLS, INDEX, RIGHT_INSPECT, 0, (uintptr_t)&cap).value,
         "cap_grant");
    fine(call_cap_bind(SLOT_SLOTS, WEAK, (uintptr_t)&cap).value, "cap_bind");
    fine(show(WEAK, 1), "showing it under a grant");
    hold(visible(), "it is there");
    while (call_cap_revoke(CELLS, INDEX).value == -E_AGAIN)
        ;
    hold(hidden(), "it goes with the right");
    refuse(show(WEAK, 1), E_BADF, "showing it without");
}

int
exo_main(const struct start_page *start)
{
    uint64_t other = frame_new(), companion = frame_new();

    root = start->root_frame;
    fine(call_pt_make(SLOT_ACCOUNT, other, PT_LEVELS, companion).value, "pt_make");
    hold(hidden(), "nobody sees it from the start");
    refuse(show(SLOT_ACCOUNT, 1), E_PERM, "showing it to who inspects his own account");
    refuse(show(SLOT_EVENTS, 1), E_BADF, "showing it under another object");
    refuse(show(SLOT_INSPECT, 0), E_NOENT, "hiding what is not shown");
    if (argument(0)[0]) /* without the right: that was all */
        return done();
    refuse(call_root_inspect(SLOT_ACCOUNT, 1, SLOT_INSPECT, 1).value, E_PERM, "another's root");
    fine(show(SLOT_INSPECT, 1), "root_inspect");
    refuse(show(SLOT_INSPECT, 1), E_EXIST, "showing it again");
    hold(visible(), "it is there");
    frames_agree();
    slices_agree();
    hold(trap_write(EXPOSED_FRAMES).vector != NO_VECTOR, "nobody writes it");
    hold(trap_jump(EXPOSED_FRAMES).vector != NO_VECTOR, "nobody runs it");
    fine(show(SLOT_INSPECT, 0), "hiding it");
    hold(hidden(), "it is gone");
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), CELLS).value, "cells_make");
    right_falls();
    fine(call_root_inspect(SLOT_ACCOUNT, other, SLOT_INSPECT, 1).value, "in another root");
    hold(hidden(), "which is not ours to stand on");
    fine(call_frame_free(SLOT_ACCOUNT, other, 1).value, "a root that shows it ends");
    page_at(SCRATCH_VA, companion, MAP_READ); /* cleared, and nothing of it hangs on the right */
    fine(call_slot_clear(SLOT_SLOTS, WEAK).value, "slot_clear");
    right_falls();
    return done();
}
