/* SPDX-License-Identifier: MIT */
/* kernel/step.h - bounds on the work of one call, and indices that a caller chose. */
#pragma once
#include <stdint.h>
#include "kernel/arch.h"
#include "kernel/bound.h"

/* Below n, however far the processor runs ahead: an index that a caller chose and n bounds. */
static inline uint64_t
index_masked(uint64_t index, uint64_t n)
{
    return arch_index_masked(index, n);
}
