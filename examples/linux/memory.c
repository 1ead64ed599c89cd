/* SPDX-License-Identifier: MIT */
/*
 * memory.c - brk and mmap, on the regions of libos/exo/region.h. Memory that the limit does not
 * allow now is refused; what was promised before and not touched yet is not counted.
 */
#include <stddef.h>
#include "examples/linux/linux.h"

enum { MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_FIXED_NOREPLACE = 0x100000 };
enum { MREMAP_MAYMOVE = 1, MADV_DONTNEED = 4 };
enum { PROT_ALL = MAP_READ | MAP_WRITE | MAP_EXEC }; /* the same bits as ours */

static const uint64_t MMAP_VA = 0x7c0040000000, ADDRESS_MIN = 0x10000;

static uint64_t brk_start, brk_now;

static bool
range_bad(uint64_t va, uint64_t bytes)
{
    return va % PAGE || va < ADDRESS_MIN || bytes == 0 || bytes > REGION_TOP ||
           va > REGION_TOP - page_up(bytes);
}

/* The processor cannot write or execute what it cannot read. */
static uint32_t
rights_of(uint64_t prot)
{
    return prot & PROT_ALL ? (uint32_t)(prot & PROT_ALL) | MAP_READ : 0;
}

int64_t
linux_mmap(const struct save_area *s)
{
    uint64_t va = s->rdi, bytes = page_up(s->rsi), flags = s->r10;
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    int error;
    if (!(flags & MAP_ANONYMOUS))
        return -L_ENODEV;
    if (s->rsi == 0 || (fixed && va % PAGE))
        return -E_INVAL;
    if (s->rsi > REGION_TOP || (fixed && range_bad(va, bytes)) ||
        (rights_of(s->rdx) && !pool_affords(&exo_pool, bytes / PAGE)))
        return -E_NOMEM;
    if ((flags & MAP_FIXED_NOREPLACE) && !region_free(va, va + bytes))
        return -E_EXIST;
    if (!fixed && (range_bad(va, bytes) || !region_free(va, va + bytes)))
        va = region_gap(MMAP_VA, bytes);
    error = va ? region_map(va, va + bytes, rights_of(s->rdx), NULL, 0) : -E_NOMEM;
    return error ? error : (int64_t)va;
}

int64_t
linux_munmap(const struct save_area *s)
{
    return range_bad(s->rdi, s->rsi) ? -E_INVAL : region_unmap(s->rdi, s->rdi + page_up(s->rsi));
}

int64_t
linux_mprotect(const struct save_area *s)
{
    if (s->rsi == 0 || range_bad(s->rdi, s->rsi))
        return s->rsi == 0 ? 0 : -E_INVAL;
    return region_protect(s->rdi, s->rdi + page_up(s->rsi), rights_of(s->rdx));
}

int64_t
linux_mremap(const struct save_area *s)
{
    uint64_t va = s->rdi, old_end = va + page_up(s->rsi), new_end = va + page_up(s->rdx);
    struct region r;
    uint64_t to = va;
    int error = 0;
    if (range_bad(va, s->rsi) || range_bad(va, s->rdx) || (s->r10 & ~(uint64_t)MREMAP_MAYMOVE))
        return -E_INVAL;
    if (!region_at(va, &r) || r.end < old_end)
        return -E_FAULT;
    if (new_end > old_end && !pool_affords(&exo_pool, (new_end - old_end) / PAGE))
        return -E_NOMEM;
    if (new_end < old_end)
        error = region_unmap(new_end, old_end);
    else if (region_free(old_end, new_end))
        error = region_map(old_end, new_end, (uint32_t)r.rights, NULL, 0);
    else if (!(s->r10 & MREMAP_MAYMOVE) || !(to = region_gap(MMAP_VA, new_end - va)))
        error = -E_NOMEM;
    else
        error = region_move(va, old_end, to, new_end - va);
    return error ? error : (int64_t)to;
}

int64_t
linux_madvise(const struct save_area *s)
{
    if (s->rdx != MADV_DONTNEED || range_bad(s->rdi, s->rsi))
        return s->rdx == MADV_DONTNEED && s->rsi ? -E_INVAL : 0;
    return region_forget(s->rdi, s->rdi + page_up(s->rsi));
}

void
brk_begin(uint64_t va)
{
    brk_start = brk_now = va;
}

int64_t
linux_brk(const struct save_area *s)
{
    uint64_t want = s->rdi, old = page_up(brk_now), new = page_up(want);
    int error = 0;
    if (want < brk_start || want > REGION_TOP)
        return (int64_t)brk_now;
    if (new > old && (!region_free(old, new) || !pool_affords(&exo_pool, (new - old) / PAGE)))
        error = -E_NOMEM;
    else if (new > old)
        error = region_map(old, new, MAP_READ | MAP_WRITE, NULL, 0);
    else if (new < old)
        error = region_unmap(new, old);
    if (!error)
        brk_now = want;
    return (int64_t)brk_now;
}
