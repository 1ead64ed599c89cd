/* SPDX-License-Identifier: MIT */
/*
 * kernel/slot.h - the look at a slot that nearly every call begins with, inlined there.
 */
#pragma once
#include "kernel/context.h"
#include "plant.h"

static inline struct slot *
slot_find(struct slots *slots, uint64_t index)
{
    if (planted(PLANT_SLOT_INDEX))
        return &slots->slot[index];
    return index < SLOTS_PER_TABLE ? &slots->slot[index_masked(index, SLOTS_PER_TABLE)] : NULL;
}

/*
 * The cell of a slot that slot_object() finds good, for something that is to be bound under it now;
 * else NULL with its errors, or those of cell_usable().
 */
struct cell *slot_bound(uint64_t index, enum cap_kind kind, uint32_t rights, int *error);
/* What a slot that is not as asked is answered: NULL and *error. */
void *slot_refuse(struct slot *slot, enum cap_kind kind, uint32_t rights, int *error);

/*
 * The object that a slot of the running environment names, or NULL with *error E_BADF (nothing
 * there, dead, another kind) or E_PERM (a right is missing). For KIND_ANY the slot itself, for
 * KIND_MACHINE a pointer that only says yes.
 */
static inline void *
slot_object(uint64_t index, enum cap_kind kind, uint32_t rights, int *error)
{
    struct slot *slot = slot_find(context_current()->slots, index);

    *error = 0;
    if (!slot || (slot->leaf.rights & rights) != rights ||
        (kind == KIND_ANY ? slot->leaf.kind == KIND_NONE : slot->leaf.kind != kind)) /* K1, K2 */
        return slot_refuse(slot, kind, rights, error);
    return kind == KIND_ANY ? slot : slot->object;
}

/* The same where a caller may name nobody: SLOT_NOTHING is NULL, and no error. */
static inline void *
slot_optional(uint64_t index, enum cap_kind kind, uint32_t rights, int *error)
{
    *error = 0;
    return index == SLOT_NOTHING ? NULL : slot_object(index, kind, rights, error);
}
