/* SPDX-License-Identifier: MIT */
/*
 * noise.h - a loop of fixed work, timed turn by turn by the cycle counter, and what its turns took
 * beyond the shortest: the same on both sides (noise_kit.c, noise_linux.c). bench/quiet.c counts
 * the instructions of the kernel on this processor between noise_begin and noise_end.
 */
#pragma once
#include <stdint.h>

enum {
    NOISE_WORK = 20000,     /* turns of the inner loop */
    NOISE_BUCKETS = 100000, /* of NOISE_BUCKET_NS each; the last takes all above */
    NOISE_BUCKET_NS = 100,
    NOISE_WARM_S_PART = 10, /* a tenth of a second, in which the shortest is found */
    NOISE_S = 5,
};

/* Marks, by their addresses: functions of whichever file includes this. */
void noise_begin(void);
void noise_end(void);

__attribute__((noinline)) void
noise_begin(void)
{
    __asm__ volatile("");
}

__attribute__((noinline)) void
noise_end(void)
{
    __asm__ volatile("nop");
}

static inline uint64_t
noise_counter(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

static inline uint64_t
noise_turn(void)
{
    uint64_t from = noise_counter();

    for (uint32_t i = 0; i < NOISE_WORK; i++)
        __asm__ volatile("" ::"r"(i));
    return noise_counter() - from;
}

/* NOISE_S seconds of it. Returns the shortest turn; buckets hold how many took how much longer. */
static inline uint64_t
noise_run(uint32_t *buckets, uint64_t hz)
{
    uint64_t shortest = UINT64_MAX, end = noise_counter() + hz / NOISE_WARM_S_PART, now;

    while (noise_counter() < end) {
        uint64_t took = noise_turn();
        shortest = took < shortest ? took : shortest;
    }
    noise_begin();
    end = noise_counter() + NOISE_S * hz;
    for (now = 0; now < end; now = noise_counter()) {
        uint64_t took = noise_turn();
        uint64_t ns = took > shortest ? (took - shortest) * 1000000000 / hz : 0;
        uint64_t bucket = ns / NOISE_BUCKET_NS;
        buckets[bucket < NOISE_BUCKETS ? bucket : NOISE_BUCKETS - 1]++;
    }
    noise_end();
    return shortest;
}

/* Nanoseconds that all but one of 1,000 turns stayed below, beyond the shortest. */
static inline uint64_t
noise_most_ns(const uint32_t *buckets)
{
    uint64_t n = 0, seen = 0, i = 0;

    for (uint32_t b = 0; b < NOISE_BUCKETS; b++)
        n += buckets[b];
    while (i < NOISE_BUCKETS && (seen += buckets[i]) * 1000 < n * 999)
        i++;
    return (i + 1) * NOISE_BUCKET_NS;
}
