/* SPDX-License-Identifier: MIT */
/*
 * kernel/inspect.h - all frames and positions of the machine shown below a root (abi/exposed.h).
 *
 * Invariants
 *  I1 a root shows them iff its leaf hangs: on the cell of a slot with INSPECT of root's account.
 *     The leaf lies in the root's companion, behind the links of the users' half.
 */
#pragma once
#include <stdint.h>

struct leaf;

/* A root begins, and ends. n: its frame, which has its companion. */
void inspect_begin(uint64_t n);
void inspect_end(uint64_t n);
/* The right has fallen (grant.c). */
void inspect_fall(struct leaf *leaf);
/* The leaf of a root. */
struct leaf *inspect_leaf(uint64_t n);
