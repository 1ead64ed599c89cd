/* SPDX-License-Identifier: MIT */
/*
 * abi/boot.h - what the kernel hands to init, its one environment: a page mapped read-only at
 * BOOT_PAGE_VA whose address init finds in rdi; rsp is 0: it brings its own stack. Init's slots are
 * those of enum first_slot, each with every right.
 */
#pragma once
#include <stdint.h>
#include "abi/bundle.h"

static const uint64_t BOOT_PAGE_VA = 0x00007d0000000000;
static const uint64_t BOOT_MAGIC = 0x746f6f4273736554;

enum { BOOT_ARGUMENTS_MAX = 256 };

struct boot_module {
    uint64_t first_frame;
    uint64_t length; /* bytes */
    char name[BUNDLE_NAME_MAX];
};

struct boot_page {
    uint64_t magic;
    uint32_t abi_version;
    uint32_t n_modules;
    uint64_t root_frame;                           /* init's page-table root */
    char arguments[BOOT_ARGUMENTS_MAX];            /* the kernel's command line */
    struct boot_module module[BUNDLE_MODULES_MAX]; /* frames of root's account, plain */
};
_Static_assert(sizeof(struct boot_page) <= 4096, "one page");
