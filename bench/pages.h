/* SPDX-License-Identifier: MIT */
/*
 * pages.h - which pages the memory figures touch, the same on both systems (kit_memory.c,
 * kit_linux_memory.c): 100 of them, in an order drawn once.
 * Source: Appel and Li, Virtual memory primitives for user programs, ASPLOS '91.
 */
#pragma once
#include <stdint.h>

enum { PAGES = 100, PAGE_BYTES = 4096, BATCH_PAGES = 512 };

/* 0 .. PAGES - 1 in some order. */
static inline void
pages_order(uint8_t order[PAGES])
{
    uint32_t draw = 1;

    for (uint32_t i = 0; i < PAGES; i++)
        order[i] = (uint8_t)i;
    for (uint32_t i = PAGES - 1; i > 0; i--) {
        uint32_t j;
        uint8_t was = order[i];

        draw = draw * 1664525 + 1013904223;
        j = (draw >> 8) % (i + 1);
        order[i] = order[j];
        order[j] = was;
    }
}
