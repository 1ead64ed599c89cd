/* SPDX-License-Identifier: MIT */
/* abi/slice.h - the slice vector of a processor. Units: nanoseconds. */
#pragma once

enum slice_limit {
    SLICE_POSITIONS = 1024, /* per processor */
    SLICE_MIN_NS = 20 * 1000,
    SLICE_MAX_NS = 1000 * 1000 * 1000,
    SLICE_GRACE_NS = 100 * 1000, /* from the slice-end upcall to the forced switch */
};
