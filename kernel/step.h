/* SPDX-License-Identifier: MIT */
/* kernel/step.h - bounds on the work of one call, and indices that a caller chose. */
#pragma once
#include <stdint.h>

/*
 * The most elementary steps (a frame looked at, an entry cleared) in one call; each is at most
 * some tens of instructions, so that a call stays below 50 us.
 */
enum { STEPS_MAX = 1024 };

/* index when it is below n, else 0, without a branch that a processor could run ahead of. */
static inline uint64_t
index_masked(uint64_t index, uint64_t n)
{
    return index & (uint64_t)((int64_t)(index - n) >> 63);
}
