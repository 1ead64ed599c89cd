/* SPDX-License-Identifier: MIT */
/*
 * noise_kit.c - the loop of noise.h on a processor whose whole vector names us. What noise_linux.c
 * is on the other side.
 */
#include "bench/noise.h"
#include "libos/exo/exo.h"

static uint32_t buckets[NOISE_BUCKETS];

int
exo_main(const struct start_page *start)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;

    (void)start;
    for (uint32_t i = 0; i < NOISE_BUCKETS; i++) /* no page of it comes while time counts */
        buckets[i] = 0;
    if (cpu_count() < 2 || processor_keep(1) < 0)
        return 1;
    noise_run(buckets, machine->counter_hz);
    print("most_ns %lu\n", noise_most_ns(buckets));
    return 0;
}
