/* SPDX-License-Identifier: MIT */
/*
 * table.c - page tables as objects: made of two frames, linked, taken out, ended.
 *
 * Invariants M1 to M4 are pt.c's. A table may hang in several places of one account's tables, and
 * each link may withhold the right to write or to execute from all below it.
 */
#include "abi/error.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/epoch.h"
#include "kernel/inspect.h"
#include "kernel/lock.h"
#include "kernel/object.h"
#include "kernel/pt.h"
#include "kernel/context.h"
#include "plant.h"

/* 0 when the two frames may become a table and its companion. */
static int
table_check(const struct account *account, uint64_t frame, uint64_t companion)
{
    int error = frame_check_unused(account, frame);

    if (!error)
        error = frame_check_unused(account, companion);
    if (!error && frame == companion)
        error = E_INVAL;
    return !error && frame_at(frame)->owner != frame_at(companion)->owner ? E_PERM : error;
}

struct result
pt_make(struct account *account, uint64_t frame, uint64_t level, uint64_t companion)
{
    int error = table_check(account, frame, companion);
    struct frame *table, *links;
    uint32_t ordinal;

    if (!error && (level < 1 || level > PT_LEVELS))
        error = E_INVAL;
    if (error && planted(PLANT_KEEP) && !frame_check_unused(account, frame))
        frame_mark_set(frame, true);
    if (error)
        return epoch_error(error);
    ordinal = ordinal_take((uint32_t)companion);
    if (!ordinal)
        return result_error(E_NOSPC);
    table = frame_at(frame);
    table->type = (uint8_t)(FRAME_PT1 + level - 1);
    table->flags = 0;
    table->other = (uint32_t)companion;
    links = frame_at(companion); /* not cleared: the link of an absent entry is never looked at */
    links->type = FRAME_COMPANION;
    links->flags = 0;
    links->refs = 1;
    links->first = ordinal;
    links->other = (uint32_t)frame;
    if (level == PT_LEVELS) {
        inspect_begin(frame);
        arch_root_init(frame_address(frame));
    } else {
        arch_frame_clear(frame_address(frame));
    }
    return result_ok(0);
}

/* The level of the page table in frame `child` when it may hang in w's table, or 0. */
static uint32_t
child_level(const struct account *account, const struct walk *w, uint64_t child)
{
    const struct frame *f = frame_find(child);

    if (!f || !account_covers(account, f->owner) || f->owner != w->owner)
        return 0;
    if (planted(PLANT_FRAME_TYPE) && f->type == FRAME_PT4)
        return PT_LEVELS - 1;
    return f->type >= FRAME_PT1 && f->type < FRAME_PT4 ? f->type - FRAME_PT1 + 1u : 0;
}

/* To the entry of level `above` for va; like a range of one, but va may be any address. */
static int
link_walk(struct walk *w, uint64_t va, uint32_t above)
{
    if (w->top < above)
        return E_INVAL;
    if (va >= (w->top == PT_LEVELS ? USER_TOP : (uint64_t)1 << (level_shift(w->top) + 9)))
        return E_INVAL;
    w->level = above;
    w->shift = level_shift(above);
    return walk_to(w, va);
}

/* The table hangs in one more place: the one link that was not marked as shared is now (M5). */
static void
link_share(const struct frame *child)
{
    struct place at;

    if (!child->first)
        return;
    at = entry_named(child->first);
    if (frame_at(entry_table(&at))->type > child->type) /* a link, and no mapping */
        atomic_fetch_or(at.entry, arch_link_share(0));
}

static struct result
link_change(struct walk *w, uint64_t va, uint64_t new)
{
    uint64_t old = *w->entry;

    if (arch_link_shared(old))
        new = arch_link_share(new);
    while (!atomic_compare_exchange_weak(w->entry, &old, new))
        ;
    w->single = false;
    walk_changed(w, va, old, new);
    return (struct result){.detail = walk_end(w)};
}

struct result
pt_link(struct account *account, uint64_t table, uint64_t va, uint64_t child, uint64_t withheld)
{
    struct place at;
    uint64_t old;
    struct walk w;
    struct frame *f;
    bool shared;
    uint32_t level;
    int error = walk_begin(&w, account, table, 1);

    if (!error && withheld & ~(uint64_t)(MAP_WRITE | MAP_EXEC))
        error = E_INVAL;
    if (!error && va >= USER_TOP)
        error = E_INVAL;
    if (error)
        return result_error(error);
    level = child_level(account, &w, child); /* M2 */
    error = level ? link_walk(&w, va, level + 1) : E_PERM;
    if (error)
        return result_error_at(error, w.detail);
    old = *w.entry;
    if (arch_pte_present(old)) {
        if (!arch_pte_links(old) || arch_pte_frame(old) != child)
            return result_error(E_EXIST);
        return link_change(&w, va, arch_link_encode(child, withheld));
    }
    f = frame_at(child);
    shared = f->refs || !frame_settled(f);
    link_share(f);
    at = walk_place(&w);
    entry_hold(&at, f);
    *at.entry = shared ? arch_link_share(arch_link_encode(child, withheld))
                       : arch_link_encode(child, withheld);
    return result_ok(0);
}

struct result
pt_unlink(struct account *account, uint64_t table, uint64_t va, uint64_t level)
{
    struct place at;
    uint64_t old;
    struct walk w;
    int error = walk_begin(&w, account, table, 1);

    if (!error && (level < 1 || level >= PT_LEVELS))
        error = E_INVAL;
    if (error)
        return result_error(error);
    error = link_walk(&w, va, (uint32_t)level + 1);
    if (error)
        return result_error_at(error, w.detail);
    at = walk_place(&w);
    old = *at.entry;
    if (!arch_pte_links(old))
        return result_error_at(E_NOENT, level);
    *at.entry = 0;
    entry_drop(&at, old, w.stamp);
    w.single = false;
    w.dropped = true;
    walk_changed(&w, va, 0, 0);
    return (struct result){.value = (int64_t)arch_pte_frame(old), .detail = walk_end(&w)};
}

/* The first place from this one on that holds something; there is one. */
static struct place
place_filled(struct place at)
{
    const uint64_t *first = (const uint64_t *)(uintptr_t)at.entry,
                   *entry = first; /* nobody else writes it */

    while (!*entry) {
        entry++;
        while ((uintptr_t)entry % (4 * sizeof(*entry)) == 0 &&
               !(entry[0] | entry[1] | entry[2] | entry[3]))
            entry += 4;
    }
    at.link += entry - first;
    at.entry += entry - first;
    return at;
}

/*
 * From here on nobody goes on to that root: false where one who is current stands on it, and it
 * stays one.
 */
bool
root_end(uint64_t n)
{
    struct frame *f = frame_at(n);

    f->type = FRAME_ENDED;
    lock_quiesce(); /* pairs with root.S, which looks at the type */
    if (!contexts_settle(n))
        return true;
    f->type = FRAME_PT4;
    return false;
}

/*
 * Everything the table names is let go of. Nobody walks it any more: it hangs nowhere and its epoch
 * has passed, or nothing of its account runs (account_destroy).
 */
uint64_t
pt_release(uint64_t n)
{
    struct frame *table = frame_at(n), *links = frame_at(table->other);
    uint64_t present = links->refs - 1;
    struct place at = {frame_address(n), frame_address(table->other), links, 0};

    arch_root_leave(n);
    if (table->type == FRAME_PT4)
        inspect_end(n);
    for (; links->refs > 1; at.entry++, at.link++) { /* F1, M3 */
        uint64_t old;
        at = place_filled(at);
        old = *at.entry;
        if (!arch_pte_present(old))
            continue;
        *at.entry = 0;
        entry_drop(&at, old, 0);
    }
    ordinal_give(links->first);
    links->first = 0;
    links->refs = 0;
    frame_retire(table->other);
    return present;
}
