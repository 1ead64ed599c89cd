/* SPDX-License-Identifier: MIT */
/*
 * acpi.c - the firmware's tables (lib/firmware.h), read once, while the tables of the boot still
 * show all of the first 4 GiB: most lie in memory that is not the kernel's to map.
 */
#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "lib/firmware.h"

static struct firmware told;

static const uint8_t *
memory_at(const struct firmware_memory *self, uint64_t pa, uint64_t n)
{
    const uint64_t end = (uint64_t)4 << 30;

    (void)self;
    return pa < end && n <= end - pa ? (const uint8_t *)(DIRECT_BASE + pa) : NULL;
}

void
acpi_init(uint64_t rsdp_pa)
{
    static const struct firmware_memory memory = {memory_at};
    const char *by = "ACPI";

    if (!rsdp_pa)
        rsdp_pa = firmware_root_find(&memory);
    if (firmware_acpi_read(&memory, rsdp_pa, &told) != 0 || told.n_cpus == 0)
        by = firmware_mp_read(&memory, &told) == 0 ? "the multiprocessor table" : "no table";
    log_line("firmware: %u processors by %s, %u beyond, HPET at %lx, off by port %x", told.n_cpus,
             by, told.n_beyond, told.hpet_pa, told.off_port);
}

const struct firmware *
acpi_told(void)
{
    return &told;
}
