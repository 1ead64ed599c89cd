/* SPDX-License-Identifier: MIT */
/*
 * cap.c - capabilities: granted as cells, presented once, used as slots.
 *
 * Invariants are K1 to K3 of cap.h.
 * Source  Aumasson and Bernstein, SipHash, INDOCRYPT 2012; Mazières and Kaashoek, HotOS '97.
 */
#include "kernel/cap.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/slice.h"
#include "kernel/step.h"
#include "lib/siphash.h"
#include "lib/string.h"
#include "plant.h"

static uint64_t cap_key[2];
static uint64_t generation_last; /* K1: one counter for all cells */

void
cap_init(void)
{
    if (!arch_random(&cap_key[0]) || !arch_random(&cap_key[1]))
        panic("this processor gives no random numbers to key the capabilities with");
}

static uint64_t
cap_tag(const struct cap *cap)
{
    return siphash_2_4(cap_key, cap, offsetof(struct cap, tag));
}

static struct cell *
cell_find(uint32_t id)
{
    uint32_t index = id % CELLS_PER_FRAME;
    const struct frame *f = frame_find(id / CELLS_PER_FRAME);

    if (!f || f->type < FRAME_ACCOUNT || f->type > FRAME_CONSOLE)
        return NULL;
    if (index && f->type != FRAME_CELLS) /* K2 */
        return NULL;
    return (struct cell *)frame_address(id / CELLS_PER_FRAME) + index;
}

static uint32_t
cell_id(const struct cell *cell)
{
    const struct cell *first = frame_address(frame_of(cell));

    return (uint32_t)(frame_of(cell) * CELLS_PER_FRAME + (uint64_t)(cell - first));
}

static bool
kind_has_frame(enum cap_kind kind)
{
    return kind != KIND_CPU && kind != KIND_MACHINE;
}

void
cell_init(struct cell *cell, uint64_t object, enum cap_kind kind)
{
    uint64_t generation = ++generation_last;

    *cell = (struct cell){.generation = generation,
                          .object_generation = generation,
                          .object = (uint32_t)object,
                          .kind = (uint16_t)kind,
                          .rights = RIGHTS_ALL};
}

void
cell_init_fixed(struct cells *cells, uint32_t index, uint32_t object, enum cap_kind kind)
{
    cell_init(&cells->cell[index], object, kind);
}

/* K3: the cell that a slot or a capability stands on, or NULL when it is dead. */
static const struct cell *
cell_alive(uint32_t id, uint64_t generation)
{
    const struct cell *cell = cell_find(id), *own;

    if (!cell || !generation || cell->generation != generation)
        return NULL;
    if (!kind_has_frame(cell->kind))
        return cell;
    own = cell_find(cell->object * CELLS_PER_FRAME);
    return own && own->generation == cell->object_generation ? cell : NULL;
}

static const struct slot *
slot_find(const struct slots *slots, uint64_t index)
{
    if (planted(PLANT_SLOT_INDEX))
        return &slots->slot[index];
    return index < SLOTS_PER_TABLE ? &slots->slot[index_masked(index, SLOTS_PER_TABLE)] : NULL;
}

static void *
object_of(const struct slot *slot)
{
    if (slot->kind == KIND_MACHINE)
        return cap_key; /* any pointer: who has the slot has the machine */
    return slot->kind == KIND_CPU ? (void *)cpu_this() : frame_address(slot->object);
}

void *
slot_object(uint64_t index, enum cap_kind kind, uint32_t rights, int *error)
{
    const struct slots *slots = frame_address(env_current()->slots);
    const struct slot *slot = slot_find(slots, index);
    void *found;

    *error = E_BADF;
    if (!slot || !cell_alive(slot->cell, slot->generation))
        return NULL;
    if (kind != KIND_ANY && slot->kind != kind && !planted(PLANT_SLOT_KIND))
        return NULL;
    *error = E_PERM;
    if ((slot->rights & rights) != rights && !planted(PLANT_SLOT_RIGHTS))
        return NULL;
    *error = 0;
    if (kind != KIND_ANY)
        return object_of(slot);
    memcpy(&found, &(const void *){slot}, sizeof(found));
    return found;
}

struct events *
slot_events(const struct slots *slots, uint64_t index)
{
    const struct slot *slot = slot_find(slots, index);

    if (!slot || slot->kind != KIND_EVENTS || !cell_alive(slot->cell, slot->generation))
        return NULL;
    return object_of(slot);
}

int
slot_check_empty(uint64_t index)
{
    const struct slot *slot = slot_find(frame_address(env_current()->slots), index);

    if (!slot)
        return E_INVAL;
    return slot->kind == KIND_NONE ? 0 : E_EXIST;
}

void
slot_install(struct slots *slots, uint64_t index, const struct cell *cell)
{
    slots->slot[index] = (struct slot){.generation = cell->generation,
                                       .cell = cell_id(cell),
                                       .object = cell->object,
                                       .kind = cell->kind,
                                       .rights = cell->rights};
}

void
slot_fill(uint64_t index, const struct cell *cell)
{
    slot_install(frame_address(env_current()->slots), index, cell);
}

struct result
cap_grant(const struct slot *slot, struct cells *cells, uint64_t index, uint64_t rights,
          uint64_t holder, uint64_t out)
{
    struct cell *cell = &cells->cell[index_masked(index, CELLS_PER_FRAME)];
    const struct cell *parent = cell_alive(slot->cell, slot->generation);
    uint64_t absent;

    assert(parent); /* K3: the slot was checked */
    if (index < 1 || index >= CELLS_PER_FRAME || holder > UINT32_MAX || rights > RIGHTS_ALL)
        return result_error(E_INVAL);
    if (cell->generation)
        return result_error(E_EXIST);
    if (rights & ~(uint64_t)slot->rights)
        return result_error(E_PERM);

    struct cap cap = {.object = slot->object,
                      .cell = cell_id(cell),
                      .generation = generation_last + 1,
                      .kind = slot->kind,
                      .rights = (uint16_t)rights,
                      .holder = (uint32_t)holder};
    cap.tag = cap_tag(&cap);
    absent = copy_out(out, &cap, sizeof(cap));
    if (absent)
        return result_error_at(E_FAULT, absent);
    *cell = (struct cell){.generation = ++generation_last,
                          .object_generation = parent->object_generation,
                          .object = slot->object,
                          .parent = slot->cell,
                          .kind = slot->kind,
                          .rights = (uint16_t)rights};
    return result_ok(0);
}

struct result
cap_bind(struct slots *slots, uint64_t index, uint64_t cap_va)
{
    struct cap cap;
    uint64_t absent = copy_in(&cap, cap_va, sizeof(cap)), difference;
    const struct slot *slot = slot_find(slots, index);
    const struct cell *cell;

    if (absent)
        return result_error_at(E_FAULT, absent);
    if (!slot)
        return result_error(E_INVAL);
    if (slot->kind != KIND_NONE)
        return result_error(E_EXIST);
    difference =
        cap_tag(&cap) ^ cap.tag; /* one comparison, whatever differs: no timing to learn from */
    if (difference && !planted(PLANT_CAP_TAG))
        return result_error(E_KEYREJECTED);
    cell = cell_alive(cap.cell, cap.generation);
    if (!cell)
        return result_error(E_BADF);
    if (cap.holder && cap.holder != frame_at(frame_of(slots))->owner)
        return result_error(E_PERM);
    slot_install(slots, index, cell);
    return result_ok(0);
}

struct result
slot_clear(struct slots *slots, uint64_t index)
{
    if (!slot_find(slots, index))
        return result_error(E_INVAL);
    slots->slot[index] = (struct slot){0};
    return result_ok(0);
}

/* The part that the makers of simple objects share: frame -> object, slot `into` -> all rights. */
static struct result
object_make(struct account *account, uint64_t frame, uint64_t into, enum frame_type type,
            enum cap_kind kind)
{
    struct cell *cell;
    int error = frame_check_unused(account, frame);

    if (!error)
        error = slot_check_empty(into);
    if (error)
        return result_error(error);
    cell = frame_become(frame, type);
    cell_init(cell, frame, kind);
    slot_fill(into, cell);
    return result_ok(0);
}

struct result
slots_make(struct account *account, uint64_t frame, uint64_t into)
{
    return object_make(account, frame, into, FRAME_SLOTS, KIND_SLOTS);
}

struct result
cells_make(struct account *account, uint64_t frame, uint64_t into)
{
    return object_make(account, frame, into, FRAME_CELLS, KIND_CELLS);
}

struct result
events_make(struct account *account, uint64_t frame, uint64_t into)
{
    return object_make(account, frame, into, FRAME_EVENTS, KIND_EVENTS);
}
