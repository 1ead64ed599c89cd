/* SPDX-License-Identifier: MIT */
/* events.h - what the kernel recorded (abi/trace.h), written for Perfetto: see events.c. */
#pragma once
#include <stdint.h>
#include <stdio.h>

#include "abi/channel.h"

/* A machine's memory as it was left, and what the command knows of it. Nothing in it is believed.
 */
struct events {
    const uint8_t *memory;
    uint64_t bytes;                /* physical address n lies at memory[n], if it is below this */
    uint64_t head_pa;              /* of struct trace_head */
    const char *name[CHANNEL_MAX]; /* of the partition on that channel; NULL: none */
};

/*
 * Write what was recorded; a file that holds no event where there is none. Returns 0; -E_INVAL: the
 * memory holds no trace, the kernel did not come so far; -E_IO: it could not be written.
 */
int events_write(FILE *to, const struct events *e);
