/* SPDX-License-Identifier: MIT */
/* kernel/exposed.h - pages of the kernel's that everybody reads (abi/exposed.h). */
#pragma once
#include <stdint.h>
#include "abi/exposed.h"

/* Boot: shows `bytes` of page-aligned direct-map memory at the fixed address va. */
void exposed_map(uint64_t va, const void *memory, uint64_t bytes);
extern struct machine_page *exposed_machine; /* made by the clock, which is the first to need it */
