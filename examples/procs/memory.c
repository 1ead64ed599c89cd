/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the private memory of a process. page[] says what is where; its tables are made from
 * it, page by page as they are touched (P2).
 */
#include "examples/procs/procs.h"

uint64_t cow_copies;

static __attribute__((noinline)) bool
page_fresh(struct page *page)
{
    if (!frame_take(&page->frame))
        return false;
    memset(frame_bytes(page->frame), 0, PAGE);
    return true;
}

/* A frame of its own for the page, with what it held. The frame that it had, to be dropped. */
static bool
page_copy(struct page *page, uint32_t *old)
{
    uint32_t fresh = 0;

    *old = 0;
    if (!page->frame) {
        if (!page_fresh(page))
            return false;
    } else if (page->flags & PAGE_COPY && !frame_alone(page->frame)) {
        if (!frame_take(&fresh))
            return false;
        page_bytes_copy(frame_bytes(fresh), frame_bytes(page->frame));
        cow_copies++;
        *old = page->frame;
        page->frame = fresh;
    }
    page->flags &= ~(uint32_t)PAGE_COPY;
    return true;
}

static uint64_t
page_entry(const struct page *page)
{
    static const uint8_t rights[] = {[0] = RW,
                                     [PAGE_COPY] = MAP_READ,
                                     [PAGE_FIXED] = MAP_READ,
                                     [PAGE_COPY | PAGE_FIXED] = MAP_READ,
                                     [PAGE_CODE] = RW | MAP_EXEC,
                                     [PAGE_CODE | PAGE_COPY] = MAP_READ | MAP_EXEC,
                                     [PAGE_CODE | PAGE_FIXED] = MAP_READ | MAP_EXEC,
                                     [PAGE_CODE | PAGE_COPY | PAGE_FIXED] = MAP_READ | MAP_EXEC};

    return frame_number(page->frame) << FRAME_SHIFT | rights[page->flags];
}

static bool
page_denies(const struct page *page, uint32_t need)
{
    return (need & MAP_WRITE && page->flags & PAGE_FIXED) ||
           (need & MAP_EXEC && !(page->flags & PAGE_CODE));
}

/* With p->lock: the page is there for that need, and its entry says so. */
static int
page_touch(struct proc *p, uint64_t i, uint32_t need)
{
    struct page *page = &p->page[i];
    struct call_result r;
    uint64_t entry;
    uint32_t old = 0;

    if (i == GUARD || page_denies(page, need))
        return -E_FAULT;
    if (!(leaf_is_own(p) || leaf_own(p)) ||
        ((need & MAP_WRITE || !page->frame) && !page_copy(page, &old)))
        return -E_NOMEM;
    entry = page_entry(page);
    r = call_pt_map(SLOT_ACCOUNT, p->table[0], 1, PROC_VA + i * PAGE, (uintptr_t)&entry, 1,
                    SLOT_ACCOUNT);
    if (r.value == 1 && p->n_tasks > 1)
        epoch_wait(r.detail); /* the others see the old frame no more */
    if (old)
        frame_drop(&old, r.value == 1 ? r.detail : 0);
    return r.value == 1 ? 0 : -E_NOMEM;
}

FLAT int
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

void
memory_drop(struct proc *p)
{
    lock_take(&p->lock);
    pages_drop(p->page, leaf_leave(p));
    lock_drop(&p->lock);
}
