/* SPDX-License-Identifier: MIT */
/*
 * abi/bundle.h - the modules that the host command hands to the kernel, in one image.
 *
 * Little-endian. The head is followed by n_modules entries; each module's bytes start at a
 * multiple of 4,096 from the start of the bundle, so that a module is named by its frames.
 * Modules do not overlap each other or the entries. Decoded by lib/bundle.c, which trusts nothing.
 *
 * Module 0 is init, an ELF executable. What the others are is between the host command and init:
 * text module "plan" (docs/plan.md) says which modules make up which partition.
 */
#pragma once
#include <stdint.h>

enum bundle_limit {
    BUNDLE_MODULES_MAX = 64,
    BUNDLE_NAME_MAX = 40, /* with the ending 0 */
};

static const uint64_t BUNDLE_MAGIC = 0x656c646e75425354; /* "TSBundle" */

struct bundle_entry {
    uint64_t offset; /* bytes from the start of the bundle, a multiple of 4,096 */
    uint64_t length; /* bytes; may be 0 */
    char name[BUNDLE_NAME_MAX];
};

struct bundle_head {
    uint64_t magic;
    uint32_t n_modules;
    uint32_t reserved; /* 0 */
    uint64_t length;   /* bytes of the whole bundle */
};
_Static_assert(sizeof(struct bundle_entry) == 56, "image layout");
_Static_assert(sizeof(struct bundle_head) == 24, "image layout");
