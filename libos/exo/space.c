/* SPDX-License-Identifier: MIT */
/*
 * space.c - an address space. The kernel checks and sets entries; that a table is absent it only
 * says, and we bring the frame for it.
 */
#include "libos/exo/space.h"
#include "abi/cap.h"
#include "lib/string.h"
#include "call_stubs.h"

struct space exo_space;

static uint64_t
batch_of(uint64_t n)
{
    return n < MAP_BATCH_MAX ? n : MAP_BATCH_MAX;
}

/* How many pages from va on hang below the same table of this level, at most n. */
static uint64_t
pages_below(uint64_t va, uint64_t level, uint64_t n)
{
    uint64_t span = (uint64_t)1 << 9 * level; /* pages below a table of that level */
    uint64_t left = span - (va >> FRAME_SHIFT) % span;

    return left < n ? left : n;
}

static int
table_supply(const struct space *s, uint64_t va, uint64_t level)
{
    uint64_t frame[2]; /* the table and its companion */
    int64_t r = pool_take_all(s->pool, frame, 2);

    if (r < 0)
        return (int)r;
    r = call_pt_make(s->pool->account, frame[0], level, frame[1]).value;
    if (r == 0)
        r = call_pt_link(s->pool->account, s->root, va, frame[0], 0).value;
    if (r < 0) {
        pool_give(s->pool, frame[0], 1);
        pool_give(s->pool, frame[1], 1);
    }
    return r == -E_EXIST ? 0 : (int)r; /* another context of ours brought one */
}

int
space_map(const struct space *s, uint64_t va, const uint64_t *entries, uint64_t n, uint32_t cover)
{
    while (n > 0) {
        struct call_result r =
            call_pt_map(s->pool->account, s->root, 0, va, (uintptr_t)entries, batch_of(n), cover);

        if (r.value == -E_NOENT) {
            int error = table_supply(s, va, r.detail);

            if (error)
                return error;
            continue;
        }
        if (r.value < 0)
            return (int)r.value;
        va += (uint64_t)r.value << FRAME_SHIFT;
        entries += r.value;
        n -= (uint64_t)r.value;
    }
    return 0;
}

int
space_map_run(const struct space *s, uint64_t va, uint64_t frame, uint64_t n, uint64_t flags,
              uint32_t cover)
{
    uint64_t entries[64];

    while (n > 0) {
        uint64_t batch = n < 64 ? n : 64;
        int error;

        for (uint64_t i = 0; i < batch; i++)
            entries[i] = (frame + i) << FRAME_SHIFT | flags;
        error = space_map(s, va, entries, batch, cover);
        if (error)
            return error;
        frame += batch;
        va += batch << FRAME_SHIFT;
        n -= batch;
    }
    return 0;
}

int
space_read(const struct space *s, uint64_t va, uint64_t *out, uint64_t n)
{
    while (n > 0) {
        struct call_result r =
            call_pt_read(s->pool->account, s->root, 0, va, (uintptr_t)out, batch_of(n));
        uint64_t done = (uint64_t)r.value;

        if (r.value == -E_NOENT) {
            done = pages_below(va, r.detail, n);
            memset(out, 0, done * sizeof(*out));
        } else if (r.value < 0) {
            return (int)r.value;
        }
        va += done << FRAME_SHIFT;
        out += done;
        n -= done;
    }
    return 0;
}

/*
 * Move on by what a call did; 0: not at all, for it failed. Where there is no table there is
 * nothing.
 */
static uint64_t
step(struct call_result r, uint64_t *va, uint64_t *n)
{
    uint64_t done = r.value > 0 ? (uint64_t)r.value : 0;

    if (r.value == -E_NOENT)
        done = pages_below(*va, r.detail, *n);
    *va += done << FRAME_SHIFT;
    *n -= done;
    return done;
}

int
space_protect(const struct space *s, uint64_t va, uint64_t n, uint64_t flags)
{
    while (n > 0) {
        struct call_result r =
            call_pt_protect(s->pool->account, s->root, 0, va, batch_of(n), MAP_CHANGEABLE, flags);

        if (r.value == (int64_t)n)
            return 0;
        if (step(r, &va, &n) == 0)
            return (int)r.value;
    }
    return 0;
}

int
space_unmap(const struct space *s, uint64_t va, uint64_t n)
{
    while (n > 0) {
        struct call_result r = call_pt_unmap(s->pool->account, s->root, 0, va, batch_of(n));

        if (step(r, &va, &n) == 0)
            return (int)r.value;
    }
    return 0;
}

/* Give back the frames of n entries that are mapped no more, run by run. */
static int
frames_give(const struct space *s, const uint64_t *entries, uint64_t n)
{
    for (uint64_t i = 0; i < n;) {
        uint64_t first = entries[i] >> FRAME_SHIFT;
        uint64_t run = 1;
        int error;

        while (first != 0 && i + run < n && entries[i + run] >> FRAME_SHIFT == first + run)
            run++;
        error = first != 0 ? pool_give(s->pool, first, run) : 0;
        if (error)
            return error;
        i += run;
    }
    return 0;
}

int
space_fill(const struct space *s, uint64_t va, uint64_t n, uint64_t flags)
{
    uint64_t entries[64];

    while (n > 0) {
        int64_t got = pool_take(s->pool, entries, n < 64 ? n : 64);
        int error;

        if (got < 0)
            return (int)got;
        for (int64_t i = 0; i < got; i++)
            entries[i] = entries[i] << FRAME_SHIFT | flags;
        error = space_map(s, va, entries, (uint64_t)got, s->pool->account);
        if (error) {
            space_unmap(s, va, (uint64_t)got);
            frames_give(s, entries, (uint64_t)got);
            return error;
        }
        va += (uint64_t)got << FRAME_SHIFT;
        n -= (uint64_t)got;
    }
    return 0;
}

int
space_release(const struct space *s, uint64_t va, uint64_t n)
{
    uint64_t entries[64];

    while (n > 0) {
        uint64_t at = va;
        struct call_result r =
            call_pt_read(s->pool->account, s->root, 0, va, (uintptr_t)entries, n < 64 ? n : 64);
        int error;

        if (step(r, &va, &n) == 0)
            return (int)r.value;
        if (r.value < 0)
            continue; /* no table */
        error = space_unmap(s, at, (uint64_t)r.value);
        if (!error)
            error = frames_give(s, entries, (uint64_t)r.value);
        if (error)
            return error;
    }
    return 0;
}

bool
space_present(uint64_t va)
{
    uint64_t entry;

    return va < USER_TOP &&
           space_read(&exo_space, va & ~(uint64_t)(FRAME_BYTES - 1), &entry, 1) == 0 &&
           (entry & MAP_READ);
}
