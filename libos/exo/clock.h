/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/clock.h - the time since boot, in nanoseconds, read without a call; sleeping until a
 * time.
 */
#pragma once
#include <stdint.h>
#include "abi/exposed.h"

/*
 * The processor's counter, of which abi/exposed.h says how fast it goes. Instructions around it may
 * be done before or after: some dozen cycles.
 */
static inline uint64_t
clock_counter(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* The same when all that stands before it is done: to time a few instructions. */
static inline uint64_t
clock_counter_behind(void)
{
    __asm__ volatile("lfence" ::: "memory");
    return clock_counter();
}

/* Nanoseconds since boot; the same on all processors. Some twenty instructions. */
static inline uint64_t
clock_ns(void)
{
    const struct machine_page *m = (const struct machine_page *)EXPOSED_MACHINE;

    return (uint64_t)((unsigned __int128)(clock_counter() - m->counter_base) * m->ns_mult >>
                      m->ns_shift);
}

/* Sleep until clock_ns() says so. Events are handled meanwhile. Not for use in their handlers. */
void clock_sleep_until(uint64_t ns);

/* How that is done: the context sleeps, or with threads the thread. */
extern void (*exo_sleep_until)(uint64_t ns);

/* The context itself sleeps, in any case. */
void clock_sleep_here(uint64_t ns);
