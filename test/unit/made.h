/* SPDX-License-Identifier: MIT */
/*
 * test/unit/made.h - well-formed images to start from: tests spoil a field, fuzzers all of them.
 * Laid out by the C library's <elf.h>, so that lib/elf.c is not tested against itself.
 */
#pragma once
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/bundle.h"

enum made_program { MADE_PHDR, MADE_TEXT, MADE_DATA, MADE_NOTE, MADE_STACK, MADE_PROGRAMS };
enum made_section { MADE_NULL, MADE_SYMTAB, MADE_DYNSYM, MADE_STRTAB, MADE_CODE, MADE_SECTIONS };

static const uint64_t MADE_BASE = 0x400000;

/* A static executable: code at MADE_BASE, data on the page behind with as much zeros again. */
struct made_elf {
    Elf64_Ehdr head;
    Elf64_Phdr program[MADE_PROGRAMS];
    struct {
        Elf64_Nhdr head;
        char owner[8];
        uint32_t text;
    } note;
    Elf64_Shdr section[MADE_SECTIONS];
    Elf64_Sym symbol[4];  /* .symtab: null, start, middle, loose (a label, without type and size) */
    Elf64_Sym dynamic[2]; /* .dynsym: null, exported */
    char strings[40];
    uint8_t code[256];
    _Alignas(4096) uint8_t data[128];
};
enum { MADE_ELF_BYTES = offsetof(struct made_elf, data) + 128 };

void elf_make(struct made_elf *e);

/* Three modules: init of 5,000 bytes, plan of 10, empty of none. */
struct made_bundle {
    struct bundle_head head;
    struct bundle_entry entry[3];
    _Alignas(4096) uint8_t init[8192];
    _Alignas(4096) uint8_t plan[4096];
};

void bundle_make(struct made_bundle *b);

/*
 * Multiboot2 information: words, a module of 0x2345 bytes at 16 MiB, four ranges of which two are
 * usable, ACPI's root pointer in both forms, a tag of a kind that nobody knows, the end.
 */
enum { MADE_MULTIBOOT_MAX = 512 };
size_t multiboot_make(uint8_t to[MADE_MULTIBOOT_MAX]);

/*
 * What a firmware leaves at MADE_FIRMWARE_PA: ACPI's root pointer, its tables in both widths, of
 * which only the wide names the HPET and how the machine goes off; processors 0, 2 and 0x12345
 * (each also once more or disabled beside others), and a multiprocessor table with 0 and 4. Offsets
 * in bytes.
 */
enum made_firmware {
    MADE_FIRMWARE_PA = 0xe0000,
    MADE_RSDP = 0x10,
    MADE_RSDT = 0x40,
    MADE_XSDT = 0x80,
    MADE_MADT = 0xc0,
    MADE_HPET = 0x140,
    MADE_MP = 0x180,
    MADE_PCMP = 0x190,
    MADE_FADT = 0x200,
    MADE_DSDT = 0x280,
    MADE_FIRMWARE_BYTES = 0x300,
};
void firmware_make(uint8_t to[MADE_FIRMWARE_BYTES]);
/* Puts every checksum right whose structure ends in the image. */
void firmware_sums_make(uint8_t image[MADE_FIRMWARE_BYTES]);

/* A plan of two partitions, as docs/report.md has it. */
extern const char made_plan[];
