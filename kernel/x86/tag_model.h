/* SPDX-License-Identifier: MIT */
/*
 * kernel/x86/tag_model.h - no emulator at hand keeps translations by tag. So where they would be
 * kept some of those that the root had when it was loaded last, and could have left, are looked up
 * again. The release has none of it: there planted() is false, and nothing calls these.
 */
#pragma once
#include <stdint.h>

/* Both give the root back. Under tag `which` of the processor it is loaded, and what it had flushed: */
uint64_t tag_model_loaded(uint32_t cpu, uint64_t which, uint64_t root);
/* or kept: panics where a translation of the sample is another now. */
uint64_t tag_model_kept(uint32_t cpu, uint64_t which, uint64_t root);
