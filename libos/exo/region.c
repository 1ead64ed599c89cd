/* SPDX-License-Identifier: MIT */
/*
 * region.c - which addresses are whose: a sorted table of regions. How their pages come: fill.c.
 *
 * Invariants
 *  G1 regions are sorted, do not overlap and are whole pages.
 *  G2 within regions without a handler an entry that is not 0 holds a frame of our account, even
 *     where it is not present because the region gives no right.
 *  G3 what region_reserve gives has a page before it that is no region's, and so one behind it.
 * Lock  regions_lock guards the table and, in regions without a handler, the pages.
 */
#include "libos/exo/region.h"
#include "abi/error.h"
#include "lib/string.h"
#include "libos/exo/fill.h"
#include "libos/exo/lock.h"
#include "libos/exo/space.h"
#include "libos/exo/start.h"

enum {
    REGIONS_MAX = 16384,
    REGIONS_ADDED = 3,  /* by one change, at most */
    RESERVE_AROUND = 4, /* pages that a fault brings in what is reserved */
    PAGE = FRAME_BYTES,
    PER_PAGE = PAGE / sizeof(struct region),
};
_Static_assert(PAGE % sizeof(struct region) == 0, "pages of the table");

static const uint64_t RESERVE_FROM = 1ull << 34; /* of the room; below it room_take */

static struct lock regions_lock;
static struct region *regions; /* addresses for REGIONS_MAX, pages for regions_ready */
static uint32_t n_regions, regions_ready;
static uint64_t reserve_next;

/* Room in the table for the regions that a change adds. 0, -E_NOMEM, -E_DQUOT. */
static int
table_ready(void)
{
    if (!regions)
        regions = (struct region *)room_take(REGIONS_MAX / PER_PAGE);
    if (!regions || n_regions + REGIONS_ADDED > REGIONS_MAX)
        return -E_NOMEM;
    if (n_regions + REGIONS_ADDED > regions_ready) {
        int error =
            space_fill(&exo_space, (uintptr_t)&regions[regions_ready], 1, MAP_READ | MAP_WRITE);
        if (error)
            return error;
        regions_ready += PER_PAGE;
    }
    return 0;
}

/* The first region that ends behind va. */
static uint32_t
region_index(uint64_t va)
{
    uint32_t low = 0, high = n_regions;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (regions[middle].end > va)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static struct region *
region_find(uint64_t va)
{
    uint32_t i = region_index(va);

    return i < n_regions && regions[i].start <= va ? &regions[i] : NULL;
}

bool
region_at(uint64_t va, struct region *out)
{
    const struct region *r;

    lock_take(&regions_lock);
    r = region_find(va);
    if (r)
        *out = *r;
    lock_drop(&regions_lock);
    return r != NULL;
}

static bool
range_free(uint64_t start, uint64_t end)
{
    uint32_t i = region_index(start);

    return i == n_regions || regions[i].start >= end;
}

bool
region_free(uint64_t start, uint64_t end)
{
    bool is;

    lock_take(&regions_lock);
    is = range_free(start, end);
    lock_drop(&regions_lock);
    return is;
}

uint64_t
region_gap(uint64_t va, uint64_t n)
{
    lock_take(&regions_lock);
    for (uint32_t i = region_index(va); i < n_regions && regions[i].start < va + n; i++)
        va = regions[i].end;
    lock_drop(&regions_lock);
    return va <= REGION_TOP && n <= REGION_TOP - va ? va : 0;
}

static bool
range_covered(uint64_t va, uint64_t n, uint32_t rights)
{
    uint32_t i = region_index(va);

    for (uint64_t end = va + n; va < end; va = regions[i++].end)
        if (i == n_regions || regions[i].start > va || (rights & ~regions[i].rights))
            return false;
    return true;
}

bool
region_covers(uint64_t va, uint64_t n, uint32_t rights)
{
    bool is;

    if (n > USER_TOP || va > USER_TOP - n)
        return false;
    lock_take(&regions_lock);
    is = range_covered(va, n, rights);
    lock_drop(&regions_lock);
    return is;
}

static void
region_insert(uint32_t at, struct region r)
{
    memmove(&regions[at + 1], &regions[at], (n_regions - at) * sizeof(r));
    regions[at] = r;
    n_regions++;
}

/* See that no region lies across va. There is room for one more. */
static void
region_cut(uint64_t va)
{
    uint32_t i = region_index(va);
    struct region tail;

    if (i == n_regions || regions[i].start >= va)
        return;
    tail = regions[i];
    tail.offset += va - tail.start;
    tail.start = regions[i].end = va;
    region_insert(i + 1, tail);
}

/* Cut at both ends: the index of the first region inside, or an error. */
static int64_t
range_cut(uint64_t start, uint64_t end)
{
    int error = table_ready();

    if (error)
        return error;
    region_cut(start);
    region_cut(end);
    return region_index(start);
}

static int
range_unmap(uint64_t start, uint64_t end)
{
    int64_t first = range_cut(start, end);
    uint32_t last = (uint32_t)first;

    if (first < 0)
        return (int)first;
    while (last < n_regions && regions[last].end <= end)
        last++;
    if (last == first)
        return 0;
    memmove(&regions[first], &regions[last], (n_regions - last) * sizeof(regions[0]));
    n_regions -= last - (uint32_t)first;
    return space_release(&exo_space, start, (end - start) / PAGE);
}

int
region_unmap(uint64_t start, uint64_t end)
{
    int error;

    lock_take(&regions_lock);
    error = range_unmap(start, end);
    lock_drop(&regions_lock);
    return error;
}

/* Zeroes go on: a heap grows. */
static bool
region_continues(const struct region *before, const struct region *r)
{
    return before->end == r->start && before->rights == r->rights && !before->fault && !r->fault &&
           r->bytes == 0;
}

static int
range_enter(const struct region *r)
{
    int error = range_unmap(r->start, r->end);
    uint32_t i = region_index(r->start);

    if (error)
        return error;
    if (i > 0 && region_continues(&regions[i - 1], r))
        regions[i - 1].end = r->end;
    else
        region_insert(i, *r);
    return 0;
}

int
region_enter(const struct region *r)
{
    int error;

    lock_take(&regions_lock);
    error = range_enter(r);
    lock_drop(&regions_lock);
    return error;
}

int
region_map(uint64_t start, uint64_t end, uint32_t rights, const void *from, uint64_t from_bytes)
{
    return region_enter(&(struct region){.start = start,
                                         .end = end,
                                         .object = (void *)(uintptr_t)from,
                                         .bytes = from_bytes,
                                         .rights = rights});
}

/* The first place from `at` on for n bytes and a page on both sides; 0: none. */
static uint64_t
reserve_place(uint64_t at, uint64_t n, uint64_t align)
{
    for (uint32_t i = region_index(at);; i++) {
        uint64_t start = (at + PAGE + align - 1) & ~(align - 1);

        if (start + n + PAGE > exo_start_page->room_end)
            return 0;
        if (i == n_regions || regions[i].start >= start + n + PAGE)
            return start;
        at = regions[i].end;
    }
}

uint64_t
region_reserve(uint64_t n, uint64_t align, uint32_t rights, region_fault *fault, void *object)
{
    uint64_t first = exo_start_page->room_va + RESERVE_FROM, bytes = n * PAGE, va;
    struct region r = {
        .fault = fault, .object = object, .rights = rights, .around = fault ? 1 : RESERVE_AROUND};

    if (n == 0 || n > exo_start_page->room_end / PAGE)
        return 0;
    lock_take(&regions_lock);
    va = reserve_place(reserve_next > first ? reserve_next : first, bytes, align);
    if (!va)
        va = reserve_place(first, bytes, align);
    r.start = va;
    r.end = va + bytes;
    if (va && range_enter(&r))
        va = 0;
    if (va)
        reserve_next = r.end;
    lock_drop(&regions_lock);
    return va;
}

static int
range_protect(uint64_t start, uint64_t end, uint32_t rights)
{
    int64_t i = range_covered(start, end - start, 0) ? range_cut(start, end) : -E_NOMEM;
    bool hidden = rights == 0;

    if (i < 0)
        return (int)i;
    for (; i < n_regions && regions[i].start < end; i++) {
        hidden = hidden || regions[i].rights == 0;
        regions[i].rights = rights;
    }
    if (hidden)
        return fill_move(start, start, (end - start) / PAGE, rights);
    return space_protect(&exo_space, start, (end - start) / PAGE, rights);
}

int
region_protect(uint64_t start, uint64_t end, uint32_t rights)
{
    int error;

    lock_take(&regions_lock);
    error = range_protect(start, end, rights);
    lock_drop(&regions_lock);
    return error;
}

int
region_move(uint64_t start, uint64_t end, uint64_t to, uint64_t n)
{
    const struct region *found;
    struct region r;
    int error = -E_FAULT;

    lock_take(&regions_lock);
    found = region_find(start);
    if (found) {
        r = *found;
        r.offset += start - r.start;
        r.start = to;
        r.end = to + n;
        error = range_enter(&r);
        if (!error)
            error = fill_move(start, to, (end - start) / PAGE, (uint32_t)r.rights);
        if (!error)
            error = range_unmap(start, end);
    }
    lock_drop(&regions_lock);
    return error;
}

int
region_forget(uint64_t start, uint64_t end)
{
    int error;

    lock_take(&regions_lock);
    error = space_release(&exo_space, start, (end - start) / PAGE);
    lock_drop(&regions_lock);
    return error;
}

int
region_bring(const struct region *r, uint64_t va, uint32_t need)
{
    int error;

    lock_take(&regions_lock);
    error = fill_bring(r, va, need);
    lock_drop(&regions_lock);
    return error;
}

int
region_touch(uint64_t va, uint32_t need)
{
    const struct region *found;
    struct region r = {0};
    int error = -E_FAULT;

    va &= ~(uint64_t)(PAGE - 1);
    if (lock_held(&regions_lock)) /* our own fault, in here */
        return -E_FAULT;
    lock_take(&regions_lock);
    found = region_find(va);
    if (found && !(need & ~found->rights)) {
        r = *found;
        error = r.fault ? 0 : fill_bring(&r, va, need);
    }
    lock_drop(&regions_lock);
    return error || !r.fault ? error : r.fault(&r, va, need);
}
