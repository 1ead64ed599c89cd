/* SPDX-License-Identifier: MIT */
/*
 * kernel/pt.h - the page tables of libraries: where an entry lies, and how it is changed.
 *
 * Every change of an entry goes through entry_hold and entry_drop, which keep the reference and the
 * reverse link of what it names; every call that takes rights away ends with walk_end. A walk is
 * inlined in each of the few calls that walk: a call that changes one entry is a budget of the
 * design.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/epoch.h"
#include "kernel/frame.h"
#include "kernel/reverse.h"
#include "plant.h"

#define PT_INLINE static inline __attribute__((always_inline))

typedef _Atomic uint64_t pte_t; /* walkers of other processors set accessed and dirty bits */

/* Present entries of one table, from one on. */
struct place {
    pte_t *entry;
    struct reverse *link;    /* its place in the companion */
    struct frame *companion; /* whose references count the table's present entries */
    uint32_t name;
};

/* A walk from a table that a caller named to entries of one level, and what was changed there. */
struct walk {
    uint64_t table;
    uint32_t owner;      /* account of the tables */
    uint32_t top, level; /* of the table, of the entries */
    uint32_t shift;      /* address bits below an entry's index */
    bool few;       /* to be flushed page by page where only this processor's root is concerned */
    bool single;    /* so it is, in the run found last */
    bool whole;     /* something changed that was not flushed so */
    bool dropped;   /* an entry was removed or replaced */
    int error;      /* at which it ended; 0: it goes on */
    uint64_t links; /* all that were followed, or'ed */
    uint64_t lost, got;   /* bits that entries lost and got, or'ed */
    uint64_t stamp;       /* for frames that an entry lets go of */
    uint64_t detail;      /* the error's second result */
    uint64_t va, n, done; /* a range: its entries; those of the first of them that were done */
    uint64_t at, run;     /* the addresses found last begin here, and are so many entries' */
    pte_t *entry;         /* and the entry in it */
};

enum { SINGLE_MAX = 32 };

/* Address bits above a page number that index the table of a level. */
PT_INLINE uint32_t
level_shift(uint32_t level)
{
    return FRAME_SHIFT + 9 * (level - 1);
}

/* Is it a page table? */
static inline bool
type_is_table(uint8_t type)
{
    return type >= FRAME_PT1 && type <= FRAME_PT4;
}

/*
 * Begins a walk to entries of `level` (0: 1) in the table that the caller named: 0, E_PERM (not a
 * table of account or below, or dying), E_INVAL (not a table; the level is above its own, or 4).
 */
PT_INLINE int
walk_begin(struct walk *w, const struct account *account, uint64_t table, uint64_t level)
{
    const struct frame *f = frame_find(table);

    *w = (struct walk){.table = table, .error = E_PERM, .stamp = epoch_next()};
    if (!f || (f->owner != frame_of(account) && !planted(PLANT_FRAME_OWNER) &&
               !account_covers(account, f->owner)))
        return E_PERM;
    if (type_is_table(f->type) && account_dying(f->owner)) /* nothing of it is bound any more */
        return E_PERM;
    w->owner = f->owner;
    w->top = f->type - FRAME_PT1 + 1u;
    w->level = level ? (uint32_t)level : 1;
    w->shift = level_shift(w->level);
    w->error = type_is_table(f->type) && level < PT_LEVELS && w->level <= w->top ? 0 : E_INVAL;
    return w->error;
}

/* The walk, begun or not, is to n entries from va on: 0, or the error at which it has ended. */
PT_INLINE int
walk_range(struct walk *w, uint64_t va, uint64_t n)
{
    uint64_t end =
        w->error || w->top == PT_LEVELS ? USER_TOP : (uint64_t)1 << (level_shift(w->top) + 9);

    w->few = n <= SINGLE_MAX;
    w->va = va;
    w->n = n;
    if (!w->error &&
        (va & (((uint64_t)1 << w->shift) - 1) || n - 1 >= MAP_BATCH_MAX ||
         (!planted(PLANT_MAP_RANGE) && (va >= end || (n - 1) << w->shift >= end - va))))
        w->error = E_INVAL;
    return w->error;
}

/* Does what was found hang below the named table, a root, alone? Then no other root is concerned.
 */
PT_INLINE bool
walk_exact(const struct walk *w)
{
    return w->top == PT_LEVELS && !arch_link_shared(w->links);
}

/* Follows one link; false: there is none, and the walk says why. */
PT_INLINE bool
walk_step(struct walk *w, uint64_t *table, uint64_t va, uint32_t shift)
{
    uint64_t entry = ((const uint64_t *)frame_address(*table))[va >> shift & (PT_ENTRIES - 1)];

    if (__builtin_expect(!arch_pte_links(entry), 0)) {
        bool large = arch_pte_present(entry);
        w->error = large ? E_EXIST : E_NOENT;
        w->detail = (shift - FRAME_SHIFT) / 9 + large;
        return false;
    }
    w->links |= entry;
    *table = arch_pte_frame(entry);
    return true;
}

/*
 * To the entry for va: 0, E_NOENT (detail: the level of the absent table), E_EXIST (detail: the
 * level at which a larger page is in the way).
 */
PT_INLINE int
walk_to(struct walk *w, uint64_t va)
{
    uint64_t table = w->table;

#pragma GCC unroll 3
    for (uint32_t shift = level_shift(w->top); shift > w->shift; shift -= 9)
        if (!walk_step(w, &table, va, shift))
            return w->error;
    w->entry = (pte_t *)frame_address(table) + (va >> w->shift & (PT_ENTRIES - 1));
    w->single = w->few && walk_exact(w) && w->table == arch_root_here();
    return 0;
}

/* How many of `left` entries lie in the table found last, from the entry for va on. */
PT_INLINE uint64_t
walk_run(const struct walk *w, uint64_t va, uint64_t left)
{
    uint64_t room = PT_ENTRIES - (va >> w->shift & (PT_ENTRIES - 1));

    return room < left ? room : left;
}

/* To the next entries of the range, in one table and at most `most`; false: it has ended. */
PT_INLINE bool
walk_next(struct walk *w, uint64_t most)
{
    uint64_t left = w->n - w->done;

    if (w->error || !left)
        return false;
    w->at = w->va + (w->done << w->shift);
    if (walk_to(w, w->at))
        return false;
    w->run = walk_run(w, w->at, left < most ? left : most);
    return true;
}

/* An entry of a table, with what holding and dropping need. */
PT_INLINE struct place
place_at(pte_t *entry)
{
    uint64_t index = (uintptr_t)entry / sizeof(*entry) % PT_ENTRIES;
    uint64_t links = frame_at(frame_of(entry))->other;
    struct frame *companion = frame_at(links);

    return (struct place){entry, (struct reverse *)frame_address(links) + index, companion,
                          reverse_name(companion->first, index)};
}

/* Above level 1 an entry may link a table, which only pt_unlink takes out. The walk ends there. */
PT_INLINE bool
walk_linked(struct walk *w, uint64_t pte)
{
    if (w->level == 1 || !arch_pte_links(pte))
        return false;
    w->detail = w->level;
    w->error = E_EXIST;
    return true;
}

/* An entry for va has changed, or is about to. */
PT_INLINE void
walk_changed(struct walk *w, uint64_t va, uint64_t from, uint64_t to)
{
    w->lost |= from & ~to;
    w->got |= to & ~from;
    if (w->single)
        arch_flush_page(va);
    else
        w->whole = true;
}

/*
 * Flushes what hangs below the table, a root, alone (exact), or below any of owner's. Returns the
 * epoch from which on nobody has what was taken; 0: passed. whole: this processor is to flush, too.
 */
uint64_t walk_flush(uint64_t root, uint32_t owner, bool taken, bool whole);

/* Ends a walk: what walk_flush does, if something changed. */
PT_INLINE uint64_t
walk_end(const struct walk *w)
{
    bool taken = w->stamp && (w->dropped || arch_pte_loses(w->lost, w->got));

    entries_changed++;
    return taken || w->whole ? walk_flush(walk_exact(w) ? w->table : 0, w->owner, taken, w->whole)
                             : 0;
}

/* What a range call gives: how many were done, with the epoch, or the error. */
PT_INLINE struct result
walk_result(const struct walk *w)
{
    uint64_t epoch = walk_end(w);

    if (w->done)
        return (struct result){.value = (int64_t)w->done, .detail = epoch};
    return result_error_at(w->error, w->detail);
}

/* The entry, which is absent, is about to name a frame. */
PT_INLINE void
entry_hold(const struct place *at, struct frame *f)
{
    f->refs++;
    reverse_add(&f->first, at->name, at->link);
    at->companion->refs++;
}

enum { MARKS = 32 }; /* M6 */

/* The n entries from here on, of one table, may get something to name (M6). */
PT_INLINE void
place_fills(const struct place *at, uint64_t n)
{
    uint32_t first = reverse_index(at->name);
    uint32_t last = (first + (uint32_t)n - 1) / (PT_ENTRIES / MARKS);

    at->companion->stamp |= (2u << last) - (1u << first / (PT_ENTRIES / MARKS));
}

/* The same for a page table that is to be read: behind its one link that is not shared (pt.c, M5).
 */
void entry_hold_table(const struct place *at, struct frame *f);

/* The entry, which was `pte` and is absent now, names a frame no more. */
PT_INLINE void
entry_drop(const struct place *at, uint64_t pte, uint64_t stamp)
{
    struct frame *f = frame_at(arch_pte_frame(pte));

    f->refs -= !(planted(PLANT_LEAK) && !(arch_pte_decode(pte) & MAP_WRITE) &&
                 f->owner != frame_of(account_root)); /* else init could launch nobody */
    reverse_remove(&f->first, at->link);
    at->companion->refs--;
    if (stamp)
        frame_stamp(f, stamp);
}

PT_INLINE void
entry_hold_any(const struct place *at, struct frame *f)
{
    if (__builtin_expect(type_is_table(f->type), 0))
        entry_hold_table(at, f);
    else
        entry_hold(at, f);
}

/* The entry, which is present, becomes 0. */
PT_INLINE void
entry_clear(struct walk *w, const struct place *at, uint64_t va)
{
    entry_drop(at, atomic_exchange_explicit(at->entry, 0, memory_order_seq_cst), w->stamp);
    w->dropped = true;
    walk_changed(w, va, 0, 0);
}

/* Whatever stood there is gone; then the entry names f, if any. */
PT_INLINE void
entry_set(struct walk *w, const struct place *at, uint64_t va, uint64_t pte, struct frame *f)
{
    if (arch_pte_present(atomic_load_explicit(at->entry, memory_order_relaxed)))
        entry_clear(w, at, va);
    if (f)
        entry_hold_any(at, f);
    else if (pte)
        at->companion->flags = 0; /* F7 */
    atomic_store_explicit(at->entry, pte, memory_order_release);
}

PT_INLINE void
place_next(struct place *at)
{
    at->entry++;
    at->link++;
    at->name++;
}

/* Can entries that map get more rights? That only plain frames may (M1). */
PT_INLINE bool
change_gains(struct pte_change change)
{
    return arch_pte_gains(0, change.add) || arch_pte_gains(~(uint64_t)0, change.keep | change.add);
}

/*
 * The entries of n pages that lie in one table below a root of the account's own, as most calls
 * name them, or in a table named itself; false: another case, or an error. *links: what was
 * followed.
 */
PT_INLINE bool
pages_find(const struct account *account, uint64_t root, uint64_t va, uint64_t n, pte_t **entry,
           uint64_t *links)
{
    static const uint64_t end = 0x00007fffffe00000; /* the last table is another case */
    const struct frame *f = frame_find(root);
    uint64_t index = va >> FRAME_SHIFT & (PT_ENTRIES - 1), table = root;

    if (!f || f->owner != frame_of(account) || accounts_dying || va & (FRAME_BYTES - 1) ||
        n - 1 >= PT_ENTRIES - index)
        return false;
    if (__builtin_expect(f->type != FRAME_PT4, 0)) {
        *entry = (pte_t *)frame_address(root) + index;
        *links = arch_link_share(0); /* a table of pages may hang anywhere */
        return f->type == FRAME_PT1 && va < PT_ENTRIES * FRAME_BYTES;
    }
    if (va >= end)
        return false;
    *links = 0;
#pragma GCC unroll 3
    for (uint32_t level = PT_LEVELS; level > 1; level--) {
        uint64_t pte =
            ((const uint64_t *)frame_address(table))[va >> level_shift(level) & (PT_ENTRIES - 1)];
        if (!arch_pte_links(pte))
            return false;
        *links |= pte;
        table = arch_pte_frame(pte);
    }
    *entry = (pte_t *)frame_address(table) + index;
    return true;
}

/* How many entries were changed, and which bits any of them lost and got. */
struct changed {
    uint64_t n, lost, got;
};

/* Flushes what changed in n pages that pages_find has found; the epoch from which on nobody has
 * what was taken. */
PT_INLINE uint64_t
pages_flush(uint64_t va, uint64_t n, uint64_t root, uint64_t links, struct changed changed)
{
    bool exact = !arch_link_shared(links), here = exact && n <= SINGLE_MAX;
    bool taken = epoch_next() && arch_pte_loses(changed.lost, changed.got);

    entries_changed++;
    here = here && root == arch_root_here();
    for (uint64_t end = here ? va + n * FRAME_BYTES : va; va != end; va += FRAME_BYTES)
        arch_flush_page(va);
    return taken || !here ? walk_flush(exact ? root : 0, frame_at(root)->owner, taken, !here) : 0;
}

/* The entry of that name, and the table it lies in. */
struct place entry_named(uint32_t name);
uint64_t entry_table(const struct place *at);

/* Are these flags that entries can be changed by? */
bool map_masks_good(uint64_t clear, uint64_t set);
/* The frame mapped at va below root, or 0. */
uint64_t pt_translate(uint64_t root, uint64_t va);
/* Boot: sets one entry as pt_map does. 0, or E_NOENT with the level of the absent table, ... */
int pt_enter(const struct account *cover, uint64_t root, uint64_t va, uint64_t wanted,
             uint64_t *missing);
