/* SPDX-License-Identifier: MIT */
/* kernel/steps.h - elementary steps (kernel/bound.h), counted down as work is done. */
#pragma once
#include <stdint.h>
#include "kernel/bound.h"

static inline void
steps_use(uint64_t *steps, uint64_t n)
{
    *steps -= *steps < n ? *steps : n;
}
