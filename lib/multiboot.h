/* SPDX-License-Identifier: MIT */
/*
 * lib/multiboot.h - what a Multiboot2 loader (GRUB) tells the kernel that it starts.
 *
 * The information is a run of tags at any address; all that is found points into it or into
 * physical memory, and nothing is copied. It is not trusted: every length is checked.
 * Units: bytes, physical addresses. Source: Multiboot2 Specification 2.0, 3.6.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum multiboot_number {
    MULTIBOOT_STARTED = 0x36d76289, /* in eax at the kernel's entry */
    MULTIBOOT_BYTES_MAX = 1 << 20,  /* longer information is refused */
};

struct multiboot {
    const char *command_line;              /* ended by 0; "" where the loader gives none */
    uint64_t module_pa, module_bytes;      /* the first module; 0 bytes: none */
    const uint8_t *rsdp;                   /* a copy of ACPI's root pointer; NULL: none */
    uint32_t rsdp_bytes;                   /* of it, 20 .. MULTIBOOT_RSDP_MAX */
    const uint8_t *memory;                 /* the memory map */
    uint32_t memory_entry_bytes, n_memory; /* for multiboot_memory */
};

enum { MULTIBOOT_RSDP_MAX = 64 };

struct multiboot_range {
    uint64_t pa, length; /* pa + length does not wrap */
    bool usable;         /* else reserved, broken, ACPI's, or of a kind unknown here */
};

/*
 * Read the information of which at most `room` bytes may be looked at. It must not change while
 * `out` is in use. Returns 0; -E_INVAL: it is malformed or has no memory map.
 */
int multiboot_decode(const void *image, uint64_t room, struct multiboot *out);

/* Entry i of the memory map, from 0. False: there is no such entry. */
bool multiboot_memory(const struct multiboot *m, uint32_t i, struct multiboot_range *out);
