/* SPDX-License-Identifier: MIT */
/* clang-format off: a table */
/*
 * abi/exposed.h - what is read without a call, at fixed addresses in the kernel half.
 *
 *  address          bytes           what                                     who reads it
 *  EXPOSED_MACHINE  one page        struct machine_page                      everybody
 *  EXPOSED_FREE     n_frames / 8    bit n: frame n is free                   everybody
 *  EXPOSED_WAITERS  n_frames * 4    word n: clauses that wait for words      everybody:
 *                                   of frame n                               a stated leak
 *  EXPOSED_FRAMES   n_frames * 32   struct exposed_frame of each             below roots where
 *  EXPOSED_SLICES   n_cpus * STRIDE struct exposed_slice of each position    root_inspect shows it
 *
 * Each is rounded up to pages, whose rest is 0: a page never mixes what different rights protect.
 * All of it is only to be read, and changes under its readers; words of 8 bytes never tear. These
 * layouts change only with abi_version, at the beginning of the machine page; an account's page
 * (abi/account.h), which its holders map where they like, has a version of its own.
 */
/* clang-format on */
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

/* ---- where root_inspect shows it: with INSPECT of root's account ---- */

static const uint64_t EXPOSED_FRAMES = 0xfffffe8000000000;
static const uint64_t EXPOSED_SLICES = 0xfffffec000000000; /* processor n: + n * STRIDE */
enum { EXPOSED_SLICES_STRIDE = 64 << 10 };

enum exposed_flag {
    EXPOSED_SIZE = 3, /* of the frame object that it begins, as in struct frame_state */
    EXPOSED_STALE = 1 << 2,
    EXPOSED_VITAL = 1 << 3,
    EXPOSED_ZERO = 1 << 4, /* stale, or free: it holds zeroes */
    EXPOSED_USES = 7 << 5, /* how many uses are in flight */
};

/* Of the numbers that are the kernel's own nothing is said but that they are no addresses. */
struct exposed_frame {
    uint32_t owner;      /* account, by frame */
    uint8_t type;        /* enum frame_type (abi/memory.h) */
    uint8_t flags;       /* set of enum exposed_flag */
    uint16_t stamp_high; /* with stamp: the epoch of the last right taken from it, 48 bits */
    uint32_t refs;
    uint32_t first, other; /* the kernel's own */
    uint32_t stamp;
    uint32_t next, prev; /* the kernel's own */
};
_Static_assert(sizeof(struct exposed_frame) == 32, "layout");

struct exposed_slice {
    struct {
        uint32_t context;    /* by frame; 0: none */
        uint32_t next, prev; /* the kernel's own */
    } name[2];               /* the first, the second */
    uint32_t duration_ns;
    uint32_t owner; /* account, by frame; 0: the position is free */
    uint64_t debt_ns;
};
_Static_assert(sizeof(struct exposed_slice) == 40, "layout");
