/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the private memory of a process. page[] says what is where; the tables under its root
 * are made from it, page by page as they are touched (P2).
 */
#include "examples/procs/procs.h"

enum { ROOT, ROOT_COMPANION, LEVEL3, LEVEL3_COMPANION, LEVEL2, LEVEL2_COMPANION };
static const uint64_t FRAME_MASK = ((uint64_t)1 << 40) - 1;

static uint64_t region_table; /* of level 3: what all roots have from LIBRARY_VA on */
static struct lock leaves_lock;
static struct leaf leaves[PROCS_MAX];

uint64_t cow_copies;

bool
memory_begin(void)
{
    uint64_t entry, va = LIBRARY_VA & ~(((uint64_t)1 << 39) - 1);

    if (call_pt_read(SLOT_ACCOUNT, exo_space.root, PT_LEVELS, va, (uintptr_t)&entry, 1).value != 1)
        return false;
    region_table = entry >> FRAME_SHIFT & FRAME_MASK;
    return entry & MAP_LINK;
}

/* ---- tables ---- */

static int64_t
table_make(uint64_t frame, uint64_t level, uint64_t companion)
{
    struct call_result r;

    while ((r = call_pt_make(SLOT_ACCOUNT, frame, level, companion)).value == -E_AGAIN)
        epoch_wait(r.detail);
    return r.value;
}

/* Hang a table into p's tree at va. */
static int64_t
hang(const struct proc *p, uint64_t va, uint64_t child, uint64_t withheld)
{
    return call_pt_link(SLOT_ACCOUNT, p->table[ROOT], va, child, withheld).value;
}

bool
tables_make(struct proc *p)
{
    static const uint64_t order[] = {ROOT, LEVEL3, LEVEL2};
    int64_t r = pool_take_all(&exo_pool, p->table, TABLES - 2);

    for (uint64_t i = 0; i < 3 && r >= 0; i++) {
        r = table_make(p->table[order[i]], PT_LEVELS - i, p->table[order[i] + 1]);
        if (r >= 0 && i > 0)
            r = hang(p, PROC_VA, p->table[order[i]], 0);
    }
    if (r >= 0)
        r = hang(p, LIBRARY_VA, region_table, 0);
    return r >= 0;
}

/* Each frame is forgotten as it is given, in one section (P1). Those above first: they hold the
 * rest. */
bool
tables_give(struct proc *p)
{
    bool good = true;

    lock_take(&leaves_lock);
    for (uint32_t i = 0; i < TABLES - 2 && good; i++) {
        good = !p->table[i] || pool_give(&exo_pool, p->table[i], 1) == 0;
        if (good)
            p->table[i] = 0;
    }
    lock_drop(&leaves_lock);
    return good;
}

/* ---- leaves: the callers hold p->lock, so that each function here happens whole or not at all
 * ---- */

static struct leaf *
leaf_make(void)
{
    struct leaf *leaf = NULL;

    lock_take(&leaves_lock);
    for (uint32_t i = 0; i < PROCS_MAX && !leaf; i++)
        if (!leaves[i].users)
            leaf = &leaves[i];
    if (leaf && pool_take_all(&exo_pool, leaf->frame, 2) == 0 &&
        table_make(leaf->frame[0], 1, leaf->frame[1]) == 0)
        leaf->users = 1;
    else
        leaf = NULL;
    lock_drop(&leaves_lock);
    return leaf;
}

static void
leaf_drop(struct leaf *leaf)
{
    lock_take(&leaves_lock);
    if (--leaf->users == 0) {
        pool_give(&exo_pool, leaf->frame[0], 1);
        pool_give(&exo_pool, leaf->frame[1], 1);
    }
    lock_drop(&leaves_lock);
}

/* Nothing is written through the leaf any more by either. The epoch, or an error. */
int64_t
leaf_share(struct proc *from, struct proc *to)
{
    struct call_result r;

    lock_take(&leaves_lock);
    from->leaf->users++;
    to->leaf = from->leaf;
    lock_drop(&leaves_lock);
    from->shared = to->shared = 1;
    if (hang(to, PROC_VA, to->leaf->frame[0], MAP_WRITE) < 0)
        return -E_INVAL;
    r = call_pt_link(SLOT_ACCOUNT, from->table[ROOT], PROC_VA, from->leaf->frame[0], MAP_WRITE);
    return r.value < 0 ? r.value : (int64_t)r.detail;
}

/* Entries of p's leaf into another, all without WRITE on both sides. The epoch, or an error. */
int64_t
leaf_copy(const struct leaf *from, const struct leaf *to)
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

bool
leaf_own(struct proc *p)
{
    struct leaf *old = p->leaf, *new;
    uint32_t users;

    if (old && !p->shared)
        return true;
    users = old ? __atomic_load_n(&old->users, __ATOMIC_ACQUIRE) : 0;
    if (users ==
        1) { /* the others have gone: it is ours, and what may be written is said by page[] */
        p->shared = 0;
        return call_pt_protect(SLOT_ACCOUNT, old->frame[0], 1, 0, PAGES, MAP_WRITE, 0).value >= 0 &&
               hang(p, PROC_VA, old->frame[0], 0) == 0;
    }
    new = leaf_make();
    if (!new || (old && leaf_copy(old, new) < 0))
        return false;
    if (old) {
        call_pt_unlink(SLOT_ACCOUNT, p->table[ROOT], PROC_VA, 1);
        leaf_drop(old);
    }
    p->leaf = new;
    p->shared = 0;
    return hang(p, PROC_VA, new->frame[0], 0) == 0;
}

/* ---- pages ---- */

/* May something be at that page? Not below the stack: a guard. */
static bool
page_allowed(uint64_t i)
{
    return i != PAGES - STACK_PAGES - 1;
}

/* A frame of its own for the page, with what it held. The frame that it had, to be dropped. */
static bool
page_copy(struct page *page, uint32_t *old)
{
    uint32_t fresh = 0;

    *old = 0;
    if (!page->frame) {
        if (!frame_take(&page->frame))
            return false;
        memset(frame_bytes(page->frame), 0, PAGE);
    } else if (page->flags & PAGE_COPY && !frame_alone(page->frame)) {
        if (!frame_take(&fresh))
            return false;
        memcpy(frame_bytes(fresh), frame_bytes(page->frame), PAGE);
        cow_copies++;
        *old = page->frame;
        page->frame = fresh;
    }
    page->flags = 0;
    return true;
}

/* With p->lock: the page is there for that need, and its entry says so. */
static int
page_touch(struct proc *p, uint64_t i, uint32_t need)
{
    struct page *page = &p->page[i];
    struct call_result r;
    uint64_t entry;
    uint32_t old = 0;

    if (!page_allowed(i))
        return -E_FAULT;
    if (!leaf_own(p) || ((need & MAP_WRITE || !page->frame) && !page_copy(page, &old)))
        return -E_NOMEM;
    entry = frame_number(page->frame) << FRAME_SHIFT | MAP_READ;
    if (!(page->flags & PAGE_COPY))
        entry |= MAP_WRITE;
    r = call_pt_map(SLOT_ACCOUNT, p->leaf->frame[0], 1, i * PAGE, (uintptr_t)&entry, 1,
                    SLOT_ACCOUNT);
    if (r.value == 1 && p->n_tasks > 1)
        epoch_wait(r.detail); /* the others see the old frame no more */
    if (old)
        frame_drop(&old, r.value == 1 ? r.detail : 0);
    return r.value == 1 ? 0 : -E_NOMEM;
}

int
memory_touch(struct proc *p, uint64_t va, uint32_t need)
{
    int error;

    if (va < PROC_VA || va >= PROC_END)
        return -E_FAULT;
    lock_take(&p->lock);
    error = page_touch(p, (va - PROC_VA) / PAGE, need);
    lock_drop(&p->lock);
    return error;
}

int
memory_copy(struct proc *p, uint64_t va, void *bytes, uint64_t n, bool to_proc)
{
    int error = va < PROC_VA || n > PROC_END - PROC_VA || va > PROC_END - n ? -E_FAULT : 0;

    for (char *at = bytes; n > 0 && !error;) {
        uint64_t i = (va - PROC_VA) / PAGE, offset = va % PAGE;
        uint64_t part = n < PAGE - offset ? n : PAGE - offset;

        lock_take(&p->lock);
        if (!p->page[i].frame || (to_proc && p->page[i].flags & PAGE_COPY))
            error = page_touch(p, i, to_proc ? MAP_WRITE : MAP_READ);
        if (!error && to_proc)
            memcpy((char *)frame_bytes(p->page[i].frame) + offset, at, part);
        else if (!error)
            memcpy(at, (char *)frame_bytes(p->page[i].frame) + offset, part);
        lock_drop(&p->lock);
        at += part;
        va += part;
        n -= part;
    }
    return error;
}

void
memory_drop(struct proc *p)
{
    uint64_t epoch = 0;

    lock_take(&p->lock);
    if (p->leaf) {
        epoch = call_pt_unlink(SLOT_ACCOUNT, p->table[ROOT], PROC_VA, 1).detail;
        leaf_drop(p->leaf);
        p->leaf = NULL;
        p->shared = 0;
    }
    for (uint32_t i = 0; i < PAGES; i++) {
        frame_drop(&p->page[i].frame, epoch);
        p->page[i].flags = 0;
    }
    lock_drop(&p->lock);
}
