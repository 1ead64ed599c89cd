/* SPDX-License-Identifier: MIT */
/* reverse.c - the ordinals of page tables: taken and given in constant time. */
#include "kernel/reverse.h"

uint32_t *reverse_companion;
static uint32_t free_first, fresh, end; /* those from `fresh` on were never taken */

void
reverse_init(uint32_t *room, uint32_t n)
{
    reverse_companion = room;
    free_first = 0;
    fresh = 1;
    end = n < ORDINALS_MAX ? n : ORDINALS_MAX;
}

uint32_t
ordinal_take(uint32_t companion)
{
    uint32_t ordinal = free_first;

    if (ordinal)
        free_first = reverse_companion[ordinal];
    else if (fresh < end)
        ordinal = fresh++;
    if (ordinal)
        reverse_companion[ordinal] = companion;
    return ordinal;
}

uint32_t
reverse_ordinals(void)
{
    return fresh;
}

void
ordinal_give(uint32_t ordinal)
{
    reverse_companion[ordinal] = free_first;
    free_first = ordinal;
}
