/* SPDX-License-Identifier: MIT */
/*
 * port.c - the console port (port.h) on four queues of a virtio console: the port's two, and the
 * two on which device and driver agree that the port is open.
 * Lock        one processor is in here at a time.
 * Source      virtio 1.1, 5.3.
 */
#include "kernel/dev/port.h"
#include "kernel/dev/virtio.h"
#include "kernel/log.h"
#include "lib/string.h"

enum {
    CONSOLE_MULTIPORT = 1 << 1, /* a feature */
    PORT_NUMBER = 1,
    QUEUE_CONTROL_RECEIVE = 2,
    QUEUE_CONTROL_SEND = 3,
    QUEUE_RECEIVE = 4,
    QUEUE_SEND = 5,
    RECEIVE_BUFFERS = VIRTQUEUE_SIZE,
    RECEIVE_BYTES = 4096,
    SEND_BUFFERS = VIRTQUEUE_SIZE,
    CONTROL_BUFFERS = 8,
    CONTROL_BYTES = 64,
};

enum control_event {
    CONTROL_DEVICE_READY = 0,
    CONTROL_PORT_ADD = 1,
    CONTROL_PORT_READY = 3,
    CONTROL_PORT_OPEN = 6,
};

struct control {
    uint32_t port;
    uint16_t event, value;
};
_Static_assert(sizeof(struct control) == 8, "wire layout");

static struct port {
    struct virtio device;
    struct virtqueue receive, send, control_receive, control_send;
    bool works; /* the queues are there */
    bool open;  /* the device has named the port, and we have opened it */
} port;

static void
control_send(enum control_event event, uint32_t number)
{
    struct virtqueue *q = &port.control_send;
    struct control message = {.port = number, .event = (uint16_t)event, .value = 1};
    uint32_t i = virtqueue_free(q);

    assert(i < VIRTQUEUE_SIZE); /* three are sent in all: DEVICE_READY, and two by port.open */
    memcpy(virtqueue_buffer(q, i), &message, sizeof(message));
    virtqueue_give(q, i, sizeof(message));
    virtio_ring(&port.device, q);
}

static void
give_all(struct virtqueue *q)
{
    for (uint32_t i = 0; i < q->n_buffers; i++)
        virtqueue_give(q, i, q->buffer_bytes);
    virtio_ring(&port.device, q);
}

static bool
queues_start(void)
{
    virtqueue_init(&port.control_receive, QUEUE_CONTROL_RECEIVE, VIRTQUEUE_RECEIVE, CONTROL_BUFFERS,
                   CONTROL_BYTES);
    virtqueue_init(&port.control_send, QUEUE_CONTROL_SEND, VIRTQUEUE_SEND, CONTROL_BUFFERS,
                   CONTROL_BYTES);
    virtqueue_init(&port.receive, QUEUE_RECEIVE, VIRTQUEUE_RECEIVE, RECEIVE_BUFFERS, RECEIVE_BYTES);
    virtqueue_init(&port.send, QUEUE_SEND, VIRTQUEUE_SEND, SEND_BUFFERS, PORT_SEND_BYTES);
    virtqueue_interrupt_off(&port.control_send);
    virtqueue_interrupt_off(&port.send);
    return virtio_queue_start(&port.device, &port.control_receive) &&
           virtio_queue_start(&port.device, &port.control_send) &&
           virtio_queue_start(&port.device, &port.receive) &&
           virtio_queue_start(&port.device, &port.send);
}

bool
port_init(const char *command_line)
{
    uint64_t agreed;

    if (!virtio_find(&port.device, VIRTIO_CONSOLE, command_line)) {
        log_line("port: this machine has no virtio console");
        return false;
    }
    if (!virtio_features(&port.device, CONSOLE_MULTIPORT, &agreed))
        return false;
    if (!(agreed & CONSOLE_MULTIPORT)) {
        log_line("port: the virtio console has no port beside port 0, which would lose bytes");
        return false;
    }
    if (!queues_start())
        return false;
    port.works = true;
    virtio_start(&port.device);
    give_all(&port.control_receive);
    give_all(&port.receive);
    control_send(CONTROL_DEVICE_READY, 0);
    return true;
}

/* Takes back what has been sent. */
static void
send_reap(void)
{
    uint32_t i, n;
    for (uint32_t k = 0; k < SEND_BUFFERS && virtqueue_take(&port.send, &i, &n); k++)
        ;
}

uint8_t *
port_buffer(void)
{
    if (port_broken())
        return NULL;
    uint32_t i = virtqueue_free(&port.send);
    if (i == VIRTQUEUE_SIZE) {
        virtqueue_interrupt_on(&port.send); /* before the look: none comes back unseen */
        send_reap();
        i = virtqueue_free(&port.send);
        if (i == VIRTQUEUE_SIZE)
            return NULL;
        virtqueue_interrupt_off(&port.send);
    }
    return virtqueue_buffer(&port.send, i);
}

void
port_send(uint32_t bytes)
{
    uint32_t i = virtqueue_free(&port.send);
    assert(i < VIRTQUEUE_SIZE && bytes <= PORT_SEND_BYTES); /* port_buffer gave it */
    virtqueue_give(&port.send, i, bytes);
    virtio_ring(&port.device, &port.send);
}

static void
control_take(const struct control *message)
{
    if (port.open || message->event != CONTROL_PORT_ADD)
        return;
    if (message->port != PORT_NUMBER) {
        log_line("port: the machine has port %u; port %u is what is needed", message->port,
                 (uint32_t)PORT_NUMBER);
        return;
    }
    port.open = true;
    control_send(CONTROL_PORT_READY, PORT_NUMBER);
    control_send(CONTROL_PORT_OPEN, PORT_NUMBER);
}

static void
control_interrupt(void)
{
    struct virtqueue *q = &port.control_receive;
    uint32_t i, n, taken = 0;

    for (; taken < CONTROL_BUFFERS && virtqueue_take(q, &i, &n); taken++) {
        struct control message;
        memcpy(&message, virtqueue_buffer(q, i), sizeof(message));
        if (n >= sizeof(message))
            control_take(&message);
        virtqueue_give(q, i, CONTROL_BYTES);
    }
    if (taken)
        virtio_ring(&port.device, q);
}

void
port_interrupt(void (*receive)(const uint8_t *bytes, uint32_t n))
{
    struct virtqueue *q = &port.receive;
    uint32_t i, n, taken = 0;

    if (!port.works)
        return;
    port.device.via->interrupt_taken(&port.device); /* first: what comes from here on rings again */
    control_interrupt();
    for (; taken < RECEIVE_BUFFERS && virtqueue_take(q, &i, &n); taken++) {
        receive(virtqueue_buffer(q, i), n);
        virtqueue_give(q, i, RECEIVE_BYTES);
    }
    if (taken)
        virtio_ring(&port.device, q);
    send_reap();
    if (virtqueue_free(&port.send) < VIRTQUEUE_SIZE)
        virtqueue_interrupt_off(&port.send);
}

bool
port_broken(void)
{
    return !port.works || port.send.broken || port.receive.broken;
}

bool
port_idle(void)
{
    if (port_broken())
        return true;
    send_reap();
    return !port.send.out;
}
