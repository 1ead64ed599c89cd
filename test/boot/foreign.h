/* SPDX-License-Identifier: MIT */
/*
 * test/boot/foreign.h - what is another's: the objects of an account below ours, whose authority
 * does not reach what is ours; and frames that are neither ours nor below us.
 */
#pragma once
#include "test/boot/good.h"

/* The child's objects, which we hold with every right. */
enum foreign_slot {
    FOREIGN_ACCOUNT = 90,
    FOREIGN_SLOTS,
    FOREIGN_ENV,
    FOREIGN_CONTEXT,
    FOREIGN_ENTRY,
};

void foreign_begin(void);
/* The frame of the child's account, as a capability names its holder. */
uint32_t foreign_holder(void);
/*
 * Frames that are not ours: FOREIGN_FOR_EVER that nobody frees, then others. Of our maker's, of
 * other partitions, the kernel's, of no memory. How many of at most n.
 */
uint32_t foreign_frames(uint64_t *frames, uint32_t n);
enum { FOREIGN_FOR_EVER = 5 };
/* Is it, still? */
bool foreign_still(uint64_t frame);
