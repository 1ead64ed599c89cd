/* SPDX-License-Identifier: MIT */
/*
 * fill.c - how the pages of a region come: copied from memory, then zeroes, some at a time.
 */
#include "libos/exo/fill.h"
#include "abi/cap.h"
#include "abi/error.h"
#include "lib/string.h"
#include "libos/exo/space.h"

enum {
    AROUND = 16,     /* zeroed pages that one fault brings */
    AROUND_FROM = 2, /* pages that one fault copies */
    BATCH = 64,      /* entries changed at a time */
    PAGE = FRAME_BYTES,
};

/* How many bytes there are to copy from va on. */
static uint64_t
bytes_from(const struct region *r, uint64_t va)
{
    uint64_t offset = r->offset + (va - r->start);

    return offset < r->bytes ? r->bytes - offset : 0;
}

/* Map n fresh pages with what the region holds there. */
static int
pages_bring(const struct region *r, uint64_t va, uint64_t n)
{
    uint64_t bytes = bytes_from(r, va);
    int error;

    if (bytes == 0)
        return space_fill(&exo_space, va, n, r->rights);
    error = space_fill(&exo_space, va, n, MAP_READ | MAP_WRITE);
    if (error)
        return error;
    memcpy((void *)va, (const char *)r->object + r->offset + (va - r->start),
           n * PAGE < bytes ? n * PAGE : bytes);
    return r->rights == (MAP_READ | MAP_WRITE) ? 0 : space_protect(&exo_space, va, n, r->rights);
}

int
fill_bring(const struct region *r, uint64_t va, uint32_t need)
{
    uint64_t entries[AROUND];
    uint64_t around = r->around && r->around < AROUND ? r->around : AROUND;
    uint64_t around_bytes = (bytes_from(r, va) ? AROUND_FROM : around) * PAGE;
    uint64_t base = va & ~(around_bytes - 1);
    uint64_t start = base > r->start ? base : r->start;
    uint64_t end = base + around_bytes < r->end ? base + around_bytes : r->end;
    uint64_t n = (end - start) / PAGE, at = (va - start) / PAGE, first = at, last = at;
    int error = space_read(&exo_space, start, entries, n);

    if (error)
        return error;
    if (entries[at] != 0)
        return (entries[at] & need) == need ? 0 : -E_FAULT; /* it came meanwhile */
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
fill_move(uint64_t va, uint64_t to, uint64_t n, uint32_t rights)
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
