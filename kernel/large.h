/* SPDX-License-Identifier: MIT */
/* kernel/large.h - frame objects of 2 MiB and 1 GiB. */
#pragma once
#include <stdint.h>

/* The first frame of the object that frame n is of. */
uint64_t frame_head(uint64_t n);
/* An object of 512 parts, which nothing names any more, becomes these. */
void frame_parts(uint64_t first);
