/* SPDX-License-Identifier: MIT */
/* kernel/cap.h - cells, slots and the tag of a capability. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/cap.h"

struct events;

/*
 * Invariants
 *  K1 a generation is given out once and never again, so a cell that is reused matches no old slot.
 *  K2 each kernel object begins with its own cell (index 0 of its frame); other indices exist only
 *     in frames of FRAME_CELLS.
 *  K3 a slot is alive iff its cell is, their generations are equal, and the object is still the
 *     one the cell was made for.
 */
struct cell {
    uint64_t generation;        /* 0: empty */
    uint64_t object_generation; /* of the object's own cell */
    uint32_t object;
    uint32_t parent; /* the cell it was granted from; 0 for an object's own */
    uint16_t kind;
    uint16_t rights;
    uint32_t reserved;
};
_Static_assert(sizeof(struct cell) == 32, "a frame holds CELLS_PER_FRAME");

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
    uint64_t reserved[4];
    struct slot slot[SLOTS_PER_TABLE];
};
_Static_assert(sizeof(struct slots) == 4096, "one frame");

struct cells {
    struct cell cell[CELLS_PER_FRAME]; /* 0 is the object's own */
};
_Static_assert(sizeof(struct cells) == 4096, "one frame");

void cap_init(void); /* draws the key; panics when the processor and the boot give no seed */

/* The cell of processors and of the machine, which lie in no frame: cells 1 .. of a frame at boot. */
void cell_init_fixed(struct cells *cells, uint32_t index, uint32_t object, enum cap_kind kind);
/* Fills the own cell of a new object in frame n. */
void cell_init(struct cell *cell, uint64_t object, enum cap_kind kind);
/* 0, or E_INVAL (no such slot) or E_EXIST, for a slot of the running environment to be filled. */
int slot_check_empty(uint64_t index);
/* Gives slot `index` of the running environment every right to the object; checked before. */
void slot_fill(uint64_t index, const struct cell *cell);
void slot_install(struct slots *slots, uint64_t index, const struct cell *cell);
/* The event counters that a slot of any table names, or NULL: for predicates, checked when they were given. */
struct events *slot_events(const struct slots *slots, uint64_t index);
