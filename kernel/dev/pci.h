/* SPDX-License-Identifier: MIT */
/*
 * kernel/dev/pci.h - functions of the PCI buses, by number: bus << 8 | device << 3 | function.
 * What their configuration says is the device's word: offsets and lengths are checked by pci.c.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/arch.h"

enum pci_limit { PCI_BUSES = 4, PCI_NOTHING = 0xffffffffu };

enum pci_capability_id { PCI_CAP_VENDOR = 0x09, PCI_CAP_MSIX = 0x11 };

uint8_t pci_read8(uint32_t function, uint32_t offset);

/*
 * The first function of that vendor with one of two device numbers, on buses 0 to 3, or
 * PCI_NOTHING.
 */
uint32_t pci_find(uint16_t vendor, uint16_t device, uint16_t or_device);
/* The offset of the next capability of that kind behind offset `after` (0: the first), or 0. */
uint32_t pci_capability(uint32_t function, enum pci_capability_id id, uint32_t after);
/* Maps `bytes` of a memory BAR: NULL when it is none, has no address, or the range is absurd. */
void *pci_map(uint32_t function, uint32_t bar, uint64_t offset, uint64_t bytes);
/* Memory accesses and bus mastering on, interrupt lines off. */
void pci_enable(uint32_t function);
/* Turns MSI-X on, with entry 0 of its table leading to the vector: false when it has none. */
bool pci_msix_enable(uint32_t function, enum irq_vector vector);
