/* SPDX-License-Identifier: MIT */
/*
 * kernel/grant.h - grant cells: the tree in which rights descend, what hangs on it, its pruning.
 *
 * Every right to an object descends from the object's own cell. What is bound under a cell (a slot,
 * a pin, who is told by counters) hangs on it as a leaf, and falls in the same walk that revokes
 * the cell, so that using a leaf needs no look at the cell. Cells and leaves lie in frames that
 * libraries supplied; their links are of the kernel's.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/cap.h"
#include "abi/memory.h"

/* A place in a circle. Its head is a link that is part of no leaf. */
struct link {
    struct link *next, *prev;
};

/* What a leaf is a part of. For each there is one function below, which leaf_fall() of grant.c
 * calls. */
enum leaf_type {
    LEAF_NONE = 0, /* an empty place: in no circle */
    LEAF_CELL,     /* a cell: granted from the one that it hangs on */
    LEAF_JOINED,   /* a dying cell that a walk has come to: `cell` is the root of the walk */
    LEAF_SLOT,     /* struct slot: slot_fall() */
    LEAF_TOLD,     /* of whoever raises counters: it falls by hanging no more (event_told) */
    LEAF_CONSOLE,  /* of a console, which raises counters: console_fall() */
    LEAF_PIN,      /* struct pin: pin_fall() */
    LEAF_INSPECT,  /* of a root: inspect_fall() */
    LEAF_EVENTS,   /* of a context with upcalls of counters: event_fall() */
    LEAF_TYPES,
};

/* Part of whatever is bound under a cell. A leaf never moves while it hangs. */
struct leaf {
    struct link link;
    uint32_t cell;   /* that it hangs on */
    uint8_t type;    /* enum leaf_type */
    uint8_t kind;    /* enum cap_kind of what cell and slot name; else free for its owner */
    uint16_t rights; /* likewise */
};

/*
 * Invariants
 *  G1 a generation is given out once and never again, so a cell that is reused matches no old one.
 *  G2 each kernel object begins with its own cell (index 0 of its frame); other indices exist only
 *     in frames of FRAME_CELLS.
 *  G3 what hangs on a cell is in the circle `below`: leaves first, then cells. A cell that is used
 *     and is not an object's own hangs on its parent, or on the root of the walk that has come by
 *     its parent.
 *  G4 a cell is alive when its generation and, all the way up, each parent_generation is that of
 *     the cell named; nothing is granted from or bound under one that is not.
 *  G5 a dying cell (generation 0, but used) is one whose revocation is unfinished; `unfinished` of
 *     the object's own cell counts them, so that G4 is one look where there are none.
 *  G6 an object ends only when nothing hangs on any of its cells, and then none of them hangs.
 */
struct cell {
    uint64_t generation; /* 0: empty or dying */
    struct link below;
    struct leaf leaf; /* .cell: the parent; 0 for an object's own */
    union {
        uint64_t parent_generation;
        uint64_t unfinished; /* in an object's own cell */
    };
    uint32_t own; /* the object's own cell */
    uint32_t object;
};
_Static_assert(sizeof(struct cell) * CELLS_PER_FRAME == FRAME_BYTES, "a frame holds them");

struct cells {
    struct cell cell[CELLS_PER_FRAME]; /* 0 is the object's own */
};

/* Is a frame of this type an object, which begins with a cell of its own? */
static inline bool
type_has_cell(uint8_t type)
{
    return type >= FRAME_ACCOUNT && type <= FRAME_CONSOLE;
}

/*
 * Fills the own cell of a new object in frame n; or that of the machine, which lies in no frame:
 * one of a frame of cells at boot.
 */
void cell_init(struct cell *cell, uint64_t object, enum cap_kind kind);

uint32_t cell_id(const struct cell *cell);
/* The cell of an id that a leaf which hangs holds. */
struct cell *cell_at(uint32_t id);
/*
 * The cell that a capability stands on, if something may be granted from or bound under it now
 * (G4): NULL and *error E_BADF when it is dead, E_AGAIN when it is so deep that this cannot be told
 * before an unfinished revocation of the same object ends.
 */
struct cell *cell_usable(uint32_t id, uint64_t generation, int *error);
/* The same of the cell that a leaf hangs on, such as the slot that a call names. */
struct cell *leaf_cell(const struct leaf *leaf, int *error);

/*
 * Hangs a leaf on a cell that cell_usable() or leaf_cell() gave, or on a new object's own. type is
 * not a cell's.
 */
void leaf_hang(struct leaf *leaf, struct cell *cell, enum leaf_type type);
/* Takes it off, if it hangs: its owner ends it. */
void leaf_drop(struct leaf *leaf);
/* What each type of leaf does when its cell is revoked; it hangs no more by then. */
void slot_fall(struct leaf *leaf);

/*
 * Before the object in frame n ends: revokes all that hangs on its cells. False: *steps did not
 * suffice, call again; from the first call on nothing new comes below.
 */
bool revoke_object(uint64_t n, uint64_t *steps);

/* For check.c: do the links of a leaf that hangs and those of its neighbours agree? */
bool leaf_whole(const struct leaf *leaf);
