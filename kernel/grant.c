/* SPDX-License-Identifier: MIT */
/*
 * grant.c - rights handed on, and taken back with all that came of them.
 *
 * Invariants are G1 to G5 of grant.h.
 * A revocation removes one cell a step and puts its children in its place, so that the walk needs
 * no stack however deep the tree is, parents die before children, and it only ever shrinks: nothing
 * can be granted meanwhile. There is one at a time. Whoever left it unfinished, the next who wants
 * to grant, bind or revoke finishes it, at that one's cost.
 * Source  Redell, 1974 (revocable capabilities); seL4's derivation tree names the same need.
 */
#include "kernel/grant.h"
#include "abi/memory.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/cap.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/step.h"
#include "plant.h"

enum { CELL_STEPS = 2 }; /* elementary steps (kernel/step.h) that one cell costs */

static uint64_t generation_last; /* G1: one counter for all cells */
static uint32_t revoking;        /* the cell whose descendants are dying; 0: none */

static struct cell *
cell_at(uint32_t id)
{
    return (struct cell *)frame_address(id / CELLS_PER_FRAME) + id % CELLS_PER_FRAME;
}

static struct cell *
cell_find(uint32_t id)
{
    const struct frame *f = frame_find(id / CELLS_PER_FRAME);

    if (!f || f->type < FRAME_ACCOUNT || f->type > FRAME_CONSOLE)
        return NULL;
    if (id % CELLS_PER_FRAME && f->type != FRAME_CELLS) /* G2 */
        return NULL;
    return cell_at(id);
}

uint32_t
cell_id(const struct cell *cell)
{
    const struct cell *first = frame_address(frame_of(cell));

    return (uint32_t)(frame_of(cell) * CELLS_PER_FRAME + (uint64_t)(cell - first));
}

const struct cell *
cell_alive(uint32_t id, uint64_t generation)
{
    const struct cell *cell = cell_find(id);

    return cell && generation && cell->generation == generation ? cell : NULL;
}

void
cell_init(struct cell *cell, uint64_t object, enum cap_kind kind)
{
    *cell = (struct cell){.generation = ++generation_last,
                          .object = (uint32_t)object,
                          .kind = (uint16_t)kind,
                          .rights = RIGHTS_ALL};
}

void
cell_init_fixed(struct cells *cells, uint32_t index, uint32_t object, enum cap_kind kind)
{
    cell_init(&cells->cell[index], object, kind);
}

/* ---- the circles of children (G3) ---- */

static void
circle_add(struct cell *parent, struct cell *cell)
{
    uint32_t id = cell_id(cell);
    struct cell *first, *last;

    if (!parent->child) {
        parent->child = cell->next = cell->prev = id;
        return;
    }
    first = cell_at(parent->child);
    last = cell_at(first->prev);
    cell->next = parent->child;
    cell->prev = first->prev;
    last->next = first->prev = id;
}

static void
circle_remove(struct cell *parent, const struct cell *cell)
{
    if (cell->next == cell_id(cell)) {
        parent->child = 0;
        return;
    }
    cell_at(cell->prev)->next = cell->next;
    cell_at(cell->next)->prev = cell->prev;
    if (parent->child == cell_id(cell))
        parent->child = cell->next;
}

/* All children of `from` become children of `to`: two circles become one. */
static void
circle_join(struct cell *to, struct cell *from)
{
    struct cell *a, *b;
    uint32_t a_last, b_last;

    if (!to->child) {
        to->child = from->child;
        return;
    }
    a = cell_at(to->child);
    b = cell_at(from->child);
    a_last = a->prev;
    b_last = b->prev;
    cell_at(a_last)->next = from->child;
    b->prev = a_last;
    cell_at(b_last)->next = to->child;
    a->prev = b_last;
}

/* ---- revoking ---- */

static void
revoke_child(struct cell *root)
{
    struct cell *cell = cell_at(root->child);

    circle_remove(root, cell);
    if (cell->child)
        circle_join(root, cell);
    *cell = (struct cell){0};
}

/* The root itself is dead if it was to be revoked too, and then leaves its parent's circle. */
static void
revoke_finish(struct cell *root)
{
    if (!root->generation) {
        circle_remove(cell_at(root->parent), root);
        *root = (struct cell){0};
    }
    revoking = 0;
}

bool
revoke_settle(uint64_t *steps)
{
    while (revoking && *steps) {
        struct cell *root = cell_at(revoking);
        if (root->child)
            revoke_child(root);
        else
            revoke_finish(root);
        *steps -= *steps < CELL_STEPS ? *steps : CELL_STEPS;
    }
    return !revoking;
}

/* Begins when no other is unfinished, and goes on: true when nothing is left of it. */
static bool
revoke_begin(struct cell *root, uint64_t *steps)
{
    if (!revoke_settle(steps))
        return false;
    revoking = cell_id(root);
    return revoke_settle(steps);
}

static bool
cell_is_used(const struct cell *cell)
{
    return cell->kind != KIND_NONE;
}

/* Is the root of the unfinished revocation in frame n? Its last child may be gone already. */
static bool
revocation_in(uint64_t n)
{
    return revoking && revoking / CELLS_PER_FRAME == n && !planted(PLANT_REVOKE_ROOT);
}

bool
revoke_object(uint64_t n, uint64_t *steps)
{
    struct cells *cells = frame_address(n);
    uint32_t last = frame_at(n)->type == FRAME_CELLS ? CELLS_PER_FRAME : 1;

    if (revocation_in(n) && !revoke_settle(steps))
        return false; /* G6 */
    for (uint32_t i = 0; i < last; i++) {
        struct cell *cell = &cells->cell[i];
        if (i == 0 ? !cell->child : !cell_is_used(cell))
            continue;
        if (i > 0)
            cell->generation = 0;
        if (!revoke_begin(cell, steps))
            return false;
    }
    return true;
}

struct result
cap_revoke(struct cells *cells, uint64_t index)
{
    struct cell *cell = &cells->cell[index_masked(index, CELLS_PER_FRAME)];
    uint64_t steps = STEPS_MAX;

    if (index < 1 || index >= CELLS_PER_FRAME)
        return result_error(E_INVAL);
    if (!cell_is_used(cell))
        return result_ok(0);
    if (!revoke_settle(&steps))
        return result_error(E_AGAIN);
    if (!cell_is_used(cell)) /* it fell with the one that was unfinished */
        return result_ok(0);
    if (!planted(PLANT_REVOKE))
        cell->generation = 0;
    return revoke_begin(cell, &steps) ? result_ok(0) : result_error(E_AGAIN);
}

struct result
cap_grant(const struct slot *slot, struct cells *cells, uint64_t index, uint64_t rights,
          uint64_t holder, uint64_t out)
{
    struct cell *cell = &cells->cell[index_masked(index, CELLS_PER_FRAME)];
    uint64_t steps = STEPS_MAX, absent;
    struct cap cap;

    if (index < 1 || index >= CELLS_PER_FRAME || holder > UINT32_MAX || rights > RIGHTS_ALL)
        return result_error(E_INVAL);
    if (!revoke_settle(&steps))
        return result_error(E_AGAIN); /* G4 */
    if (!cell_alive(slot->cell, slot->generation))
        return result_error(E_BADF); /* it has died by that very revocation */
    if (cell_is_used(cell))
        return result_error(E_EXIST);
    if (rights & ~(uint64_t)slot->rights)
        return result_error(E_PERM);

    cap = (struct cap){.object = slot->object,
                       .cell = cell_id(cell),
                       .generation = generation_last + 1,
                       .kind = slot->kind,
                       .rights = (uint16_t)rights,
                       .holder = (uint32_t)holder};
    cap_sign(&cap);
    absent = copy_out(out, &cap, sizeof(cap));
    if (absent)
        return result_error_at(E_FAULT, absent);
    cell_init(cell, slot->object, slot->kind);
    cell->rights = (uint16_t)rights;
    cell->parent = slot->cell;
    circle_add(cell_at(slot->cell), cell);
    return result_ok(0);
}
