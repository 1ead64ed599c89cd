/* SPDX-License-Identifier: MIT */
/*
 * kernel/pin.h - lasting uses of plain frames: from a frame to the objects that stand on it.
 *
 * Invariants
 *  P1 `other` of a plain frame names the first of its pins, at most PINS_PER_FRAME. A pin is part
 *     of the object that pins, and is named by that object's frame.
 *  P2 who takes the frame, or breaks what others have of it, detaches the objects, which say so;
 *     but upcall pages, which the kernel writes save areas to: these are vital.
 *  P3 what was pinned under a slot hangs on the slot's cell, and is detached when that falls.
 *  P4 each pin is charged to the account of the object that pins.
 * For a new kind of pin: its place in pin_at(), what it does when it is detached in pin_detach().
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/grant.h"

enum pin_bound {
    PINS_PER_FRAME = 8,
    PIN_STEPS = 64, /* elementary steps (kernel/bound.h): one is detached, and somebody told */
};

struct pin {
    struct leaf leaf; /* P3; LEAF_NONE: the frame is its own account's */
    uint32_t object;  /* whose part it is */
    uint32_t frame;   /* 0: it pins nothing */
    uint32_t next, prev;
};

/*
 * 0 and the cell of the slot when the object in frame `object` may use that frame, plain and 4 KiB,
 * under a slot of an account: with MAP, and with PIN where the frame is not of the object's own
 * account. Else E_BADF, E_PERM, E_INVAL, E_AGAIN (as cell_usable).
 */
int pin_check(uint64_t object, uint64_t slot, uint64_t frame, struct cell **cell);
/*
 * The pin of the object in frame `object` is to pin `frame`, which is plain and 4 KiB; cell: of
 * the slot under which, or NULL. 0, or E_DQUOT, E_NOSPC.
 */
int pin_hold(uint64_t object, uint64_t frame, struct cell *cell);
/* It pins nothing any more, if it did. */
void pin_drop(struct pin *pin);
/*
 * Detaches all that pins frame n but what is vital; true: nothing does any more. Takes from *steps
 * what it costs; where they did not suffice, call again.
 */
bool pins_detach(uint64_t n, uint64_t *steps);
/* Is one of them vital? */
bool pins_vital(uint64_t n);
uint32_t pins_count(uint64_t n);
/* The cell that it was bound under has fallen (grant.c). */
void pin_fall(struct leaf *leaf);
