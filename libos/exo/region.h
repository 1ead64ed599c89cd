/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/region.h - demand paging of our own address space: regions say what may be there, pages
 * come when they are touched, filled from memory or zero.
 *
 * For one program below REGION_TOP. Not for use by two contexts at a time. start, end and va of a
 * range are page-aligned; rights are MAP_READ, MAP_WRITE, MAP_EXEC, or 0 to keep all out.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

static const uint64_t REGION_TOP = 0x7d0000000000;

struct region {
    uint64_t start, end;
    const char *from; /* what its first bytes hold; zeroes follow */
    uint64_t from_bytes;
    uint32_t rights;
};

/*
 * Make [start, end) a region, in place of whatever was there. `from` must stay as it is.
 * 0; -E_NOMEM: too many regions; or an error of the kernel.
 */
int region_map(uint64_t start, uint64_t end, uint32_t rights, const void *from,
               uint64_t from_bytes);

/* Drop what regions there are in the range, and free their pages. 0 or an error. */
int region_unmap(uint64_t start, uint64_t end);

/* New rights for the range. -E_NOMEM: a part of it is no region's, or too many regions. */
int region_protect(uint64_t start, uint64_t end, uint32_t rights);

/*
 * Move a region's pages to a new region at `to`, of n bytes, no less than they were. 0 or an error.
 */
int region_move(uint64_t start, uint64_t end, uint64_t to, uint64_t n);

/* Free the pages of a range; they come again, as at first. 0 or an error. */
int region_forget(uint64_t start, uint64_t end);

/*
 * A page is needed with these rights: make it present, and some around it. 0; -E_FAULT: no region
 * gives them; -E_DQUOT, -E_NOMEM: no frame.
 */
int region_touch(uint64_t va, uint32_t need);

/* Is every byte of the n at va (any number) in a region with these rights? */
bool region_covers(uint64_t va, uint64_t n, uint32_t rights);

/* The region of va, or null. */
const struct region *region_at(uint64_t va);

/* Is nothing there? */
bool region_free(uint64_t start, uint64_t end);

/* The lowest free addresses for so many bytes from va on, or 0. */
uint64_t region_gap(uint64_t va, uint64_t n);
