/* SPDX-License-Identifier: MIT */
/* kernel/cap.h - slots, and the tag of a capability. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/cap.h"
#include "kernel/grant.h"

struct events;

/*
 * Invariants
 *  K1 a slot is alive iff its cell is and their generations are equal.
 */
struct slot {
    uint64_t generation;
    uint32_t cell;
    uint32_t object;
    uint16_t kind;
    uint16_t rights;
    uint32_t reserved[3];
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
/* 0, or E_INVAL (no such slot) or E_EXIST, for a slot of the running environment to be filled. */
int slot_check_empty(uint64_t index);
/* Gives slot `index` of the running environment every right to the object; checked before. */
void slot_fill(uint64_t index, const struct cell *cell);
void slot_install(struct slots *slots, uint64_t index, const struct cell *cell);
/*
 * The event counters that a slot of any table names, or NULL: for predicates, checked when they
 * were given.
 */
struct events *slot_events(const struct slots *slots, uint64_t index);
