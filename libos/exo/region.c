/* SPDX-License-Identifier: MIT */
/*
 * region.c - demand paging of our own address space.
 *
 * Invariants
 *  G1 regions are sorted, do not overlap and are whole pages below REGION_TOP.
 *  G2 within regions an entry that is not 0 holds a frame of our account, even where it is not
 *     present because the region gives no right.
 */
#include "libos/exo/region.h"
#include "abi/cap.h"
#include "abi/error.h"
#include "lib/string.h"
#include "libos/exo/space.h"

enum {
    REGIONS_MAX = 1024,
    REGIONS_ADDED = 3, /* by one change, at most */
    AROUND = 16,       /* zeroed pages that one fault brings */
    AROUND_FROM = 2,   /* pages that one fault copies */
    BATCH = 64,        /* entries changed at a time */
    PAGE = FRAME_BYTES,
};

static struct region regions[REGIONS_MAX];
static uint32_t n_regions;

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

const struct region *
region_at(uint64_t va)
{
    uint32_t i = region_index(va);

    return i < n_regions && regions[i].start <= va ? &regions[i] : NULL;
}

bool
region_free(uint64_t start, uint64_t end)
{
    uint32_t i = region_index(start);

    return i == n_regions || regions[i].start >= end;
}

uint64_t
region_gap(uint64_t va, uint64_t n)
{
    for (uint32_t i = region_index(va); i < n_regions && regions[i].start < va + n; i++)
        va = regions[i].end;
    return n <= REGION_TOP - va ? va : 0;
}

bool
region_covers(uint64_t va, uint64_t n, uint32_t rights)
{
    uint32_t i = region_index(va);

    if (n > REGION_TOP || va > REGION_TOP - n)
        return false;
    for (uint64_t end = va + n; va < end; va = regions[i++].end)
        if (i == n_regions || regions[i].start > va || (rights & ~regions[i].rights))
            return false;
    return true;
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
    struct region *r = &regions[i];
    struct region tail;
    uint64_t kept;

    if (i == n_regions || r->start >= va)
        return;
    tail = *r;
    kept = va - r->start < r->from_bytes ? va - r->start : r->from_bytes;
    tail.start = va;
    tail.from_bytes -= kept;
    if (tail.from)
        tail.from += kept;
    r->end = va;
    r->from_bytes = kept;
    region_insert(i + 1, tail);
}

/* Cut at both ends: the index of the first region inside, or -E_NOMEM. */
static int64_t
range_cut(uint64_t start, uint64_t end)
{
    if (n_regions + REGIONS_ADDED > REGIONS_MAX)
        return -E_NOMEM;
    region_cut(start);
    region_cut(end);
    return region_index(start);
}

int
region_unmap(uint64_t start, uint64_t end)
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
    return region_forget(start, end);
}

int
region_map(uint64_t start, uint64_t end, uint32_t rights, const void *from, uint64_t from_bytes)
{
    int error = region_unmap(start, end);
    uint32_t i = region_index(start);

    if (error)
        return error;
    if (i > 0 && regions[i - 1].end == start && regions[i - 1].rights == rights && from_bytes == 0)
        regions[i - 1].end = end; /* zeroes go on: a heap grows */
    else
        region_insert(i, (struct region){start, end, from, from_bytes, rights});
    return 0;
}

/*
 * Give the pages that are there these rights, and move them to `to` if that is elsewhere. Without
 * rights a frame stays in its entry, which the processor does not look at (G2).
 */
static int
pages_set(uint64_t va, uint64_t to, uint64_t n, uint32_t rights)
{
    uint64_t entries[BATCH];

    for (uint64_t batch; n > 0; n -= batch, va += batch * PAGE, to += batch * PAGE) {
        uint64_t any = 0;
        int error;

        batch = n < BATCH ? n : BATCH;
        error = space_read(&exo_space, va, entries, batch);
        for (uint64_t i = 0; i < batch; i++) {
            any |= entries[i];
            entries[i] = entries[i] ? (entries[i] & ~(uint64_t)MAP_FLAGS) | rights : 0;
        }
        if (any && !error)
            error = space_map(&exo_space, to, entries, batch, SLOT_ACCOUNT);
        if (any && !error && va != to)
            error = space_unmap(&exo_space, va, batch);
        if (error)
            return error;
    }
    return 0;
}

int
region_protect(uint64_t start, uint64_t end, uint32_t rights)
{
    int64_t i = region_covers(start, end - start, 0) ? range_cut(start, end) : -E_NOMEM;

    if (i < 0)
        return (int)i;
    for (; i < n_regions && regions[i].start < end; i++)
        regions[i].rights = rights;
    return pages_set(start, start, (end - start) / PAGE, rights);
}

int
region_move(uint64_t start, uint64_t end, uint64_t to, uint64_t n)
{
    const struct region *found = region_at(start);
    if (!found)
        return -E_FAULT;
    struct region r = *found; /* others move when one is added */
    int error = region_map(to, to + n, r.rights, r.from ? r.from + (start - r.start) : NULL,
                           r.from_bytes > start - r.start ? r.from_bytes - (start - r.start) : 0);

    if (!error)
        error = pages_set(start, to, (end - start) / PAGE, r.rights);
    return error ? error : region_unmap(start, end);
}

int
region_forget(uint64_t start, uint64_t end)
{
    return space_release(&exo_space, start, (end - start) / PAGE);
}

/* Map n fresh pages with what the region holds there. */
static int
pages_bring(const struct region *r, uint64_t va, uint64_t n)
{
    uint64_t offset = va - r->start;
    int error;

    if (offset >= r->from_bytes)
        return space_fill(&exo_space, va, n, r->rights);
    error = space_fill(&exo_space, va, n, MAP_READ | MAP_WRITE);
    if (error)
        return error;
    memcpy((void *)va, r->from + offset,
           n * PAGE < r->from_bytes - offset ? n * PAGE : r->from_bytes - offset);
    return r->rights == (MAP_READ | MAP_WRITE) ? 0 : space_protect(&exo_space, va, n, r->rights);
}

/* Bring the page at va and the absent ones beside it; near the limit, only this one. */
static int
region_bring(const struct region *r, uint64_t va)
{
    uint64_t entries[AROUND];
    uint64_t around_bytes = (uint64_t)(va - r->start < r->from_bytes ? AROUND_FROM : AROUND) * PAGE;
    uint64_t base = va & ~(around_bytes - 1);
    uint64_t start = base > r->start ? base : r->start;
    uint64_t end = base + around_bytes < r->end ? base + around_bytes : r->end;
    uint64_t n = (end - start) / PAGE, at = (va - start) / PAGE, first = at, last = at;
    int error = space_read(&exo_space, start, entries, n);

    if (error)
        return error;
    if (entries[at] != 0)
        return 0; /* it came meanwhile */
    while (first > 0 && entries[first - 1] == 0)
        first--;
    while (last + 1 < n && entries[last + 1] == 0)
        last++;
    error = pages_bring(r, start + first * PAGE, last + 1 - first);
    if (error == -E_DQUOT && last > first) {
        error = space_release(&exo_space, start + first * PAGE, last + 1 - first);
        return error ? error : pages_bring(r, va, 1);
    }
    return error;
}

int
region_touch(uint64_t va, uint32_t need)
{
    const struct region *r = region_at(va);

    if (!r || (need & ~r->rights))
        return -E_FAULT;
    return region_bring(r, va & ~(uint64_t)(PAGE - 1));
}
