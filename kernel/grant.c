/* SPDX-License-Identifier: MIT */
/*
 * grant.c - rights handed on, and taken back with all that came of them.
 *
 * Invariants are G1 to G6 of grant.h.
 * To revoke a cell is to take its generation away: from then on nothing below it is alive (G4). The
 * walk then removes what hangs there, one leaf or cell a step, and puts what hung on a removed cell
 * in its place. So it needs no stack however deep the tree is, and parents fall before children.
 * All that a walk has to remember lies in the dying cell itself: any number of revocations may be
 * unfinished, each is paid by who calls it, and one that nobody goes on with is in nobody's way. A
 * walk that comes to a dying cell takes its revocation over: it leaves the cell in its place,
 * behind all that hung there, so that it is empty when that is gone; who revoked it works on the
 * walk above. Source  Redell, 1974 (revocable capabilities); seL4's derivation tree names the same
 * need.
 */
#include "kernel/grant.h"
#include "abi/memory.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/cap.h"
#include "kernel/console.h"
#include "kernel/context.h"
#include "kernel/event.h"
#include "kernel/frame.h"
#include "kernel/inspect.h"
#include "kernel/log.h"
#include "kernel/pin.h"
#include "kernel/slice.h"
#include "kernel/steps.h"
#include "plant.h"

enum { CELL_STEPS = 2 }; /* elementary steps (kernel/bound.h): a cell or a slot */

static uint64_t generation_last; /* G1: one counter for all cells */

/* ---- circles ---- */

static void
circle_init(struct link *link)
{
    link->next = link->prev = link;
}

static bool
circle_is_empty(const struct link *head)
{
    return head->next == head;
}

static void
link_add_before(struct link *link, struct link *place)
{
    link->next = place;
    link->prev = place->prev;
    place->prev->next = link;
    place->prev = link;
}

static void
link_remove(struct link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
}

/* All that is in the circle of `head`, which is not empty, goes before `place` of another one. */
static void
circle_move_before(struct link *head, struct link *place)
{
    head->next->prev = place->prev;
    head->prev->next = place;
    place->prev->next = head->next;
    place->prev = head->prev;
    circle_init(head);
}

/* ---- cells ---- */

struct cell *
cell_at(uint32_t id)
{
    return (struct cell *)frame_address(id / CELLS_PER_FRAME) + id % CELLS_PER_FRAME;
}

uint32_t
cell_id(const struct cell *cell)
{
    uint64_t frame = frame_of(cell);
    const struct cell *first = frame_address(frame);

    return (uint32_t)(frame * CELLS_PER_FRAME + (uint64_t)(cell - first));
}

/* The cell of any id when that is its generation; NULL: it is dead, or there is none. */
static struct cell *
cell_match(uint32_t id, uint64_t generation)
{
    const struct frame *f = frame_find(id / CELLS_PER_FRAME);
    struct cell *cell;

    if (!f || ((!type_has_cell(f->type) || (id % CELLS_PER_FRAME && f->type != FRAME_CELLS)) &&
               !planted(PLANT_CELL_TYPE))) /* G2 */
        return NULL;
    cell = cell_at(id);
    return generation && cell->generation == generation ? cell : NULL;
}

static bool
cell_is_used(const struct cell *cell)
{
    return cell->leaf.type != LEAF_NONE;
}

static bool
cell_is_dying(const struct cell *cell)
{
    return cell_is_used(cell) && !cell->generation;
}

/* Is nothing above it revoked? 0, E_BADF, or E_AGAIN when it is deeper than one call can look. */
static int
chain_check(const struct cell *cell)
{
    const struct cell *own = cell_at(cell->own);

    if (!cell->generation)
        return E_BADF;
    if (!own->unfinished || planted(PLANT_REVOKE_CHAIN)) /* G5 */
        return 0;
    for (uint64_t steps = 0; steps < STEPS_MAX; steps++) {
        if (cell == own)
            return 0;
        cell = cell_match(cell->leaf.cell, cell->parent_generation);
        if (!cell)
            return E_BADF;
    }
    return E_AGAIN;
}

struct cell *
cell_usable(uint32_t id, uint64_t generation, int *error)
{
    struct cell *cell = cell_match(id, generation);

    *error = cell ? chain_check(cell) : E_BADF;
    return *error ? NULL : cell;
}

struct cell *
leaf_cell(const struct leaf *leaf, int *error)
{
    struct cell *cell = cell_at(leaf->cell);

    *error = chain_check(cell);
    return *error ? NULL : cell;
}

/* A new cell that hangs on nothing: an object's own. */
void
cell_init(struct cell *cell, uint64_t object, enum cap_kind kind)
{
    *cell = (struct cell){
        .generation = ++generation_last,
        .leaf = {.type = LEAF_CELL, .kind = (uint8_t)kind, .rights = RIGHTS_ALL},
        .own = cell_id(cell),
        .object = (uint32_t)object,
    };
    circle_init(&cell->below);
    circle_init(&cell->leaf.link);
}

/* An empty cell becomes a child of `parent`. */
static void
cell_grow(struct cell *cell, struct cell *parent, uint16_t rights)
{
    cell_init(cell, parent->object, (enum cap_kind)parent->leaf.kind);
    cell->leaf.rights = rights;
    cell->leaf.cell = cell_id(parent);
    cell->parent_generation = parent->generation;
    cell->own = parent->own;
    link_add_before(&cell->leaf.link, &parent->below); /* G3: behind all leaves */
}

/* ---- leaves ---- */

void
leaf_hang(struct leaf *leaf, struct cell *cell, enum leaf_type type)
{
    if (planted(PLANT_BOUND) && type != LEAF_SLOT)
        cell = cell_at(cell->own);
    leaf->type = (uint8_t)type;
    leaf->cell = cell->leaf.cell ? cell_id(cell) : cell->own;
    link_add_before(&leaf->link, cell->below.next); /* G3: before all cells */
}

void
leaf_drop(struct leaf *leaf)
{
    if (leaf->type == LEAF_NONE)
        return;
    link_remove(&leaf->link);
    leaf->type = LEAF_NONE;
}

bool
leaf_whole(const struct leaf *leaf)
{
    return leaf->link.next->prev == &leaf->link && leaf->link.prev->next == &leaf->link;
}

static void
leaf_fall(struct leaf *leaf)
{
    static void (*const fall[LEAF_TYPES])(struct leaf *) = {[LEAF_SLOT] = slot_fall,
                                                            [LEAF_CONSOLE] = console_fall,
                                                            [LEAF_PIN] = pin_fall,
                                                            [LEAF_INSPECT] = inspect_fall,
                                                            [LEAF_EVENTS] = event_fall};
    uint8_t type = leaf->type;

    assert(type < LEAF_TYPES); /* G3 */
    leaf_drop(leaf);
    if (fall[type])
        fall[type](leaf);
}

/* ---- revoking ---- */

/*
 * Empty for who wants to grant again; it hangs no more. But one that was revoked, of a context, is
 * first named at no stranger's position (vector.c); else the steps are used up.
 */
static void
cell_clear(struct cell *cell, uint64_t *steps)
{
    if (cell_is_dying(cell) && cell->leaf.kind == KIND_CONTEXT && !planted(PLANT_NAMED) &&
        !slice_forget(&arch_context_of(cell->object)->strangers, steps))
        return;
    steps_use(steps, CELL_STEPS);
    if (cell_is_dying(cell))
        cell_at(cell->own)->unfinished--; /* G5 */
    link_remove(&cell->leaf.link);
    *cell = (struct cell){0};
}

static void
revoke_begin(struct cell *cell)
{
    if (!cell->generation)
        return;
    cell->generation = 0;
    cell_at(cell->own)->unfinished++; /* G5 */
}

/*
 * One step of the walk of `root`, on whose circle something is. A cell dies when the walk first
 * comes to it, before all that hangs on it, and is empty when all that has gone.
 */
static void
revoke_step(struct cell *root, uint64_t *steps)
{
    struct leaf *first = (struct leaf *)root->below.next; /* which begins with its link */
    struct cell *cell = (struct cell *)((char *)first - offsetof(struct cell, leaf));

    if (first->type > LEAF_JOINED) {
        steps_use(steps, first->type <= LEAF_TOLD ? CELL_STEPS : PIN_STEPS);
        leaf_fall(first);
    } else if (circle_is_empty(&cell->below)) {
        cell_clear(cell, steps);
    } else {
        assert(cell->below.next); /* G3: it is in use */
        steps_use(steps, CELL_STEPS);
        revoke_begin(cell);
        circle_move_before(&cell->below, &first->link);
        first->type = LEAF_JOINED;
        first->cell = cell_id(root);
    }
}

/* The walk that works for a dying cell: its own, or the one that took it over. Shortens the way. */
static struct cell *
revoke_root(struct cell *cell, uint64_t *steps)
{
    while (cell->leaf.type == LEAF_JOINED && *steps) {
        struct cell *above = cell_at(cell->leaf.cell);
        if (above->leaf.type == LEAF_JOINED)
            cell->leaf.cell = above->leaf.cell;
        cell = above;
        --*steps;
    }
    return cell;
}

/*
 * Works on the revocation of a dying cell, or of one that is empty again; true when it is over, and
 * the cell empty if it is not an object's own.
 */
static bool
revoke_go_on(struct cell *cell, uint64_t *steps)
{
    while (cell_is_used(cell) && *steps) {
        struct cell *root = revoke_root(cell, steps);
        if (root->leaf.type == LEAF_JOINED)
            return false;
        if (!circle_is_empty(&root->below))
            revoke_step(root, steps);
        else if (!root->leaf.cell) /* an object's own: it ends with its frame */
            return true;
        else
            cell_clear(root, steps);
    }
    return !cell_is_used(cell);
}

bool
revoke_object(uint64_t n, uint64_t *steps)
{
    struct cells *cells = frame_address(n);
    uint32_t last = frame_at(n)->type == FRAME_CELLS ? CELLS_PER_FRAME : 1;

    for (uint32_t i = 0; i < last; i++) {
        struct cell *cell = &cells->cell[i];
        if (i > 0 && cell_is_dying(cell) && planted(PLANT_REVOKE_ROOT))
            continue;
        if (!cell_is_used(cell))
            continue;
        revoke_begin(cell);
        if (!revoke_go_on(cell, steps))
            return false; /* G6 */
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
    if (planted(PLANT_REVOKE))
        return result_ok(0);
    revoke_begin(cell); /* one that is not used is all zeroes: there is nothing to go on with */
    return revoke_go_on(cell, &steps) ? result_ok(0) : result_error(E_AGAIN);
}

struct result
cap_grant(const struct slot *slot, struct cells *cells, uint64_t index, uint64_t rights,
          uint64_t holder, uint64_t out)
{
    struct cell *cell = &cells->cell[index_masked(index, CELLS_PER_FRAME)];
    struct cell *parent;
    uint64_t absent;
    struct cap cap;
    int error;

    if (index < 1 || index >= CELLS_PER_FRAME || holder > UINT32_MAX || rights > RIGHTS_ALL)
        return result_error(E_INVAL);
    parent = leaf_cell(&slot->leaf, &error); /* G4 */
    if (!parent)
        return result_error(error);
    if (!cells->cell[0].generation)
        return result_error(E_BADF); /* its frame is about to end */
    if (cell_is_used(cell) && !planted(PLANT_GRANT_AGAIN))
        return result_error(E_EXIST);
    if (rights & ~(uint64_t)slot->leaf.rights && !planted(PLANT_GRANT_MORE))
        return result_error(E_PERM);

    cap = (struct cap){.object = parent->object,
                       .cell = cell_id(cell),
                       .generation = generation_last + 1,
                       .kind = slot->leaf.kind,
                       .rights = (uint16_t)rights,
                       .holder = (uint32_t)holder};
    cap_sign(&cap);
    absent = copy_out(out, &cap, sizeof(cap));
    if (absent)
        return result_error_at(E_FAULT, absent);
    cell_grow(cell, parent, (uint16_t)rights);
    return result_ok(0);
}
