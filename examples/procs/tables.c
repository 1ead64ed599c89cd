/* SPDX-License-Identifier: MIT */
/*
 * tables.c - the page tables of a process: a root, into which the region's table is linked; below
 * it a table of level 3 and 2; and the leaf, of level 1, which a fork may share.
 *
 * They are kept for the next process with that record, the leaf empty: so a process costs no page
 * table once there have been as many.
 */
#include "examples/procs/procs.h"

enum { ROOT, ROOT_COMPANION, LEVEL3, LEVEL3_COMPANION, LEVEL2, LEVEL2_COMPANION, TABLES };
static const uint64_t FRAME_MASK = ((uint64_t)1 << 40) - 1;

static uint64_t region_table; /* of level 3: what all roots have from LIBRARY_VA on */
static struct lock leaves_lock;
static struct leaf leaves[PROCS_MAX], *leaf_free;

uint64_t table_copies;

bool
tables_begin(void)
{
    uint64_t entry, va = LIBRARY_VA & ~(((uint64_t)1 << 39) - 1);

    if (call_pt_read(SLOT_ACCOUNT, exo_space.root, PT_LEVELS, va, (uintptr_t)&entry, 1).value != 1)
        return false;
    region_table = entry >> FRAME_SHIFT & FRAME_MASK;
    for (uint32_t i = 0; i < PROCS_MAX; i++) {
        leaves[i].next = leaf_free;
        leaf_free = &leaves[i];
    }
    return entry & MAP_LINK;
}

static int64_t
table_make(uint64_t frame, uint64_t level, uint64_t companion)
{
    struct call_result r;

    while ((r = call_pt_make(SLOT_ACCOUNT, frame, level, companion)).value == -E_AGAIN)
        epoch_wait(r.detail);
    return r.value;
}

/* Hang a table into p's tree at va, or change what its link withholds. */
static struct call_result
hang(const struct proc *p, uint64_t va, uint64_t child, uint64_t withheld)
{
    return call_pt_link(SLOT_ACCOUNT, p->table[ROOT], va, child, withheld);
}

static bool
roots_make(struct proc *p)
{
    static const uint64_t order[] = {ROOT, LEVEL3, LEVEL2};
    int64_t r = pool_take_all(&exo_pool, p->table, TABLES);

    for (uint64_t i = 0; i < 3 && r >= 0; i++) {
        r = table_make(p->table[order[i]], PT_LEVELS - i, p->table[order[i] + 1]);
        if (r >= 0 && i > 0)
            r = hang(p, PROC_VA, p->table[order[i]], 0).value;
    }
    return r >= 0 && hang(p, LIBRARY_VA, region_table, 0).value >= 0;
}

static void
roots_give(struct proc *p)
{
    for (uint32_t k = 0; k < TABLES && p->table[k]; k++) {
        pool_give(&exo_pool, p->table[k], 1);
        p->table[k] = 0;
    }
}

bool
tables_make(struct proc *p)
{
    lock_take(&p->lock);
    if (!p->table[ROOT] && !roots_make(p))
        roots_give(p);
    lock_drop(&p->lock);
    return p->table[ROOT] != 0;
}

/* All of them back: no context stands on one any more. */
void
tables_end(void)
{
    for (uint32_t i = 0; i < PROCS_MAX; i++) {
        if (procs[i].leaf)
            leaf_leave(&procs[i]);
        procs[i].leaf = NULL;
        roots_give(&procs[i]);
    }
    for (uint32_t i = 0; i < PROCS_MAX; i++)
        for (uint32_t k = 0; k < 2 && leaves[i].frame[k]; k++) {
            pool_give(&exo_pool, leaves[i].frame[k], 1);
            leaves[i].frame[k] = 0;
        }
}

/* ---- leaves; leaves_lock is held ---- */

/* An empty one with one user, or null. */
static struct leaf *
leaf_take(void)
{
    struct leaf *leaf = leaf_free;

    if (!leaf)
        return NULL;
    if (!leaf->frame[0] &&
        (pool_take_all(&exo_pool, leaf->frame, 2) || table_make(leaf->frame[0], 1, leaf->frame[1])))
        return NULL;
    leaf_free = leaf->next;
    leaf->users = 1;
    return leaf;
}

static uint64_t
leaf_empty(const struct leaf *leaf)
{
    return call_pt_unmap(SLOT_ACCOUNT, leaf->frame[0], 1, 0, PAGES).detail;
}

/* One user less; the epoch. */
static uint64_t
leaf_drop(struct leaf *leaf)
{
    uint64_t epoch = 0;

    if (--leaf->users == 0) {
        epoch = leaf_empty(leaf);
        leaf->next = leaf_free;
        leaf_free = leaf;
    }
    return epoch;
}

/* p's own in the place of the one it shares; all of its tasks use it when this is over. */
static bool
leaf_replace(struct proc *p)
{
    struct leaf *old = p->leaf, *new = leaf_take();
    bool good = new && (!old || leaf_copy(old, new) >= 0);

    if (!good) {
        if (new)
            leaf_drop(new);
        return false;
    }
    if (old) {
        epoch_wait(call_pt_unlink(SLOT_ACCOUNT, p->table[ROOT], PROC_VA, 1).detail);
        leaf_drop(old);
        table_copies++;
    }
    p->leaf = new;
    p->shared = 0;
    return hang(p, PROC_VA, new->frame[0], 0).value >= 0;
}

/*
 * The others have gone: what may be written is said by page[]. Linked anew: once the kernel knows
 * that nobody else has it, a change concerns one page of one root.
 */
static bool
leaf_keep(struct proc *p)
{
    uint64_t table = p->leaf->frame[0];

    if (call_pt_protect(SLOT_ACCOUNT, table, 1, 0, PAGES, MAP_WRITE, 0).value < 0)
        return false;
    epoch_wait(call_pt_unlink(SLOT_ACCOUNT, p->table[ROOT], PROC_VA, 1).detail);
    p->shared = 0;
    return hang(p, PROC_VA, table, 0).value >= 0;
}

/* ---- with p->lock ---- */

__attribute__((noinline)) bool
leaf_own(struct proc *p)
{
    bool good = true;

    if (leaf_is_own(p))
        return true;
    lock_take(&leaves_lock);
    good = p->leaf && p->leaf->users == 1 ? leaf_keep(p) : leaf_replace(p);
    lock_drop(&leaves_lock);
    return good;
}

/* Nothing is written through the leaf any more by either. `to` has none, or an empty one. */
int64_t
leaf_share(struct proc *from, struct proc *to)
{
    struct call_result r = {.value = 0};

    lock_take(&leaves_lock);
    if (to->leaf) {
        call_pt_unlink(SLOT_ACCOUNT, to->table[ROOT], PROC_VA, 1);
        leaf_drop(to->leaf);
    }
    from->leaf->users++;
    to->leaf = from->leaf;
    from->shared = to->shared = 1;
    r = hang(to, PROC_VA, to->leaf->frame[0], MAP_WRITE);
    if (r.value >= 0)
        r = hang(from, PROC_VA, from->leaf->frame[0], MAP_WRITE);
    lock_drop(&leaves_lock);
    return r.value < 0 ? r.value : (int64_t)r.detail;
}

/* Entries of a leaf into another, all without WRITE on both sides. */
int64_t
leaf_copy(const struct leaf *from, struct leaf *to)
{
    struct copy_request r = {.from = (uint32_t)from->frame[0],
                             .to = (uint32_t)to->frame[0],
                             .level = 1,
                             .n = PAGES,
                             .from_clear = MAP_WRITE,
                             .to_clear = MAP_WRITE};
    struct call_result done = call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&r);

    return done.value == PAGES ? (int64_t)done.detail : -E_INVAL;
}

/* Nothing of p is mapped any more. An own leaf stays where it hangs, empty. */
uint64_t
leaf_leave(struct proc *p)
{
    uint64_t epoch = 0, also = 0;

    if (p->leaf && !p->shared)
        return leaf_empty(p->leaf);
    lock_take(&leaves_lock);
    if (p->leaf) {
        epoch = call_pt_unlink(SLOT_ACCOUNT, p->table[ROOT], PROC_VA, 1).detail;
        also = leaf_drop(p->leaf);
        p->leaf = NULL;
        p->shared = 0;
    }
    lock_drop(&leaves_lock);
    return epoch > also ? epoch : also;
}
