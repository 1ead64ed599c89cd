/* SPDX-License-Identifier: MIT */
/*
 * kernel/dev/virtqueue.h - a split virtqueue, seen from the driver, over a fixed array of buffers.
 *
 * Buffer i is described by descriptor i for ever, so nothing is allocated: a buffer is ours or the
 * device's, and `out` says which. The device is hostile: what it says of a buffer is believed only
 * when that buffer is out and the length fits; else the queue is broken and gives nothing more.
 * Source: virtio 1.1, 2.6.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "kernel/dev/mmio.h"

enum {
    VIRTQUEUE_SIZE = 64,    /* descriptors, and entries of its rings, where it has flights */
    VIRTQUEUE_BUFFERS = 32, /* at most; where it has none, descriptors too */
    VIRTQUEUE_FLIGHTS = 8,
    VIRTQUEUE_HEAD_BYTES = 8,
};

struct virtqueue_descriptor {
    uint64_t address; /* physical */
    uint32_t length;
    uint16_t flags, next;
};

struct virtqueue_used {
    _Atomic uint32_t id, length;
};

/* Shared with the device; one frame. */
struct virtqueue_rings {
    struct virtqueue_descriptor descriptor[VIRTQUEUE_SIZE];
    _Atomic uint16_t given_flags; /* ours from here */
    _Atomic uint16_t given_index;
    uint16_t given[VIRTQUEUE_SIZE];
    _Atomic uint16_t used_flags; /* the device's from here */
    _Atomic uint16_t used_index;
    struct virtqueue_used used[VIRTQUEUE_SIZE];
    uint8_t head[VIRTQUEUE_FLIGHTS][VIRTQUEUE_HEAD_BYTES]; /* ours again */
};

enum virtqueue_direction { VIRTQUEUE_SEND, VIRTQUEUE_RECEIVE };

/*
 * Invariants
 *  Q1 bit i of out is set iff buffer i has been given and not come back.
 *  Q2 a buffer that is out is not touched by us; no more are out than there are descriptors, so rings never fill.
 *  Q3 flight i of a queue that has some is a head, of descriptor HEADS + i, and memory that is not
 *     the queue's, of descriptor BODIES + i. It is out by the one of these that comes first.
 */
struct virtqueue {
    struct virtqueue_rings *rings;
    mmio_t *bell;     /* set by the transport */
    uint8_t *buffers; /* n_buffers of buffer_bytes each */
    uint32_t buffer_bytes, n_buffers;
    enum virtqueue_direction direction;
    uint32_t size; /* VIRTQUEUE_SIZE: it has flights; or VIRTQUEUE_BUFFERS */
    uint64_t out;
    uint16_t number; /* the device's for this queue */
    uint16_t given;  /* how many were ever given, modulo 2^16 */
    uint16_t seen;   /* how many were ever taken back */
    bool broken;
};

/* Takes boot memory for rings and buffers. */
void virtqueue_init(struct virtqueue *q, uint16_t number, enum virtqueue_direction direction,
                    uint32_t n_buffers, uint32_t buffer_bytes, uint32_t size);

static inline uint8_t *
virtqueue_buffer(const struct virtqueue *q, uint32_t i)
{
    return q->buffers + (uint64_t)i * q->buffer_bytes;
}

/* A buffer that is not out, or VIRTQUEUE_SIZE when all are. */
static inline uint32_t
virtqueue_free(const struct virtqueue *q)
{
    uint64_t ours = ((1ull << q->n_buffers) - 1) & ~q->out;
    return ours ? (uint32_t)__builtin_ctzll(ours) : VIRTQUEUE_SIZE;
}

/* Gives buffer i, which is not out, to the device: `length` bytes to send, or to be filled. */
void virtqueue_give(struct virtqueue *q, uint32_t i, uint32_t length);
/* A flight that is not out and not in the set `but`, or VIRTQUEUE_FLIGHTS. */
uint32_t virtqueue_flight_free(const struct virtqueue *q, uint32_t but);
/* Is one out? */
bool virtqueue_flies(const struct virtqueue *q);
/* The device was reset: the set of flights that were out, and are out no more. */
uint32_t virtqueue_flights_end(struct virtqueue *q);
static inline uint8_t *
virtqueue_head(const struct virtqueue *q, uint32_t i)
{
    return q->rings->head[i];
}
/* Gives flight i to the device: head_bytes of its head, if any, then n bytes. */
void virtqueue_fly(struct virtqueue *q, uint32_t i, uint32_t head_bytes, const uint8_t *bytes,
                   uint32_t n);
/* Does the device ask to be told of what was given? */
bool virtqueue_wants_bell(struct virtqueue *q);
/* Takes a buffer back, or flight *i - n_buffers: false when none has come, or when the queue is or has just become broken. */
bool virtqueue_take(struct virtqueue *q, uint32_t *i, uint32_t *length);

/* Has a buffer come back that was not taken? */
bool virtqueue_waiting(const struct virtqueue *q);
/* Asks the device for an interrupt when a buffer comes back, or for none. */
void virtqueue_interrupt_on(struct virtqueue *q);
void virtqueue_interrupt_off(struct virtqueue *q);
