/* SPDX-License-Identifier: MIT */
/*
 * test/boot/pointers.h - every address that a call follows, by abi/calls.tbl: in the kernel's half,
 * at a page of ours and at our tables by the kernel's own map, where nothing is, across holes,
 * read-only, at a page table of ours. E_FAULT with an address in what was asked for, and nothing is
 * written but what the caller may write and the table says.
 */
#pragma once
#include "test/boot/good.h"

/* Three pages: ours, a hole, ours only to be read. */
extern uint64_t pointers_hole;

/* After good_begin. */
void pointers_begin(void);
/* Every address among the arguments of a call; how many there are. */
uint32_t pointers_walk(const struct call_shape *shape);
