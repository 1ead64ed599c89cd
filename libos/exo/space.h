/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/space.h - an address space: a page-table root, and the frames that its tables are made
 * of. Entries are those of abi/memory.h. Addresses are page-aligned; counts are pages, as many as
 * one likes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/memory.h"
#include "libos/exo/pool.h"

struct space {
    struct pool *pool; /* pays for tables and pages */
    uint64_t root;     /* frame */
};

extern struct space exo_space; /* the one we stand on */

/*
 * Set n entries from va on, whatever stood there, and supply the tables that are absent. `cover` is
 * a slot of the account that the frames are of. 0, or an error: earlier entries stand then.
 */
int space_map(const struct space *s, uint64_t va, const uint64_t *entries, uint64_t n,
              uint32_t cover);

/* The same for n frames that follow each other. */
int space_map_run(const struct space *s, uint64_t va, uint64_t frame, uint64_t n, uint64_t flags,
                  uint32_t cover);

/* Map n fresh, zeroed frames. 0, -E_DQUOT, -E_NOMEM. */
int space_fill(const struct space *s, uint64_t va, uint64_t n, uint64_t flags);

/* Read n entries, 0 where there is no table. 0, or an error. */
int space_read(const struct space *s, uint64_t va, uint64_t *out, uint64_t n);

/* Give what is mapped new flags. 0, or an error. */
int space_protect(const struct space *s, uint64_t va, uint64_t n, uint64_t flags);

/* Clear n entries; the frames stay the account's. 0, or an error. */
int space_unmap(const struct space *s, uint64_t va, uint64_t n);

/* Clear n entries and give their frames, which must be the account's own, back to the kernel. */
int space_release(const struct space *s, uint64_t va, uint64_t n);

/* Can va be read on our own root? */
bool space_present(uint64_t va);
