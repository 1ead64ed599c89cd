/* SPDX-License-Identifier: MIT */
/*
 * abi/exposed.h - what is read without a call, at fixed addresses in the kernel half.
 *
 *  address           bytes               what                               who reads it
 *  EXPOSED_MACHINE   one page            struct machine_page                everybody
 *  EXPOSED_FREE      n_frames / 8        bit n: frame n is free             everybody
 *  EXPOSED_WAITERS   n_frames * 4        word n: clauses that wait for      everybody: a stated
 * leak words of frame n Each is rounded up to pages, whose rest is 0: a page never mixes what
 * different rights protect. All of it is only to be read, and changes under its readers; words of 8
 * bytes never tear. These layouts change only with abi_version, at the beginning of the machine
 * page; an account's page (abi/account.h), which its holders map where they like, has a version of
 * its own.
 */
#pragma once
#include <stdint.h>

static const uint64_t EXPOSED_MACHINE = 0xffffff0000000000; /* struct machine_page */
static const uint64_t EXPOSED_FREE = 0xffffff0040000000;
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
_Static_assert(sizeof(struct machine_page) == 72, "layout");
