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
#include "kernel/log.h"
#include "kernel/object.h"
#include "kernel/pt.h"
#include "kernel/context.h"
#include "plant.h"

/* 0 when the two frames may become a table and its companion. */
static int
table_check(const struct account *account, uint64_t frame, uint64_t companion)
{
    int error = frame_check_unused(account, frame);

    error = error ? error : frame_check_unused(account, companion);
    if (!error && frame == companion)
        error = E_INVAL;
    return !error && frame_at(frame)->owner != frame_at(companion)->owner ? E_PERM : error;
}

struct result
pt_make(struct account *account, uint64_t frame, uint64_t level, uint64_t companion)
{
    int error = table_check(account, frame, companion);
    struct frame *links;
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
    frame_become(frame, (enum frame_type)(FRAME_PT1 + level - 1));
    frame_at(frame)->other = (uint32_t)companion;
    links = frame_at(companion); /* not cleared: the link of an absent entry is never looked at */
    links->type = FRAME_COMPANION;
    links->flags = FRAME_ZERO;
    links->stamp = links->stamp_high = 0; /* M6 */
    links->refs = 1;
    links->first = ordinal;
    links->other = (uint32_t)frame;
    if (level == PT_LEVELS) {
        inspect_begin(frame);
        arch_root_init(frame_address(frame));
    }
    return result_ok(0);
}

/*
 * The level of the page table in frame `child` when it may hang in w's table, or 0: walk_begin has
 * seen that the caller's account covers w's owner.
 */
static uint32_t
child_level(const struct walk *w, uint64_t child)
{
    const struct frame *f = frame_find(child);

    if (!f || f->owner != w->owner)
        return 0;
    if (planted(PLANT_FRAME_TYPE) && f->type == FRAME_PT4)
        return PT_LEVELS - 1;
    return f->type >= FRAME_PT1 && f->type < FRAME_PT4 ? f->type - FRAME_PT1 + 1u : 0;
}

/* To the entry of level `above` for va; like a range of one, but va may be any address. */
PT_INLINE int
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
    level = child_level(&w, child); /* M2 */
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
    at = place_at(w.entry);
    place_fills(&at, 1);
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
    at = place_at(w.entry);
    old = *at.entry;
    if (!arch_pte_links(old))
        return result_error_at(E_NOENT, level);
    w.single = false;
    entry_clear(&w, &at, va);
    return (struct result){.value = (int64_t)arch_pte_frame(old), .detail = walk_end(&w)};
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
    if (contexts_settle(n)) {
        f->type = FRAME_PT4;
        return false;
    }
    arch_root_leave(n);
    inspect_end(n);
    arch_root_end(frame_address(n));
    return true;
}

/* What the entry at this place, if it is present, names is let go of. Nobody else looks at it. */
static bool
place_release(const struct place *at)
{
    uint64_t old = atomic_load_explicit(at->entry, memory_order_relaxed);

    atomic_store_explicit(at->entry, 0, memory_order_relaxed);
    entry_drop(at, old, 0);
    return at->companion->refs == 1;
}

/* The same of all that share a mark, from `index` on (M6). */
PT_INLINE void
marked_release(const struct place *table, uint32_t index)
{
    const pte_t *entry = table->entry + index;

#pragma GCC unroll 16
    for (uint32_t i = 0; i < PT_ENTRIES / MARKS; i++)
        if (__builtin_expect(
                arch_pte_present(atomic_load_explicit(&entry[i], memory_order_relaxed)), 0) &&
            place_release(&(struct place){table->entry + index + i, table->link + index + i,
                                          table->companion, 0}))
            return;
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

    for (uint32_t marks = links->stamp; links->refs > 1; marks &= marks - 1) { /* F1, M3, M6 */
        assert(marks);
        marked_release(&at, (uint32_t)__builtin_ctz(marks) * (PT_ENTRIES / MARKS));
    }
    ordinal_give(links->first);
    table->flags = planted(PLANT_ZERO) ? FRAME_ZERO : links->flags & FRAME_ZERO; /* F7 */
    links->first = links->refs = links->stamp = links->flags = 0;
    frame_retire(table->other);
    return present;
}
