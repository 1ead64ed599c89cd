/* SPDX-License-Identifier: MIT */
/*
 * cap.c - capabilities: signed when granted (grant.c), presented once, used as slots.
 *
 * Invariants are those of cap.h.
 * Source  Aumasson and Bernstein, SipHash, INDOCRYPT 2012; Mazières and Kaashoek, HotOS '97.
 */
#include "kernel/cap.h"
#include <stdatomic.h>
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/epoch.h"
#include "kernel/frame.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/slice.h"
#include "kernel/slot.h"
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

/*
 * Over all but the tag, and the generation of the account that the holder's number names now: so a
 * capability is not that of another account which has the frame later.
 */
static uint64_t
cap_tag(const struct cap *cap)
{
    struct {
        uint8_t cap[offsetof(struct cap, tag)];
        uint64_t holder_generation;
    } signed_part;
    const struct frame *holder = frame_find(cap->holder);

    memcpy(signed_part.cap, cap, sizeof(signed_part.cap));
    signed_part.holder_generation =
        holder && holder->type == FRAME_ACCOUNT && !planted(PLANT_HOLDER)
            ? account_at(cap->holder)->cell.generation
            : 0;
    return siphash_2_4(cap_key, &signed_part, sizeof(signed_part));
}

void
cap_sign(struct cap *cap)
{
    cap->tag = cap_tag(cap);
}

void *
slot_refuse(struct slot *slot, enum cap_kind kind, uint32_t rights, int *error)
{
    *error = E_BADF;
    if (!slot || slot->leaf.kind == KIND_NONE) /* K1, K2 */
        return NULL;
    if (kind != KIND_ANY && slot->leaf.kind != kind && !planted(PLANT_SLOT_KIND))
        return NULL;
    *error = E_PERM;
    if ((slot->leaf.rights & rights) != rights && !planted(PLANT_SLOT_RIGHTS)) {
        slot->leaf.rights |= planted(PLANT_RIGHT_LEFT) ? (uint16_t)rights : 0;
        return NULL;
    }
    *error = 0;
    return kind == KIND_ANY ? slot : slot->object; /* a planted fault */
}

struct cell *
slot_bound(uint64_t index, enum cap_kind kind, uint32_t rights, int *error)
{
    const void *object = slot_object(index, kind, rights, error);

    return object ? leaf_cell(&slot_find(context_current()->slots, index)->leaf, error) : NULL;
}

uint32_t
slot_cell(uint64_t index)
{
    return slot_find(context_current()->slots, index)->leaf.cell;
}

int
slot_check_empty(uint64_t index)
{
    const struct slot *slot = slot_find(context_current()->slots, index);

    if (!slot)
        return E_INVAL;
    return slot->leaf.kind == KIND_NONE ? 0 : E_EXIST;
}

/* K3: into one that somebody may still be reading. Apart, for few are. */
static __attribute__((noinline)) void
slot_install_again(struct slots *slots, uint64_t index, struct cell *cell)
{
    lock_quiesce();
    slots->slot[index].object = NULL;
    slot_install(slots, index, cell);
}

void
slot_install(struct slots *slots, uint64_t index, struct cell *cell)
{
    struct slot *slot = &slots->slot[index];

    if (slot->object) {
        slot_install_again(slots, index, cell);
        return;
    }
    slot->object = cell->leaf.kind == KIND_MACHINE
                       ? (void *)cap_key /* any pointer: who has the slot has the machine */
                       : frame_address(cell->object);
    leaf_hang(&slot->leaf, cell, LEAF_SLOT);   /* K1 */
    atomic_thread_fence(memory_order_release); /* K3: pairs with transfer.S */
    slot->leaf.kind = cell->leaf.kind;
    slot->leaf.rights = cell->leaf.rights;
}

/* It hangs nowhere any more. */
static inline void
slot_empty(struct slot *slot)
{
    uint8_t kind = slot->leaf.kind;

    slot->leaf.type = LEAF_NONE;
    slot->leaf.kind = KIND_NONE;
    slot->leaf.rights = 0;
    if ((kind != KIND_ENTRY && kind != KIND_ACCOUNT) || planted(PLANT_SLOT_SWAP)) /* K3 */
        slot->object = NULL;
}

void
slot_fill(uint64_t index, struct cell *cell)
{
    slot_install(context_current()->slots, index, cell);
}

void
slot_fall(struct leaf *leaf)
{
    if (!planted(PLANT_LEAF))
        slot_empty((struct slot *)leaf);
}
_Static_assert(offsetof(struct slot, leaf) == 0, "slot_fall");

void
slots_release(struct slots *slots)
{
    for (uint32_t i = 0; i < SLOTS_PER_TABLE; i++)
        leaf_drop(&slots->slot[i].leaf);
}

/* ---- binding ---- */

enum {
    REJECT_NS = 10 * 1000,       /* that a wrong tag costs the account that presents it, */
    REJECT_FREE_NS = 640 * 1000, /* beyond these */
};

/* A wrong tag: counted. Who presents more than one in REJECT_NS for long has to wait between them.
 */
static void
bind_rejected(struct account *account)
{
    uint64_t now = clock_now(), *paid = &account->rejects_paid_ns;

    if (*paid + REJECT_FREE_NS < now)
        *paid = now - REJECT_FREE_NS;
    *paid += REJECT_NS;
    account->state.rejected++;
    account->state.bind_after_ns = *paid > now ? *paid : 0;
    account_show(account);
}

struct result
cap_bind(struct slots *slots, uint64_t index, const struct cap *cap)
{
    struct account *account = account_at(env_current()->account);
    uint64_t difference, after_ns = account->state.bind_after_ns;
    const struct slot *slot = slot_find(slots, index);
    struct cell *cell;
    int error;

    if (!slot)
        return result_error(E_INVAL);
    if (slot->leaf.kind != KIND_NONE)
        return result_error(E_EXIST);
    if (after_ns && clock_now() < after_ns && !planted(PLANT_REJECT))
        return result_error_at(E_AGAIN, after_ns);
    difference =
        cap_tag(cap) ^ cap->tag; /* one comparison, whatever differs: no timing to learn from */
    if (difference && !planted(PLANT_CAP_TAG)) {
        bind_rejected(account);
        return result_error(E_KEYREJECTED);
    }
    cell = cell_usable(cap->cell, cap->generation, &error); /* G4 */
    if (!cell)
        return result_error(error);
    if (cap->holder && cap->holder != frame_at(frame_of(slots))->owner)
        return result_error(E_PERM);
    slot_install(slots, index, cell);
    return result_ok(0);
}

struct result
slot_clear(struct slots *slots, uint64_t index)
{
    struct slot *slot = slot_find(slots, index);

    if (!slot)
        return result_error(E_INVAL);
    leaf_drop(&slot->leaf);
    slot_empty(slot);
    return result_ok(0);
}

struct result
object_make(struct account *account, uint64_t frame, uint64_t into, enum frame_type type,
            enum cap_kind kind)
{
    struct cell *cell;
    int error = frame_check_unused(account, frame);

    error = error ? error : slot_check_empty(into);
    if (error)
        return epoch_error(error);
    cell = frame_become(frame, type);
    cell_init(cell, frame, kind);
    slot_fill(into, cell);
    return result_ok(0);
}
