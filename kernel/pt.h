/* SPDX-License-Identifier: MIT */
/*
 * kernel/pt.h - the page tables of libraries: where an entry lies, and how it is changed.
 *
 * Every change of an entry goes through entry_hold and entry_drop, which keep the reference and the
 * reverse link of what it names; every call that takes rights away ends with walk_end.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/frame.h"
#include "kernel/reverse.h"

struct account;

/* One entry of a table. Walkers of other processors set its accessed and dirty bits meanwhile. */
struct place {
    _Atomic uint64_t *entry;
    struct reverse *link;    /* its place in the companion */
    struct frame *companion; /* whose references count the table's present entries */
    uint32_t name;
};

/* A walk from a table that a caller named to entries of one level, and what was taken on the way.
 */
struct walk {
    uint64_t table;
    uint32_t top;   /* its level */
    uint32_t level; /* of the entries */
    uint32_t owner; /* account of the tables */
    bool exact;     /* `table` is a root, and what was found hangs below no other */
    bool single;    /* flush page by page: exact, few entries, and this processor stands there */
    bool few;
    bool changed;    /* translations that were not flushed yet; */
    bool taken;      /* rights less than before */
    uint64_t stamp;  /* for frames that an entry lets go of */
    uint64_t detail; /* second result: of E_NOENT and E_EXIST the level */
    struct place at;
};

/*
 * Begins a walk to n entries of `level` (0: 1) from va on, in the table that the caller named. 0,
 * or E_PERM (not a table of account or below, or dying), E_INVAL (not a table; range or level).
 */
int walk_begin(struct walk *w, const struct account *account, uint64_t table, uint64_t level);
int walk_range(struct walk *w, uint64_t va, uint64_t n);
/*
 * To the entry for va: 0, E_NOENT (detail: the level of the absent table), E_EXIST (detail: the
 * level at which something else than a table of that level is in the way).
 */
int walk_to(struct walk *w, uint64_t va);
/* The same, where the last was the entry before. */
int walk_next(struct walk *w, uint64_t va);
/* Flushes this processor. Returns the epoch from which on nobody has what was taken; 0: passed. */
uint64_t walk_end(struct walk *w);
/* What a range call gives: how many were done, with the epoch, or the error. */
struct result walk_result(struct walk *w, uint64_t done, int error);
/* An entry for va was changed: `taken` when it allows less than before. */
void walk_changed(struct walk *w, uint64_t va, bool taken);

/* The entry now names a frame; it was absent. */
static inline void
entry_hold(const struct place *at, struct frame *f)
{
    f->refs++;
    reverse_add(&f->first, at->name, at->link);
    at->companion->refs++;
}

/* The entry, which was `pte` and is absent now, names a frame no more. */
void entry_drop(const struct place *at, uint64_t pte, uint64_t stamp);
/* Whatever stood there is gone; then the entry names f, if any. */
static inline void
entry_set(struct walk *w, uint64_t va, uint64_t pte, struct frame *f)
{
    uint64_t old = atomic_load_explicit(w->at.entry, memory_order_relaxed);

    if (arch_pte_present(old)) {
        old = atomic_exchange_explicit(w->at.entry, 0, memory_order_seq_cst);
        entry_drop(&w->at, old, w->stamp);
        walk_changed(w, va, true);
    }
    if (f)
        entry_hold(&w->at, f);
    atomic_store_explicit(w->at.entry, pte, memory_order_release);
}

/* Above level 1 an entry may link a table, which only pt_unlink takes out. */
static inline bool
entry_links(const struct walk *w)
{
    uint64_t pte = atomic_load_explicit(w->at.entry, memory_order_relaxed);

    return w->level > 1 && arch_pte_present(pte) && !arch_pte_large(pte);
}

/* The entry of that name, and the table it lies in. */
struct place entry_named(uint32_t name);
uint64_t entry_table(const struct place *at);

/* The frame mapped at va below root, or 0. */
uint64_t pt_translate(uint64_t root, uint64_t va);
/* Are these flags that entries can be changed by? */
bool map_masks_good(uint64_t clear, uint64_t set);
/* Is it a page table? */
static inline bool
type_is_table(uint8_t type)
{
    return type >= FRAME_PT1 && type <= FRAME_PT4;
}
/* Boot: sets one entry as pt_map does. 0, or E_NOENT with the level of the absent table, ... */
int pt_enter(const struct account *cover, uint64_t root, uint64_t va, uint64_t wanted,
             uint64_t *missing);
