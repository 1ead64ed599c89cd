/* SPDX-License-Identifier: MIT */
/*
 * bus.c - what hangs on the processor by ports and fixed addresses: PCI configuration, the
 * interrupt controllers' lines, and the ways to end the machine.
 * Source: PCI Local Bus 3.0, 3.2.2.3; Intel 82093AA; Intel SDM vol. 3A, 11.11.
 */
#include "abi/memory.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "lib/firmware.h"

static inline void
port_out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static inline void
port_out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint32_t
port_in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* ---- PCI configuration ---- */
enum { PCI_ADDRESS = 0xcf8, PCI_DATA = 0xcfc };

static void
pci_select(uint32_t function, uint32_t offset)
{
    port_out32(PCI_ADDRESS, 1u << 31 | (function & 0xffff) << 8 | (offset & 0xfc));
}

uint32_t
arch_pci_read(uint32_t function, uint32_t offset)
{
    pci_select(function, offset);
    return port_in32(PCI_DATA);
}

void
arch_pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
    pci_select(function, offset);
    port_out32(PCI_DATA, value);
}

/* ---- interrupts ---- */
enum {
    MSI_ADDRESS = 0xfee00000, /* fixed delivery, edge */
    MSI_TO_SHIFT = 12,
    IOAPIC_TO_SHIFT = 24,
    IOAPIC_ADDRESS = 0xfec00000,
    IOAPIC_STEP = 0x10000, /* QEMU's microvm has a second one here, for lines 24 and above */
    IOAPIC_LINES = 24,
    IOAPIC_COUNT = 2,
    IOAPIC_WINDOW = 0x10, /* bytes from the register selector to the data */
    IOAPIC_REDIRECTION = 0x10,
};

void
arch_msi_message(enum irq_vector vector, uint64_t *address, uint32_t *data)
{
    *address = MSI_ADDRESS | (uint64_t)cpu_x86_at(0)->apic_id << MSI_TO_SHIFT;
    *data = vector;
}

static void
ioapic_write(volatile uint32_t *ioapic, uint32_t index, uint32_t value)
{
    ioapic[0] = index;
    ioapic[IOAPIC_WINDOW / sizeof(uint32_t)] = value;
}

void
arch_irq_route(uint32_t line, enum irq_vector vector)
{
    static volatile uint32_t *ioapic[IOAPIC_COUNT];
    uint32_t which = line / IOAPIC_LINES;
    uint32_t entry = IOAPIC_REDIRECTION + line % IOAPIC_LINES * 2;

    if (which >= IOAPIC_COUNT) {
        log_line("bus: no interrupt controller has line %u", line);
        return;
    }
    if (!ioapic[which])
        ioapic[which] = arch_mmio_map(IOAPIC_ADDRESS + (uint64_t)which * IOAPIC_STEP, FRAME_BYTES);
    ioapic_write(ioapic[which], entry + 1, cpu_x86_at(0)->apic_id << IOAPIC_TO_SHIFT);
    ioapic_write(ioapic[which], entry, vector); /* fixed, physical, high, edge, unmasked */
}

/* ---- the end ---- */
enum {
    EXIT_PORT = 0xf4,     /* QEMU's isa-debug-exit: its process ends with status << 1 | 1 */
    ACPI_CONTROL = 0x604, /* of QEMU's q35, where no table tells */
    ACPI_SLEEP_OFF = 0x2000,
    ACPI_TAKEN = 1,
    OFF_SPINS_MAX = 1000000, /* looks at a port, about 1 us each */
    OFF_CYCLES = 2000000000, /* for the machine to go off, before it is reset instead */
    RESET_PORT = 0xcf9,
    RESET_FULL = 0x0e,
};

/* As the firmware's tables tell, or as QEMU does it; a machine may take its time. */
static void
sleep_off(const struct firmware *told)
{
    uint64_t end;

    if (!told->off_port) {
        port_out16(ACPI_CONTROL, ACPI_SLEEP_OFF);
        return;
    }
    if (told->take_port && !(port_in8(told->off_port) & ACPI_TAKEN)) {
        port_out8(told->take_port, (uint8_t)told->take_value);
        for (uint32_t i = 0; i < OFF_SPINS_MAX && !(port_in8(told->off_port) & ACPI_TAKEN); i++)
            ;
    }
    port_out16(told->off_port, told->off_value);
    end = read_counter() + OFF_CYCLES; /* without a look: an emulator may need its lock */
    while (read_counter() < end)
        arch_pause();
}

_Noreturn void
arch_power_off(uint32_t status)
{
    port_out8(EXIT_PORT, (uint8_t)status);
    sleep_off(acpi_told());
    if (status != PANIC_STATUS) /* else it would begin anew, and nobody read the last words */
        port_out8(RESET_PORT, RESET_FULL);
    arch_stop();
}
