/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/fill.h - the pages of regions that have no handler of their own. Called by region.c
 * alone, which holds its lock.
 */
#pragma once
#include <stdint.h>
#include "libos/exo/region.h"

/*
 * Bring the page at va and the absent ones beside it; near the limit, only this one. -E_FAULT: it
 * is there, and does not give what is needed.
 */
int fill_bring(const struct region *r, uint64_t va, uint32_t need);

/*
 * Give the n pages at va, as far as they are there, these rights, and move them to `to` if that is
 * elsewhere. Without rights a frame stays in its entry, which the processor does not look at (G2).
 */
int fill_move(uint64_t va, uint64_t to, uint64_t n, uint32_t rights);
