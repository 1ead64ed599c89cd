/* SPDX-License-Identifier: MIT */
/*
 * noise_linux.c - the loop of noise.h on a processor that Linux was told to leave alone
 * (bench/figures.py: isolcpus and what belongs to it), at the highest real-time priority. What
 * noise_kit.c is on the other side.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench/noise.h"

static uint32_t buckets[NOISE_BUCKETS];

static uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The counter's cycles a second, by the kernel's clock over a tenth of one. */
static uint64_t
counter_hz(void)
{
    uint64_t from = now_ns(), begun = noise_counter(), ns;

    while ((ns = now_ns() - from) < 100000000)
        ;
    return (uint64_t)((double)(noise_counter() - begun) * 1e9 / (double)ns);
}

int
main(void)
{
    struct sched_param most = {.sched_priority = sched_get_priority_max(SCHED_FIFO)};
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(1, &set);
    memset(buckets, 0, sizeof buckets);
    if (sched_setaffinity(0, sizeof set, &set) || sched_setscheduler(0, SCHED_FIFO, &most) ||
        mlockall(MCL_CURRENT | MCL_FUTURE)) {
        perror("noise_linux");
        return 1;
    }
    noise_run(buckets, counter_hz());
    printf("most_ns %lu\n", noise_most_ns(buckets));
    return 0;
}
