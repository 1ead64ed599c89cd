/* SPDX-License-Identifier: MIT */
/*
 * wake.h - how late one runs that sleeps until a time beside one that never gives way: what both
 * sides of the bench (kit_wake.c, kit_linux_wake.c) have in common. In the counter's units, by the
 * clock that the sleeper reads.
 */
#pragma once
#include <stdint.h>

enum {
    WAKES = 2001,
    WAKE_NS = 100 * 1000, /* asleep; and up to WAKE_MORE_NS more, so that nothing falls into step */
    WAKE_MORE_NS = 70 * 1000,
    WAKE_STEP_NS = 7 * 1000,
};

static inline uint64_t
wake_sleep_ns(uint32_t i)
{
    return WAKE_NS + (uint64_t)i * WAKE_STEP_NS % WAKE_MORE_NS;
}

/* Smallest first. */
static inline void
wakes_sort(uint64_t *late)
{
    for (uint32_t i = 1; i < WAKES; i++)
        for (uint32_t k = i; k > 0 && late[k - 1] > late[k]; k--) {
            uint64_t more = late[k - 1];
            late[k - 1] = late[k];
            late[k] = more;
        }
}

enum { WAKE_P50 = WAKES / 2, WAKE_P999 = WAKES - 1 - WAKES / 1000 };
