/* SPDX-License-Identifier: MIT */
/* kernel/mapping.h - all entries that name one frame; frames taken from whoever has them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * Removes the entries that name frame n, whosever tables they are in, and flushes. False: *steps
 * did not suffice, call again. *epoch: from when on nobody has them; the frame is stamped with it.
 */
bool mapping_break(uint64_t n, uint64_t *steps, uint64_t *epoch);

/* Frames that are never taken singly: all but plain ones, and upcall pages, and plain ones marked.
 */
bool frame_vital(uint64_t n);
/*
 * Takes frame n, below frame_count and somebody's, from its owner: its mappings are broken, what
 * pins it is detached, its waiters are woken, and it is free once its epoch has passed. 0, E_BUSY:
 * it is vital; E_AGAIN: *steps did not suffice, call again.
 */
int frame_take(uint64_t n, uint64_t *steps);
