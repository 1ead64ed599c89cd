/* SPDX-License-Identifier: MIT */
/* kernel/grant.h - grant cells: the tree in which rights descend, and its pruning. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/cap.h"

/*
 * Invariants
 *  G1 a generation is given out once and never again, so a cell that is reused matches no old slot.
 *  G2 each kernel object begins with its own cell (index 0 of its frame); other indices exist only
 *     in frames of FRAME_CELLS.
 *  G3 every cell that is not an object's own is in the circle of its parent's children; a cell that
 *     is dead has no children, but the one that is being revoked.
 *  G4 while a revocation is unfinished nothing is granted or bound: who wants to works on it.
 *  G5 an object ends only when no cell descends from its own.
 *  G6 nor while the unfinished revocation begins in it: nobody else may have its frame meanwhile.
 */
struct cell {
    uint64_t generation; /* 0: empty or dead */
    uint32_t object;
    uint32_t parent;     /* the cell it was granted from; 0 for an object's own */
    uint32_t child;      /* one of those granted from it; 0: none */
    uint32_t next, prev; /* the circle of its parent's children */
    uint16_t kind;
    uint16_t rights;
    uint32_t reserved[8];
};
_Static_assert(sizeof(struct cell) * CELLS_PER_FRAME == 4096, "a frame holds CELLS_PER_FRAME");

struct cells {
    struct cell cell[CELLS_PER_FRAME]; /* 0 is the object's own */
};

/*
 * The cell of processors and of the machine, which lie in no frame: cells 1 .. of a frame at boot.
 */
void cell_init_fixed(struct cells *cells, uint32_t index, uint32_t object, enum cap_kind kind);
/* Fills the own cell of a new object in frame n. */
void cell_init(struct cell *cell, uint64_t object, enum cap_kind kind);

uint32_t cell_id(const struct cell *cell);
/* The cell that a slot or a capability stands on, or NULL when it is dead. */
const struct cell *cell_alive(uint32_t id, uint64_t generation);

/* Works on an unfinished revocation, a cell a step: false when *steps did not suffice (G4). */
bool revoke_settle(uint64_t *steps);
/*
 * Before the object in frame n ends: revokes all that descends from its cells. False: call again.
 */
bool revoke_object(uint64_t n, uint64_t *steps);
