/* SPDX-License-Identifier: MIT */
/*
 * mapping.c - all entries that name one frame, found by their reverse links: changed, or removed.
 *
 * Steps are bounded; a call that has more to do says from where. The list may change between two
 * calls: a name that is in it no more is refused, and the caller begins anew.
 */
#include "kernel/mapping.h"
#include "abi/error.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/epoch.h"
#include "kernel/large.h"
#include "kernel/object.h"
#include "kernel/pt.h"
#include "kernel/step.h"
#include "kernel/wait.h"
#include "plant.h"

enum { ENTRY_STEPS = 4, PROTECT_MAX = 256 };

/* Tables of several accounts may have changed: the translations of all processors are concerned. */
static uint64_t
mappings_flush(bool taken)
{
    uint64_t epoch = taken && epoch_next() ? epoch_give(0, 0) : 0;

    if (!epoch)
        arch_flush_all();
    return epoch;
}

bool
mapping_break(uint64_t n, uint64_t *steps, uint64_t *epoch)
{
    const struct frame *f = frame_at(n);
    uint64_t stamp = epoch_next(), done = 0;

    for (; f->first && *steps && !planted(PLANT_BREAK); done++) {
        struct place at = entry_named(f->first);
        uint64_t old = atomic_exchange(at.entry, 0);
        entry_drop(&at, old, stamp);
        *steps -= *steps < ENTRY_STEPS ? *steps : ENTRY_STEPS;
    }
    *epoch = done ? mappings_flush(true) : 0;
    return !f->first;
}

struct result
frame_break(struct account *account, uint64_t frame)
{
    const struct frame *f = frame_find(frame);
    uint64_t steps = STEPS_MAX, epoch;

    if (!f || !account_covers(account, f->owner))
        return result_error(E_PERM);
    if (f->type != FRAME_PLAIN)
        return result_error(E_INVAL);
    (void)mapping_break(frame, &steps, &epoch);
    return (struct result){.value = (int64_t)f->refs, .detail = epoch};
}

/* What frame_protect is to do, and has seen. */
struct sweep {
    const struct account *account;
    struct pte_change change;
    uint64_t mask, value; /* software bits */
    uint64_t seen;        /* MAP_ACCESSED, MAP_DIRTY */
    bool changed, taken;
};

static void
sweep_entry(struct sweep *s, const struct place *at)
{
    uint64_t new, old = atomic_load_explicit(at->entry, memory_order_relaxed);

    if (!account_covers(s->account, frame_at(entry_table(at))->owner) ||
        (arch_pte_decode(old) & s->mask) != s->value)
        return;
    do
        new = (old & s->change.keep) | s->change.add;
    while (!atomic_compare_exchange_weak(at->entry, &old, new));
    s->seen |= arch_pte_decode(old) & (MAP_ACCESSED | MAP_DIRTY);
    s->changed |= new != old;
    s->taken |= arch_pte_loses(old, new);
}

/* 0 when the list of the frame can be followed from the entry `from`. */
static int
sweep_check(uint64_t frame, uint64_t from)
{
    struct place at;

    if (!from)
        return 0;
    if (from >> REVERSE_INDEX_BITS >= reverse_ordinals())
        return E_INVAL;
    at = entry_named(
        (uint32_t)index_masked(from, (uint64_t)reverse_ordinals() << REVERSE_INDEX_BITS));
    if (at.companion->type != FRAME_COMPANION ||
        at.companion->first != from >> REVERSE_INDEX_BITS || !arch_pte_present(*at.entry) ||
        arch_pte_frame(*at.entry) != frame)
        return E_INVAL;
    return 0;
}

struct result /* NOLINTNEXTLINE(readability-function-size): the arguments of the call */
frame_protect(struct account *account, uint64_t frame, uint64_t from, uint64_t mask, uint64_t value,
              uint64_t clear, uint64_t set)
{
    enum { SOFT = 7 << MAP_SOFT_SHIFT };
    struct sweep s = {account, arch_pte_change(clear, set), mask, value, 0, false, false};
    const struct frame *f = frame_find(frame);
    uint64_t next, epoch = 0;
    int error;

    if (!f || !account_covers(account, f->owner))
        return result_error(E_PERM);
    if (mask & ~(uint64_t)SOFT || value & ~mask || !map_masks_good(clear, set))
        return result_error(E_INVAL);
    if (f->type != FRAME_PLAIN && (!type_is_table(f->type) || set & (MAP_WRITE | MAP_EXEC)))
        return result_error(E_INVAL);
    error = sweep_check(frame, from);
    if (error)
        return result_error(error);
    next = from ? from : f->first;
    for (uint32_t i = 0; next && i < PROTECT_MAX; i++) {
        struct place at = entry_named((uint32_t)next);
        if (frame_at(entry_table(&at))->type == FRAME_PT1 + (f->flags & FRAME_SIZE)) /* no link */
            sweep_entry(&s, &at);
        next = at.link->next;
    }
    if (s.changed)
        epoch = mappings_flush(s.taken);
    return (struct result){.value = (int64_t)(s.seen | next << FRAME_SHIFT), .detail = epoch};
}

/* ---- taking ---- */

bool
frame_vital(uint64_t n)
{
    const struct frame *f = frame_at(frame_head(n));

    return f->type != FRAME_PLAIN || f->other || f->flags & FRAME_VITAL;
}

int
frame_take(uint64_t n, uint64_t *steps)
{
    uint64_t epoch;

    if (frame_vital(n))
        return E_BUSY;
    if (!mapping_break(frame_head(n), steps, &epoch) || !wait_release_frame(n, steps))
        return E_AGAIN;
    for (uint64_t head = frame_head(n); frame_at(head)->flags & FRAME_SIZE; head = frame_head(n))
        frame_parts(head);
    frame_give_back(n);
    return 0;
}
