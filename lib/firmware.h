/* SPDX-License-Identifier: MIT */
/*
 * lib/firmware.h - what the firmware says of processors and timers, in ACPI's tables or, where a
 * machine has none, in the older multiprocessor table. All of it is hostile until it is checked.
 * Source: ACPI 6.4, 4.8.3.2, 5.2, 7.4.2, 20.2; IA-PC HPET 1.0a, 3.2.4; Intel MultiProcessor
 * Specification 1.4, 4.
 */
#pragma once
#include <stdint.h>

enum { FIRMWARE_CPUS_MAX = 64 };

/* Physical memory, which must not change while a function reads it. */
struct firmware_memory {
    /* n bytes at pa, in one piece; NULL: they are not to be had */
    const uint8_t *(*at)(const struct firmware_memory *self, uint64_t pa, uint64_t n);
};

struct firmware {
    uint32_t n_cpus;   /* that can be started; each once, in the firmware's order */
    uint32_t n_beyond; /* and those for which there is no room here */
    uint32_t apic_id[FIRMWARE_CPUS_MAX];
    uint64_t hpet_pa; /* of the high-precision timer's registers; 0: none is told */
    /* The machine goes off when off_value is written to I/O port off_port; 0: it is not told how.
     */
    uint16_t off_port, off_value;
    /* Before, where bit 0 of off_port is clear: value and port that have ACPI take over; or 0. */
    uint16_t take_port, take_value;
};

/* Where the root pointer of ACPI lies as a BIOS leaves it; 0: nowhere. */
uint64_t firmware_root_find(const struct firmware_memory *memory);

/*
 * Adds what the tables under the root pointer at root_pa say. A table that is broken counts as
 * absent. Returns 0, or -E_NOENT: there is no root table.
 */
int firmware_acpi_read(const struct firmware_memory *memory, uint64_t root_pa,
                       struct firmware *out);

/* Adds what the multiprocessor table says. Returns 0, or -E_NOENT: there is none. */
int firmware_mp_read(const struct firmware_memory *memory, struct firmware *out);
