/* SPDX-License-Identifier: MIT */
/*
 * abi/exposed.h - what everybody may read, at fixed addresses in the kernel half, without a call.
 */
#pragma once
#include <stdint.h>

static const uint64_t EXPOSED_MACHINE = 0xffffff0000000000; /* struct machine_page */
static const uint64_t EXPOSED_FREE = 0xffffff0040000000;    /* bitmap of n_frames bits: 1 = free */
/* One uint32_t for each frame: how many clauses wait for its words. A stated leak. */
static const uint64_t EXPOSED_WAITERS = 0xffffff0080000000;

struct machine_page {
    uint32_t abi_version;
    uint32_t n_cpus;
    uint64_t n_frames; /* frame numbers are below this */
    /* clock_ns = (counter - counter_base) * ns_mult >> ns_shift, the product in 128 bits */
    uint64_t counter_base; /* of the processor's cycle counter */
    uint64_t ns_mult;
    uint64_t ns_shift;
    uint64_t counter_hz;
    uint64_t boot_counter; /* the cycle counter at the kernel's first instruction */
    uint64_t vector_bytes; /* of a vector area in use */
    /* The epochs up to this one have passed: no processor uses rights taken away before. Grows. */
    uint64_t epoch_passed;
};
