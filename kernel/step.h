/* SPDX-License-Identifier: MIT */
/* kernel/step.h - bounds on the work of one call, and indices that a caller chose. */
#pragma once
#include <stdint.h>
#include "kernel/bound.h"

/* index when it is below n, else 0, whatever it is, without a branch that a processor could run
 * ahead of. */
static inline uint64_t
index_masked(uint64_t index, uint64_t n)
{
    return index & (uint64_t)(~(int64_t)(index | (n - 1 - index)) >> 63);
}
