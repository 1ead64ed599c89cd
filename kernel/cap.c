/* SPDX-License-Identifier: MIT */
/*
 * cap.c - capabilities: signed when granted (grant.c), presented once, used as slots.
 *
 * Invariants are those of cap.h.
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

void
cap_sign(struct cap *cap)
{
    cap->tag = cap_tag(cap);
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
    return slot->kind == KIND_CPU ? (void *)cpu_at(slot->object) : frame_address(slot->object);
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

    if (!slot || slot->kind != KIND_EVENTS || !(slot->rights & RIGHT_READ) ||
        !cell_alive(slot->cell, slot->generation))
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
cap_bind(struct slots *slots, uint64_t index, uint64_t cap_va)
{
    struct cap cap;
    uint64_t absent = copy_in(&cap, cap_va, sizeof(cap)), difference, steps = STEPS_MAX;
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
    if (!revoke_settle(&steps))
        return result_error(E_AGAIN); /* G4 */
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
