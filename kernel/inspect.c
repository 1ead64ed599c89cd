/* SPDX-License-Identifier: MIT */
/*
 * inspect.c - what lies in one entry of a root's upper half, and in no other root's (inspect.h).
 */
#include "kernel/inspect.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/epoch.h"
#include "kernel/frame.h"
#include "kernel/grant.h"
#include "kernel/slot.h"
#include "plant.h"

struct leaf *
inspect_leaf(uint64_t n)
{
    return (struct leaf *)((char *)frame_address(frame_at(n)->other) + FRAME_BYTES / 2);
}

void
inspect_begin(uint64_t n)
{
    *inspect_leaf(n) = (struct leaf){.type = LEAF_NONE};
}

void
inspect_end(uint64_t n)
{
    leaf_drop(inspect_leaf(n));
}

/* Returns the epoch from which on nobody sees it. */
static uint64_t
inspect_hide(uint64_t root)
{
    uint64_t epoch;

    if (planted(PLANT_INSPECT))
        return 0;
    arch_root_show(root, false);
    epoch = epoch_give(root, frame_at(root)->owner);
    if (arch_root_of(cpu_this()) == root)
        arch_flush_all();
    if (epoch)
        epoch_force(epoch);
    return epoch;
}

void
inspect_fall(struct leaf *leaf)
{
    (void)inspect_hide(frame_at(frame_of(leaf))->other);
}

struct result
root_inspect(struct account *account, uint64_t root, uint64_t inspect, uint64_t on)
{
    int error = frame_check(account, root, FRAME_PT4);
    struct cell *cell;
    bool shown;

    if (!error && account_dying(frame_at(root)->owner))
        error = E_PERM;
    if (!error && on > 1)
        error = E_INVAL;
    if (error)
        return result_error(error);
    shown = inspect_leaf(root)->type != LEAF_NONE;
    if (shown == (on != 0))
        return result_error(on ? E_EXIST : E_NOENT);
    if (!on) {
        inspect_end(root);
        return (struct result){.detail = inspect_hide(root)};
    }
    cell = slot_bound(inspect, KIND_ACCOUNT, RIGHT_INSPECT, &error);
    if (cell && cell->object != frame_of(account_root) && !planted(PLANT_INSPECT_ROOT))
        error = E_PERM; /* of an account that is not everybody's */
    if (error)
        return result_error(error);
    leaf_hang(inspect_leaf(root), cell, LEAF_INSPECT); /* I1 */
    arch_root_show(root, true);
    return result_ok(0);
}
