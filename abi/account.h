/* SPDX-License-Identifier: MIT */
/* abi/account.h - what an account may hold and holds. */
#pragma once
#include <stdint.h>

enum account_limit { ACCOUNT_DEPTH_MAX = 8 };

/* What account_make asks for. */
struct account_terms {
    uint64_t name;         /* unique below the parent; not 0 */
    uint64_t limit_frames; /* of this account and all below it together */
};

/* What account_read tells. */
struct account_state {
    uint64_t name;
    uint64_t limit_frames;
    uint64_t used_frames; /* with those of accounts below */
    uint64_t peak_frames; /* the most it ever held */
    uint32_t depth;       /* 0 is root */
    uint32_t dying;       /* 1 once account_destroy has begun */
};
_Static_assert(sizeof(struct account_state) == 40, "layout");
