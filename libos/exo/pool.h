/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/pool.h - frames for a library OS: found in the free bitmap that the kernel exposes, and
 * taken for one account in batches. For use by any number of contexts.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "libos/exo/lock.h"

struct pool {
    struct lock lock;
    uint32_t account; /* a slot with ALLOC and MAP */
    uint32_t batch;   /* how many the next refill asks for */
    uint64_t first;   /* n frames, taken and still zeroed, from here on */
    uint64_t n;
    uint64_t cursor; /* where the search goes on */
    uint64_t again;  /* 0, or where first: given back, and what it held may be near or zero */
};

extern struct pool exo_pool; /* of our own account */

struct pool pool_of(uint32_t account);

/*
 * Take up to n zeroed frames. Returns how many, at least 1; -E_DQUOT: the account's limit is
 * reached; -E_NOMEM: no frame of the machine is free.
 */
int64_t pool_take(struct pool *p, uint64_t *frames, uint64_t n);

/* Take n zeroed frames, or none. 0 or the same errors. */
int pool_take_all(struct pool *p, uint64_t *frames, uint64_t n);

/* Take n (1 .. FRAME_BATCH_MAX) frames that follow each other. 0 or the same errors. */
int pool_take_run(struct pool *p, uint64_t n, uint64_t *first);

/* Give n frames from first on back to the kernel. 0, or its error. */
int pool_give(struct pool *p, uint64_t first, uint64_t n);

/* Give back what was taken and not yet given out. */
void pool_close(struct pool *p);

/* Would the account's limit allow n frames more now? */
bool pool_affords(const struct pool *p, uint64_t n);
