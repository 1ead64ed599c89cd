/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/random.h - bytes that nobody foresees, from the processor's generator.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* False: this processor has no generator, and nothing was written. */
bool random_fill(void *to, uint64_t n);
