/* SPDX-License-Identifier: MIT */
/*
 * virtio_pci.c - virtio devices on PCI, by their modern capabilities. Every queue interrupts by
 * entry 0 of the MSI-X table. Source: virtio 1.1, 4.1.
 */
#include "kernel/dev/pci.h"
#include "kernel/dev/virtio.h"
#include "kernel/log.h"

enum {
    PCI_VENDOR_VIRTIO = 0x1af4,
    PCI_DEVICE_MODERN = 0x1040, /* + kind */
    PCI_DEVICE_TRANSITIONAL_CONSOLE = 0x1003,
};

/* A capability. */
enum { CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_BELL_STRIDE = 16 };
enum { CAP_TYPE_COMMON = 1, CAP_TYPE_BELLS = 2 };

/* The common configuration. */
enum {
    COMMON_OFFERED_WORD = 0,
    COMMON_OFFERED = 4,
    COMMON_AGREED_WORD = 8,
    COMMON_AGREED = 12,
    COMMON_MSIX_CONFIG = 16,
    COMMON_STATUS = 20,
    COMMON_QUEUE = 22,
    COMMON_QUEUE_SIZE = 24,
    COMMON_QUEUE_MSIX = 26,
    COMMON_QUEUE_ON = 28,
    COMMON_QUEUE_BELL = 30,
    COMMON_DESCRIPTORS = 32,
    COMMON_GIVEN = 40,
    COMMON_USED = 48,
    COMMON_BYTES = 56,
    MSIX_NONE = 0xffff,
    BELLS_BYTES_MAX = 1 << 20,
};

static uint8_t
pci_status(struct virtio *v)
{
    return mmio_read8(v->registers + COMMON_STATUS);
}

static void
pci_status_set(struct virtio *v, uint8_t status)
{
    mmio_write8(v->registers + COMMON_STATUS, status);
}

static uint32_t
pci_offered(struct virtio *v, uint32_t word)
{
    mmio_write32(v->registers + COMMON_OFFERED_WORD, word);
    return mmio_read32(v->registers + COMMON_OFFERED);
}

static void
pci_agree(struct virtio *v, uint32_t word, uint32_t bits)
{
    mmio_write32(v->registers + COMMON_AGREED_WORD, word);
    mmio_write32(v->registers + COMMON_AGREED, bits);
}

static bool
pci_queue_start(struct virtio *v, struct virtqueue *q)
{
    mmio_t *common = v->registers;

    mmio_write16(common + COMMON_MSIX_CONFIG, MSIX_NONE);
    mmio_write16(common + COMMON_QUEUE, q->number);
    if (mmio_read16(common + COMMON_QUEUE_SIZE) < q->size)
        return false;
    uint64_t bell = (uint64_t)mmio_read16(common + COMMON_QUEUE_BELL) * v->bell_stride;
    if (bell + sizeof(uint16_t) > v->bells_bytes)
        return false;
    mmio_write16(common + COMMON_QUEUE_SIZE, (uint16_t)q->size);
    mmio_write16(common + COMMON_QUEUE_MSIX, 0);
    if (mmio_read16(common + COMMON_QUEUE_MSIX) != 0)
        return false;
    mmio_write64(common + COMMON_DESCRIPTORS, arch_physical(q->rings->descriptor));
    mmio_write64(common + COMMON_GIVEN, arch_physical(&q->rings->given_flags));
    mmio_write64(common + COMMON_USED, arch_physical(&q->rings->used_flags));
    mmio_write16(common + COMMON_QUEUE_ON, 1);
    q->bell = v->bells + bell;
    return true;
}

static void
pci_ring(const struct virtqueue *q)
{
    mmio_write16(q->bell, q->number);
}

/* A message needs no answer. */
static void
pci_interrupt_taken(struct virtio *v)
{
    (void)v;
}

static const struct virtio_transport transport_pci = {
    .status = pci_status,
    .status_set = pci_status_set,
    .offered = pci_offered,
    .agree = pci_agree,
    .queue_start = pci_queue_start,
    .ring = pci_ring,
    .interrupt_taken = pci_interrupt_taken,
};

/* The offset of the first virtio capability of that type, or 0. */
static uint32_t
capability_find(uint32_t function, uint8_t type)
{
    uint32_t at = 0;
    for (uint32_t n = 0; n < 16; n++) { /* a list may run in a circle */
        at = pci_capability(function, PCI_CAP_VENDOR, at);
        if (!at || pci_read8(function, at + CAP_TYPE) == type)
            return at;
    }
    return 0;
}

/* Maps what a capability names, at least `least` bytes: NULL when it does not name them. */
static mmio_t *
capability_map(uint32_t function, uint32_t at, uint64_t least, uint64_t *bytes)
{
    *bytes = arch_pci_read(function, at + CAP_LENGTH);
    if (*bytes < least)
        return NULL;
    if (*bytes > BELLS_BYTES_MAX)
        *bytes = BELLS_BYTES_MAX;
    return pci_map(function, pci_read8(function, at + CAP_BAR),
                   arch_pci_read(function, at + CAP_OFFSET), *bytes);
}

bool
virtio_pci_find(struct virtio *v, enum virtio_kind kind)
{
    uint32_t function = pci_find(PCI_VENDOR_VIRTIO, (uint16_t)(PCI_DEVICE_MODERN + kind),
                                 PCI_DEVICE_TRANSITIONAL_CONSOLE);
    if (function == PCI_NOTHING)
        return false;
    uint32_t common = capability_find(function, CAP_TYPE_COMMON);
    uint32_t bells = capability_find(function, CAP_TYPE_BELLS);
    if (!common || !bells) {
        log_line("virtio: PCI function %x is older than version 1", function);
        return false;
    }
    uint64_t common_bytes;
    pci_enable(function);
    v->via = &transport_pci;
    v->registers = capability_map(function, common, COMMON_BYTES, &common_bytes);
    v->bells = capability_map(function, bells, sizeof(uint16_t), &v->bells_bytes);
    v->bell_stride = arch_pci_read(function, bells + CAP_BELL_STRIDE);
    if (v->registers && v->bells && pci_msix_enable(function, IRQ_CONSOLE))
        return true;
    log_line("virtio: PCI function %x has no memory or no MSI-X", function);
    return false;
}
