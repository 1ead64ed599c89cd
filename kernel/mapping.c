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
#include "kernel/frame.h"
#include "kernel/object.h"
#include "kernel/pin.h"
#include "kernel/pt.h"
#include "kernel/steps.h"
#include "kernel/wait.h"
#include "plant.h"

enum { ENTRY_STEPS = 4, PARTS_STEPS = 128, PROTECT_MAX = 256 };

/* Whose tables lost something: none's (no), one account's, or those of several. */
struct losers {
    bool any;
    uint32_t owner; /* 0: several */
};

static void
losers_add(struct losers *l, const struct place *at)
{
    uint32_t owner = frame_at(entry_table(at))->owner;

    l->owner = l->any && l->owner != owner ? 0 : owner;
    l->any = true;
}

/* This processor may have more of them than a flush page by page is worth. */
static uint64_t
losers_flush(const struct losers *l)
{
    uint64_t epoch = l->any && epoch_next() ? epoch_give(0, l->owner) : 0;

    if (!epoch)
        arch_flush_all();
    return epoch;
}

bool
mapping_break(uint64_t n, uint64_t *steps, uint64_t *epoch)
{
    const struct frame *f = frame_at(n);
    struct losers losers = {0};
    uint64_t stamp = epoch_next();

    while (f->first && *steps && !planted(PLANT_BREAK)) {
        struct place at = entry_named(f->first);
        uint64_t old = atomic_exchange(at.entry, 0);
        entries_changed++;
        entry_drop(&at, old, stamp);
        losers_add(&losers, &at);
        steps_use(steps, ENTRY_STEPS);
    }
    *epoch = losers.any ? losers_flush(&losers) : 0;
    if (*epoch) /* each processor was looked at */
        steps_use(steps, cpu_count());
    return !f->first;
}

struct result
frame_break(struct account *account, uint64_t frame)
{
    uint64_t steps = STEPS_MAX, epoch;
    int error = frame_check(account, frame, FRAME_PLAIN);

    if (error)
        return result_error(error);
    (void)pins_detach(frame, &steps); /* all: PINS_PER_FRAME * PIN_STEPS are fewer */
    (void)mapping_break(frame, &steps, &epoch);
    return (struct result){.value = (int64_t)frame_at(frame)->refs, .detail = epoch};
}

/* What frame_protect is to do, and has seen. */
struct sweep {
    const struct account *account;
    struct pte_change change;
    uint64_t mask, value; /* software bits */
    uint64_t seen;        /* MAP_ACCESSED, MAP_DIRTY */
    bool changed;
    struct losers losers;
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
    entries_changed += new != old;
    if (arch_pte_loses(old & ~new, new & ~old))
        losers_add(&s->losers, at);
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
    struct sweep s = {account, arch_pte_change(clear, set), mask, value, 0, false, {0}};
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
        epoch = losers_flush(&s.losers);
    return (struct result){.value = (int64_t)(s.seen | next << FRAME_SHIFT), .detail = epoch};
}

/* ---- taking ---- */

bool
frame_vital(uint64_t n)
{
    const struct frame *f = frame_at(frame_head(n));

    if (f->type != FRAME_PLAIN || pins_vital(frame_head(n)))
        return true;
    return f->flags & FRAME_VITAL &&
           account_vital_fits(account_at(f->owner), account_at(f->owner)->n_marked) &&
           !planted(PLANT_VITAL);
}

int
frame_take(uint64_t n, uint64_t *steps)
{
    uint64_t epoch;

    if (frame_vital(n))
        return E_BUSY;
    if ((!pins_detach(frame_head(n), steps) && !planted(PLANT_PIN)) ||
        !mapping_break(frame_head(n), steps, &epoch) || !wait_release_frame(n, steps))
        return E_AGAIN;
    for (uint64_t head = frame_head(n); frame_at(head)->flags & FRAME_SIZE; head = frame_head(n)) {
        frame_parts(head);
        steps_use(steps, PARTS_STEPS);
    }
    frame_give_back(n);
    return 0;
}
