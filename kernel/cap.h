/* SPDX-License-Identifier: MIT */
/* kernel/cap.h - slots, and the tag of a capability. */
#pragma once
#include <stdint.h>
#include "abi/cap.h"
#include "kernel/grant.h"

struct events;

/*
 * Invariants
 *  K1 a slot that is not empty hangs on its cell and names the cell's object: it falls with the
 *     cell, so that who uses it looks at its kind and rights alone.
 *  K2 an empty slot has no kind and no right; KIND_NONE is no kind that a call asks for.
 *  K3 transfer.S and root.S read slots of entries and accounts without the lock: what the slot is
 *     first, or last, then what it names. So kind and rights are written last; what was named stays
 *     when they go, and is written over when nobody is left who has seen them (lock_quiesce).
 */
struct slot {
    struct leaf leaf; /* .kind and .rights are the cell's */
    void *object;
};
_Static_assert(sizeof(struct slot) == 32, "slot layout");

struct slots {
    struct cell cell;
    struct slot slot[SLOTS_PER_TABLE];
};
_Static_assert(sizeof(struct slots) == 4096, "one frame");

void cap_init(void); /* draws the key; panics when the processor and the boot give no seed */

/* Writes the tag that makes the capability the kernel's. */
void cap_sign(struct cap *cap);
/* The cell that a slot of the running environment, which slot_object() has found good, stands on.
 */
uint32_t slot_cell(uint64_t index);
/* 0, or E_INVAL (no such slot) or E_EXIST, for a slot of the running environment to be filled. */
int slot_check_empty(uint64_t index);
/* Gives slot `index` of the running environment every right to the object; checked before. */
void slot_fill(uint64_t index, struct cell *cell);
void slot_install(struct slots *slots, uint64_t index, struct cell *cell);
/* The binding table ends: its slots hang nowhere any more. */
void slots_release(struct slots *slots);
