/* SPDX-License-Identifier: MIT */
/*
 * test/boot/state.h - all that the kernel tells of what we hold, to see that a call that is refused
 * has changed nothing: accounts, every frame of ours, the entries of every page table, event
 * counters, slots, cells, contexts, positions, the pages that calls write to. With the word `same`
 * these pages alone: the kernel looks itself (kernel/plant/on/same.c). For tests on good.h.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "call_kinds.h"

/* After good_begin. */
void state_begin(void);
/* Remember how all is now; first, which frames are ours: after calls that took or gave any. */
void state_find(void);
void state_take(void);
/* BREACH where something is not as it was remembered. */
void state_same(const struct call_shape *shape, const char *argument, const char *what);
/* FAIL where the call's page does not name this error. */
void error_documented(const struct call_shape *shape, int64_t value);
