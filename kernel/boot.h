/* SPDX-License-Identifier: MIT */
/* kernel/boot.h - what the machine's start tells the kernel. Units: bytes, physical addresses. */
#pragma once
#include <stdint.h>

enum { BOOT_RANGES_MAX = 64, BOOT_LINE_MAX = 1024 };

struct boot_range {
    uint64_t pa, length;
};

struct boot_info {
    uint32_t n_ranges;
    struct boot_range range[BOOT_RANGES_MAX]; /* usable memory */
    uint64_t bundle_pa, bundle_bytes;         /* abi/bundle.h */
    uint64_t rsdp_pa;                         /* of ACPI's first table; 0: the machine has none */
    char command_line[BOOT_LINE_MAX];
};

/* Never inlined: where people begin with a debugger. */
_Noreturn __attribute__((noinline)) void boot_main(const struct boot_info *info);

/* frame_boot.c: where frame_boot_alloc takes from; frame.c: all that is left becomes free frames.
 */
void frame_boot(const struct boot_info *info, uint64_t kernel_end_pa);
void frame_init(const struct boot_info *info);
uint64_t frame_memory_end(const struct boot_info *info);

/* init.c: makes the environment of init from module 0 of the bundle. */
void init_start(const struct boot_info *info);
