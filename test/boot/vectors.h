/* SPDX-License-Identifier: MIT */
/*
 * test/boot/vectors.h - x87, XMM, YMM registers and their control words, looked at and filled. No
 * code of ours but this uses them.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* All as a context begins: empty, zero, every exception masked. */
bool vectors_clean(void);
/* Which are not; NULL: all are. */
const char *vectors_unclean(void);
/* Fill every one of them by a pattern. */
void vectors_fill(uint64_t pattern);
/* Are they as vectors_fill left them? */
bool vectors_filled(uint64_t pattern);
