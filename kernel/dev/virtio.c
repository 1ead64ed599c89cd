/* SPDX-License-Identifier: MIT */
/* virtio.c - how a virtio device is brought up, on every bus alike. Source: virtio 1.1, 3.1.1. */
#include "kernel/dev/virtio.h"
#include "kernel/log.h"

enum virtio_status {
    STATUS_SEEN = 1,
    STATUS_DRIVER = 2,
    STATUS_RUNS = 4,
    STATUS_FEATURES = 8,
};

enum { RESET_LOOKS_MAX = 1000000 };

bool
virtio_reset(struct virtio *v, uint32_t looks)
{
    v->via->status_set(v, 0);
    for (uint32_t i = 0; i < looks; i++)
        if (v->via->status(v) == 0)
            return true;
    log_line("virtio: the device does not end its reset");
    return false;
}

bool
virtio_find(struct virtio *v, enum virtio_kind kind, const char *command_line)
{
    if (!virtio_mmio_find(v, kind, command_line) && !virtio_pci_find(v, kind))
        return false;
    if (!virtio_reset(v, RESET_LOOKS_MAX))
        return false;
    v->via->status_set(v, STATUS_SEEN | STATUS_DRIVER);
    return true;
}

bool
virtio_features(struct virtio *v, uint64_t wanted, uint64_t *agreed)
{
    uint64_t offered = v->via->offered(v, 0) | (uint64_t)v->via->offered(v, 1) << 32;

    *agreed = offered & (wanted | VIRTIO_VERSION_1);
    if (!(*agreed & VIRTIO_VERSION_1)) {
        log_line("virtio: the device is older than version 1");
        return false;
    }
    v->via->agree(v, 0, (uint32_t)*agreed);
    v->via->agree(v, 1, (uint32_t)(*agreed >> 32));
    v->via->status_set(v, STATUS_SEEN | STATUS_DRIVER | STATUS_FEATURES);
    if (v->via->status(v) & STATUS_FEATURES)
        return true;
    log_line("virtio: the device refuses features %lx", (unsigned long)*agreed);
    return false;
}

bool
virtio_queue_start(struct virtio *v, struct virtqueue *q)
{
    if (v->via->queue_start(v, q))
        return true;
    log_line("virtio: the device does not take queue %u", q->number);
    return false;
}

void
virtio_start(struct virtio *v)
{
    v->via->status_set(v, STATUS_SEEN | STATUS_DRIVER | STATUS_FEATURES | STATUS_RUNS);
}

void
virtio_ring(struct virtio *v, struct virtqueue *q)
{
    if (virtqueue_wants_bell(q))
        v->via->ring(q);
}
