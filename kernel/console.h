/* SPDX-License-Identifier: MIT */
/* kernel/console.h - one end of a channel, with its input buffer, as a partition holds it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/cap.h"

/*
 * Invariants
 *  N1 taken <= put <= taken + buffer bytes: what lies in the buffer is put - taken.
 *  N2 the channel's credit, what it owes of credit, what lies in the buffer, and read_since add up
 *     to the buffer's bytes until the input ends.
 *  N3 until console_destroy it holds a reference on each buffer frame.
 */
struct console {
    struct cell cell;
    uint64_t put, taken;       /* bytes ever; position = that modulo the buffer's bytes */
    uint64_t read_since;       /* bytes taken since credit was last given */
    struct leaf told;          /* LEAF_CONSOLE: by its counters, */
    uint32_t index;            /* the first of two */
    uint32_t channel;          /* which is there as long as the machine */
    uint32_t buffer, n_buffer; /* first frame, frames */
};

/* Lets go of the channel, the counters and the buffer, whose frames are plain again. */
void console_destroy(struct console *console);

/* It raises counters no more: their marks go (grant.c). */
void console_fall(struct leaf *leaf);

/* For the channel: bytes of the input, no more than the credit it had. */
void console_input(struct console *console, const uint8_t *bytes, uint32_t n);
