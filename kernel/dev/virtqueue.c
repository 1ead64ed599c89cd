/* SPDX-License-Identifier: MIT */
/*
 * virtqueue.c - buffers to a virtio device and back (virtqueue.h: invariants, source).
 * Lock        one processor uses a queue at a time: the port's user.
 */
#include "abi/memory.h"
#include "kernel/arch.h"
#include "kernel/dev/virtqueue.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "plant.h"

enum {
    DESCRIPTOR_MORE = 1,
    DESCRIPTOR_DEVICE_WRITES = 2,
    GIVEN_NO_INTERRUPT = 1,
    USED_NO_BELL = 1,
};
enum { BODIES = VIRTQUEUE_SIZE - VIRTQUEUE_FLIGHTS, HEADS = BODIES - VIRTQUEUE_FLIGHTS }; /* Q3 */
_Static_assert(sizeof(struct virtqueue_rings) <= FRAME_BYTES, "one frame");
_Static_assert(sizeof(struct virtqueue_descriptor) == 16, "wire layout");
_Static_assert(sizeof(struct virtqueue_used) == 8, "wire layout");

void
virtqueue_init(struct virtqueue *q, uint16_t number, enum virtqueue_direction direction,
               uint32_t n_buffers, uint32_t buffer_bytes, uint32_t size)
{
    uint64_t bytes = (uint64_t)n_buffers * buffer_bytes;
    assert(n_buffers > 0 && n_buffers <= VIRTQUEUE_BUFFERS); /* Q2 */
    *q = (struct virtqueue){
        .rings = plant_unwatched(frame_boot_alloc(1), 1),
        .buffers = plant_unwatched(frame_boot_alloc((bytes + FRAME_BYTES - 1) >> FRAME_SHIFT),
                                   (bytes + FRAME_BYTES - 1) >> FRAME_SHIFT),
        .buffer_bytes = buffer_bytes,
        .n_buffers = n_buffers,
        .size = size,
        .direction = direction,
        .number = number,
    };
    for (uint32_t i = 0; i < n_buffers; i++)
        q->rings->descriptor[i] = (struct virtqueue_descriptor){
            .address = arch_physical(virtqueue_buffer(q, i)),
            .flags = direction == VIRTQUEUE_RECEIVE ? DESCRIPTOR_DEVICE_WRITES : 0,
        };
}

/* The chain that begins with descriptor i. */
static void
chain_give(struct virtqueue *q, uint32_t i)
{
    assert(i < VIRTQUEUE_SIZE);
    q->out |= 1ull << i;
    q->rings->given[q->given % q->size] = (uint16_t)i;
    q->given++;
    /* pairs with the device's load of the index: the entry is there before it counts */
    atomic_store_explicit(&q->rings->given_index, q->given, memory_order_release);
}

void
virtqueue_give(struct virtqueue *q, uint32_t i, uint32_t length)
{
    assert(i < q->n_buffers && !(q->out >> i & 1)); /* Q1 */
    q->rings->descriptor[i].length = length;
    chain_give(q, i);
}

uint32_t
virtqueue_flight_free(const struct virtqueue *q, uint32_t but)
{
    uint64_t ours = ~(q->out >> HEADS | q->out >> BODIES | but) & ((1u << VIRTQUEUE_FLIGHTS) - 1);

    return ours ? (uint32_t)__builtin_ctzll(ours) : VIRTQUEUE_FLIGHTS;
}

uint32_t
virtqueue_flights_end(struct virtqueue *q)
{
    uint64_t out = (q->out >> HEADS | q->out >> BODIES) & ((1u << VIRTQUEUE_FLIGHTS) - 1);

    q->out &= (1ull << HEADS) - 1;
    return (uint32_t)out;
}

bool
virtqueue_flies(const struct virtqueue *q)
{
    return q->out >> HEADS;
}

void
virtqueue_fly(struct virtqueue *q, uint32_t i, uint32_t head_bytes, const uint8_t *bytes,
              uint32_t n)
{
    struct virtqueue_descriptor *descriptor = q->rings->descriptor;

    assert(q->size == VIRTQUEUE_SIZE && virtqueue_flight_free(q, ~(1u << i)) == i); /* Q3 */
    descriptor[BODIES + i] =
        (struct virtqueue_descriptor){.address = arch_physical(bytes), .length = n};
    descriptor[HEADS + i] =
        (struct virtqueue_descriptor){.address = arch_physical(virtqueue_head(q, i)),
                                      .length = head_bytes,
                                      .flags = DESCRIPTOR_MORE,
                                      .next = (uint16_t)(BODIES + i)};
    chain_give(q, head_bytes ? HEADS + i : BODIES + i);
}

bool
virtqueue_wants_bell(struct virtqueue *q)
{
    /* pairs with the device's: it sets the flag, then looks at the index; we the other way round */
    atomic_thread_fence(memory_order_seq_cst);
    return !(atomic_load_explicit(&q->rings->used_flags, memory_order_relaxed) & USED_NO_BELL);
}

static bool
queue_break(struct virtqueue *q, const char *why)
{
    q->broken = true;
    log_line("virtio: queue %u is given up: the device %s", q->number, why);
    return false;
}

bool
virtqueue_take(struct virtqueue *q, uint32_t *i, uint32_t *length)
{
    if (q->broken)
        return false;
    /* pairs with the device's store of the index: the entry and the bytes are there */
    uint16_t index = atomic_load_explicit(&q->rings->used_index, memory_order_acquire);
    if (index == q->seen)
        return false;
    struct virtqueue_used *used = &q->rings->used[q->seen % q->size];
    uint32_t id = atomic_load_explicit(&used->id, memory_order_relaxed);
    uint32_t n = atomic_load_explicit(&used->length, memory_order_relaxed);
    if (planted(PLANT_DEVICE) && virtqueue_flies(q) &&
        virtqueue_flight_free(q, 0) == VIRTQUEUE_FLIGHTS)
        id = q->size;
    if ((uint16_t)(index - q->seen) > q->size)
        return queue_break(q, "says it used more buffers than there are");
    if (id >= q->size || !(q->out >> id & 1))
        return queue_break(q, "gave back a buffer that it did not have");
    if (q->direction == VIRTQUEUE_RECEIVE && n > q->buffer_bytes)
        return queue_break(q, "says it wrote past a buffer");
    plant_device_acts();
    q->seen++;
    q->out &= ~(1ull << id);
    *i = id < q->n_buffers ? id : q->n_buffers + (id - HEADS) % VIRTQUEUE_FLIGHTS;
    *length = n;
    return true;
}

bool
virtqueue_waiting(const struct virtqueue *q)
{
    return !q->broken &&
           atomic_load_explicit(&q->rings->used_index, memory_order_relaxed) != q->seen;
}

void
virtqueue_interrupt_on(struct virtqueue *q)
{
    atomic_store_explicit(&q->rings->given_flags, 0, memory_order_relaxed);
    /* whoever looks for used buffers now misses none that comes without an interrupt */
    atomic_thread_fence(memory_order_seq_cst);
}

void
virtqueue_interrupt_off(struct virtqueue *q)
{
    atomic_store_explicit(&q->rings->given_flags, GIVEN_NO_INTERRUPT, memory_order_relaxed);
}
