/* SPDX-License-Identifier: MIT */
/*
 * kernel/dev/virtio.h - one virtio device of the modern kind, by whatever bus it is reached.
 *
 *     virtio_find(&v, VIRTIO_CONSOLE, words)      it is reset, and we are its driver
 *     virtio_features(&v, wanted) -> agreed       VIRTIO_VERSION_1 is always among them
 *     virtio_queue_start(&v, &q), ...
 *     virtio_start(&v)                            it runs
 * Source: virtio 1.1, 3.1.1, 4.1, 4.2.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/dev/virtqueue.h"

enum virtio_kind { VIRTIO_CONSOLE = 3 };

static const uint64_t VIRTIO_VERSION_1 = 1ull << 32;

struct virtio {
    const struct virtio_transport *via;
    mmio_t *registers; /* PCI: the common configuration */
    mmio_t *bells;     /* PCI: where the queues are rung */
    uint64_t bells_bytes;
    uint32_t bell_stride; /* bytes */
};

/* What differs by bus. */
struct virtio_transport {
    uint8_t (*status)(struct virtio *v);
    void (*status_set)(struct virtio *v, uint8_t status);
    uint32_t (*offered)(struct virtio *v, uint32_t word);
    void (*agree)(struct virtio *v, uint32_t word, uint32_t bits);
    /* Sets q->bell; false when the device has no such queue or does not take it. */
    bool (*queue_start)(struct virtio *v, struct virtqueue *q);
    void (*ring)(const struct virtqueue *q);
    void (*interrupt_taken)(struct virtio *v); /* it may interrupt anew */
};

/* The first device of a kind, on PCI or at an address that the kernel's command line names. */
bool virtio_find(struct virtio *v, enum virtio_kind kind, const char *command_line);
bool virtio_pci_find(struct virtio *v, enum virtio_kind kind);
bool virtio_mmio_find(struct virtio *v, enum virtio_kind kind, const char *command_line);

/* It forgets its queues, and touches no memory any more: false when it has not said so in so many looks. */
bool virtio_reset(struct virtio *v, uint32_t looks);

/* Agrees on what is both wanted and offered, which *agreed tells: false when that is refused. */
bool virtio_features(struct virtio *v, uint64_t wanted, uint64_t *agreed);
bool virtio_queue_start(struct virtio *v, struct virtqueue *q);
void virtio_start(struct virtio *v);
/* Tells the device of what was given to the queue, if it wants to know. */
void virtio_ring(struct virtio *v, struct virtqueue *q);
