/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/region.h - our own address space: regions say what may be where, and their pages come
 * when they are touched. A region has a handler of its own for its faults, or is filled from memory
 * and with zeroes.
 *
 * Addresses below REGION_TOP are the program's, who says where its regions lie; above, the library
 * reserves what is free. start, end and va of a range are page-aligned; rights are MAP_READ,
 * MAP_WRITE, MAP_EXEC, or 0 to keep all out. For use by any number of contexts.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

static const uint64_t REGION_TOP = 0x7d0000000000;

struct region;

/*
 * Make the page at va fit for a need (MAP_READ, MAP_WRITE or MAP_EXEC) that the region allows: it
 * is absent, or its entry gives less than the region does. Called in the FAULT upcall, no lock
 * held, by several contexts at a time. 0: go on; an error: who faulted dies of it.
 */
typedef int region_fault(const struct region *r, uint64_t va, uint32_t need);

struct region {
    uint64_t start, end;
    region_fault *fault; /* null: the pages are filled from `object`, zeroes behind it */
    void *object;        /* the handler's, or the memory that is copied */
    uint64_t offset;     /* of start in the object: what a cut leaves behind begins further on */
    uint64_t bytes;      /* of the object; zeroes follow */
    uint64_t rights;
    uint64_t around; /* zeroed pages that one fault brings, a power of two; 0: as many as usual */
};

/*
 * Make [start, end) a region, in place of whatever was there. `from` must stay as it is.
 * 0; -E_NOMEM: too many regions; or an error of the kernel.
 */
int region_map(uint64_t start, uint64_t end, uint32_t rights, const void *from,
               uint64_t from_bytes);

/* The same for a region of any kind. */
int region_enter(const struct region *r);

/*
 * A region of n pages where nothing is, a multiple of `align` bytes (a power of two, at least a
 * page), with a page that stays absent on both sides. Its address, or 0.
 */
uint64_t region_reserve(uint64_t n, uint64_t align, uint32_t rights, region_fault *fault,
                        void *object);

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
 * gives them; -E_DQUOT, -E_NOMEM: no frame; or what its handler says.
 */
int region_touch(uint64_t va, uint32_t need);

/*
 * What happens where a region has no handler: for handlers that only look first. The page at va is
 * filled with what the region holds there.
 */
int region_bring(const struct region *r, uint64_t va, uint32_t need);

/* Is every byte of the n at va (any number) in a region with these rights? */
bool region_covers(uint64_t va, uint64_t n, uint32_t rights);

/* The region of va. False: there is none. */
bool region_at(uint64_t va, struct region *out);

/* Is nothing there? */
bool region_free(uint64_t start, uint64_t end);

/* The lowest free addresses of the program for so many bytes from va on, or 0. */
uint64_t region_gap(uint64_t va, uint64_t n);
