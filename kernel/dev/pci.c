/* SPDX-License-Identifier: MIT */
/* pci.c - finding a PCI function, its capabilities, its memory. Source: PCI 3.0, chapter 6. */
#include "kernel/dev/mmio.h"
#include "kernel/dev/pci.h"

enum pci_register {
    PCI_ID = 0x00,
    PCI_COMMAND = 0x04, /* and status, high */
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR = 0x10,
    PCI_CAPABILITIES = 0x34,
};

enum {
    COMMAND_MEMORY = 1 << 1,
    COMMAND_MASTER = 1 << 2,
    COMMAND_NO_LINE = 1 << 10,
    STATUS_CAPABILITIES = 1 << 20, /* in the word of PCI_COMMAND */
    HEADER_MANY_FUNCTIONS = 0x80,
    BAR_COUNT = 6,
    BAR_IO = 1 << 0,
    BAR_64 = 1 << 2,
    BAR_FLAGS = 0xf,
    CAPABILITIES_MAX = 48, /* what fits in 192 bytes; ends a list that runs in a circle */
    MSIX_ALL_MASKED = 1 << 14,
    MSIX_ON = 1 << 15,
    MSIX_ENTRY_BYTES = 16,
    FUNCTIONS = 8,
    FUNCTIONS_PER_BUS = 32 * FUNCTIONS,
};

static const uint64_t PCI_ADDRESS_MAX = 1ull << 52;

uint8_t
pci_read8(uint32_t function, uint32_t offset)
{
    return (uint8_t)(arch_pci_read(function, offset & ~3u) >> (offset & 3) * 8);
}

static uint32_t
bus_find(uint32_t bus, uint32_t id, uint32_t or_id)
{
    for (uint32_t f = bus * FUNCTIONS_PER_BUS; f < (bus + 1) * FUNCTIONS_PER_BUS; f++) {
        uint32_t found = arch_pci_read(f, PCI_ID);
        if (found == id || found == or_id)
            return f;
        bool first = f % FUNCTIONS == 0;
        if (first &&
            (found == PCI_NOTHING || !(pci_read8(f, PCI_HEADER_TYPE) & HEADER_MANY_FUNCTIONS)))
            f += FUNCTIONS - 1;
    }
    return PCI_NOTHING;
}

uint32_t
pci_find(uint16_t vendor, uint16_t device, uint16_t or_device)
{
    uint32_t found = PCI_NOTHING;
    for (uint32_t bus = 0; bus < PCI_BUSES && found == PCI_NOTHING; bus++)
        found = bus_find(bus, (uint32_t)device << 16 | vendor, (uint32_t)or_device << 16 | vendor);
    return found;
}

uint32_t
pci_capability(uint32_t function, enum pci_capability_id id, uint32_t after)
{
    if (!(arch_pci_read(function, PCI_COMMAND) & STATUS_CAPABILITIES))
        return 0;
    uint32_t at = pci_read8(function, after ? after + 1 : PCI_CAPABILITIES) & 0xfc;
    for (uint32_t n = 0; at && n < CAPABILITIES_MAX; n++) {
        if (pci_read8(function, at) == id)
            return at;
        at = pci_read8(function, at + 1) & 0xfc;
    }
    return 0;
}

void *
pci_map(uint32_t function, uint32_t bar, uint64_t offset, uint64_t bytes)
{
    if (bar >= BAR_COUNT)
        return NULL;
    uint32_t low = arch_pci_read(function, PCI_BAR + bar * 4);
    if (low & BAR_IO)
        return NULL;
    uint64_t address = low & ~(uint32_t)BAR_FLAGS;
    if (low & BAR_64) {
        if (bar + 1 == BAR_COUNT)
            return NULL;
        address |= (uint64_t)arch_pci_read(function, PCI_BAR + (bar + 1) * 4) << 32;
    }
    if (!address || address >= PCI_ADDRESS_MAX || offset >= PCI_ADDRESS_MAX)
        return NULL;
    return arch_mmio_map(address + offset, bytes);
}

void
pci_enable(uint32_t function)
{
    uint32_t command = arch_pci_read(function, PCI_COMMAND) & 0xffff; /* status: 1 would clear */
    arch_pci_write(function, PCI_COMMAND,
                   command | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_LINE);
}

bool
pci_msix_enable(uint32_t function, enum irq_vector vector)
{
    uint32_t at = pci_capability(function, PCI_CAP_MSIX, 0);
    if (!at)
        return false;
    uint32_t head = arch_pci_read(function, at);
    uint32_t table = arch_pci_read(function, at + 4);
    mmio_t *entry = pci_map(function, table & 7, table & ~7u, MSIX_ENTRY_BYTES);
    if (!entry)
        return false;

    uint64_t address;
    uint32_t data;
    arch_msi_message(vector, &address, &data);
    mmio_write64(entry, address);
    mmio_write32(entry + 8, data);
    mmio_write32(entry + 12, 0); /* not masked */
    arch_pci_write(function, at,
                   (head & ~((uint32_t)MSIX_ALL_MASKED << 16)) | (uint32_t)MSIX_ON << 16);
    return true;
}
