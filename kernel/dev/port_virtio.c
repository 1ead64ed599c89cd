/* SPDX-License-Identifier: MIT */
/*
 * port_virtio.c - the console port (port.h) on queues of a virtio console: two for each port that
 * it may be, and the two on which device and driver agree which port is there, and is open.
 * Lock        one processor is in here at a time.
 * Source      virtio 1.1, 5.3.
 */
#include "kernel/arch.h"
#include "kernel/dev/port.h"
#include "kernel/dev/virtio.h"
#include "kernel/log.h"
#include "lib/string.h"
#include "plant.h"

enum {
    CONSOLE_MULTIPORT = 1 << 1, /* a feature */
    PORT_NUMBER = 1,            /* beside a host command */
    PORTS = 2,
    QUEUE_CONTROL_RECEIVE = 2,
    QUEUE_CONTROL_SEND = 3,
    RECEIVE_BUFFERS = VIRTQUEUE_BUFFERS,
    RECEIVE_BYTES = 4096,
    SEND_BUFFERS = VIRTQUEUE_BUFFERS, /* more than a stream has credit for */
    CONTROL_BUFFERS = 8,
    CONTROL_BYTES = 64,
    RESET_LOOKS = 20, /* at a device that broke the rules: each may take a microsecond */
    /* From the start to the device's word on its ports: 1 s, in looks, for a host may stand still. */
    NAMED_LOOKS = 20 * 1000,
    NAMED_LOOK_NS = 50 * 1000,
};

_Static_assert((int)VIRTQUEUE_FLIGHTS == (int)CHANNEL_FLIGHTS_MAX &&
                   (int)VIRTQUEUE_HEAD_BYTES == (int)CHANNEL_HEAD_BYTES,
               "kernel/flight.h");

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

/* One port that may be ours. A receive buffer that was not taken whole is kept. */
struct lane {
    struct virtqueue receive, send;
    uint32_t kept, kept_bytes, kept_from; /* the buffer, its bytes, the first not taken */
    bool keeps;
};

static struct {
    struct virtio device;
    struct virtqueue control_receive, control_send;
    struct lane lane[PORTS];
    struct lane *our; /* its queues are there */
    bool controlled;  /* it has ports besides port 0 */
    bool reset;       /* it broke the rules */
    bool open;        /* the device has named our port, and we have opened it */
    bool masked;      /* nothing of it is to interrupt */
    uint32_t landed;  /* set of 1 << flight: back, and nobody was told */
} port;

static void
control_send(enum control_event event, uint32_t number)
{
    struct virtqueue *q = &port.control_send;
    struct control message = {.port = number, .event = (uint16_t)event, .value = 1};
    uint32_t i = virtqueue_free(q);

    assert(i < VIRTQUEUE_SIZE); /* three are sent in all: DEVICE_READY, and two for port.open */
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

/* Virtio 1.1, 5.3.2: port 0 has queues 0 and 1, port n 2n + 2 and 2n + 3. */
static bool
lane_start(uint32_t number)
{
    struct lane *l = &port.lane[number];
    uint16_t first = (uint16_t)(number ? 2 * number + 2 : 0);

    virtqueue_init(&l->receive, first, VIRTQUEUE_RECEIVE, RECEIVE_BUFFERS, RECEIVE_BYTES,
                   VIRTQUEUE_BUFFERS);
    virtqueue_init(&l->send, first + 1, VIRTQUEUE_SEND, SEND_BUFFERS, PORT_SEND_BYTES,
                   VIRTQUEUE_SIZE);
    virtqueue_interrupt_off(&l->send);
    return virtio_queue_start(&port.device, &l->receive) &&
           virtio_queue_start(&port.device, &l->send);
}

static bool
control_start(void)
{
    virtqueue_init(&port.control_receive, QUEUE_CONTROL_RECEIVE, VIRTQUEUE_RECEIVE, CONTROL_BUFFERS,
                   CONTROL_BYTES, VIRTQUEUE_BUFFERS);
    virtqueue_init(&port.control_send, QUEUE_CONTROL_SEND, VIRTQUEUE_SEND, CONTROL_BUFFERS,
                   CONTROL_BYTES, VIRTQUEUE_BUFFERS);
    virtqueue_interrupt_off(&port.control_send);
    return virtio_queue_start(&port.device, &port.control_receive) &&
           virtio_queue_start(&port.device, &port.control_send);
}

static bool
queues_start(enum port_form form)
{
    if (port.controlled && !control_start())
        return false;
    if (form == PORT_MESSAGES)
        return lane_start(PORT_NUMBER);
    if (port.controlled && !lane_start(1))
        port.lane[1] = (struct lane){0}; /* the device has room for port 0 alone */
    return lane_start(0);
}

/* Takes back what has been sent. */
static void
send_reap(void)
{
    uint32_t i, n;
    for (uint32_t k = 0; k < VIRTQUEUE_SIZE && virtqueue_take(&port.our->send, &i, &n); k++)
        if (i >= SEND_BUFFERS)
            port.landed |= 1u << (i - SEND_BUFFERS);
}

/* It need not interrupt for what was sent, but where somebody waits for that. */
static void
send_calm(void)
{
    struct virtqueue *q = &port.our->send;

    if (virtqueue_free(q) < VIRTQUEUE_SIZE && !virtqueue_flies(q) && !port.landed)
        virtqueue_interrupt_off(q);
}

/* Somebody may wait for what was sent: unmask asks again. Before the look: none comes back unseen. */
static void
send_ask(void)
{
    if (!port.masked)
        virtqueue_interrupt_on(&port.our->send);
}

static bool
virtio_broken(void)
{
    return port.our->send.broken || port.our->receive.broken;
}

static uint8_t *
virtio_buffer(void)
{
    struct virtqueue *q = &port.our->send;

    if (virtio_broken())
        return NULL;
    uint32_t i = virtqueue_free(q);
    if (i == VIRTQUEUE_SIZE) {
        send_ask();
        send_reap();
        i = virtqueue_free(q);
        if (i == VIRTQUEUE_SIZE)
            return NULL;
        send_calm();
    }
    return virtqueue_buffer(q, i);
}

static void
virtio_send(uint32_t bytes)
{
    struct virtqueue *q = &port.our->send;
    uint32_t i = virtqueue_free(q);
    assert(i < VIRTQUEUE_SIZE && bytes <= PORT_SEND_BYTES); /* virtio_buffer gave it */
    virtqueue_give(q, i, bytes);
    virtio_ring(&port.device, q);
}

static uint8_t *
virtio_flight(void)
{
    const struct virtqueue *q = &port.our->send;
    uint32_t i = virtqueue_flight_free(q, port.landed);

    return virtio_broken() || i == VIRTQUEUE_FLIGHTS ? NULL : virtqueue_head(q, i);
}

static uint32_t
virtio_fly(uint32_t head_bytes, const uint8_t *bytes, uint32_t n)
{
    struct virtqueue *q = &port.our->send;
    uint32_t i = virtqueue_flight_free(q, port.landed);

    virtqueue_fly(q, i, head_bytes, bytes, n);
    virtio_ring(&port.device, q);
    return i;
}

/* What broke the rules is reset, once, and has no frames any more. */
static void
flights_end(void)
{
    struct virtqueue *q = &port.our->send;

    if (port.reset || !virtio_broken() || !virtqueue_flies(q))
        return;
    port.reset = true;
    if (virtio_reset(&port.device, RESET_LOOKS))
        port.landed |= virtqueue_flights_end(q);
}

static uint64_t
virtio_landed(void)
{
    uint64_t landed;

    send_reap();
    if (virtqueue_flies(&port.our->send)) {
        send_ask();
        send_reap();
        flights_end();
    }
    landed = port.landed;
    if (landed)
        plant_device_acts();
    port.landed = 0;
    return landed;
}

/* The first port that is named and whose queues we have is ours. */
static void
control_take(const struct control *message)
{
    if (port.open || message->event != CONTROL_PORT_ADD)
        return;
    if (message->port >= PORTS || !port.lane[message->port].receive.n_buffers) {
        log_line("port: the machine has port %u; port %u is what is needed", message->port,
                 (uint32_t)PORT_NUMBER);
        return;
    }
    port.our = &port.lane[message->port];
    port.open = true;
    control_send(CONTROL_PORT_READY, message->port);
    control_send(CONTROL_PORT_OPEN, message->port);
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

/* Offers what is kept: true, and the device has its buffer back, when all of it was taken. */
static bool
lane_offer(struct lane *l, port_receive *receive)
{
    l->kept_from += receive(virtqueue_buffer(&l->receive, l->kept) + l->kept_from,
                            l->kept_bytes - l->kept_from);
    l->keeps = l->kept_from < l->kept_bytes;
    if (!l->keeps)
        virtqueue_give(&l->receive, l->kept, RECEIVE_BYTES);
    return !l->keeps;
}

/* How many buffers the device has back. */
static uint32_t
lane_receive(struct lane *l, port_receive *receive)
{
    uint32_t given = 0;

    if (l->keeps) {
        if (!lane_offer(l, receive))
            return 0;
        given++;
    }
    while (given < RECEIVE_BUFFERS && virtqueue_take(&l->receive, &l->kept, &l->kept_bytes)) {
        l->kept_from = 0;
        if (!lane_offer(l, receive))
            break;
        given++;
    }
    return given;
}

static void
virtio_interrupt(port_receive *receive)
{
    struct lane *l = port.our;

    port.device.via->interrupt_taken(&port.device); /* first: what comes from here on rings again */
    if (port.controlled)
        control_interrupt();
    if (lane_receive(l, receive))
        virtio_ring(&port.device, &l->receive);
    send_reap();
    send_calm();
}

static void
virtio_mask(void)
{
    port.masked = true;
    if (port.controlled)
        virtqueue_interrupt_off(&port.control_receive);
    virtqueue_interrupt_off(&port.our->receive);
    virtqueue_interrupt_off(&port.our->send);
}

/* What is kept waits for room: whoever makes that looks again. */
static bool
virtio_unmask(void)
{
    struct virtqueue *q = &port.our->receive, *send = &port.our->send;
    bool awaited = virtqueue_free(send) == VIRTQUEUE_SIZE || virtqueue_flies(send);

    port.masked = false;
    if (port.controlled)
        virtqueue_interrupt_on(&port.control_receive);
    virtqueue_interrupt_on(q);
    if (awaited)
        virtqueue_interrupt_on(send);
    if ((port.our->keeps || !virtqueue_waiting(q)) && !port.landed &&
        !(awaited && virtqueue_waiting(send)) &&
        !(port.controlled && virtqueue_waiting(&port.control_receive)))
        return true;
    virtio_mask();
    return false;
}

static uint64_t
virtio_left(void)
{
    if (virtio_broken())
        return 0;
    send_reap();
    return port.our->send.out;
}

static const struct port_device port_virtio = {
    .buffer = virtio_buffer,
    .send = virtio_send,
    .interrupt = virtio_interrupt,
    .mask = virtio_mask,
    .unmask = virtio_unmask,
    .broken = virtio_broken,
    .left = virtio_left,
    .flight = virtio_flight,
    .fly = virtio_fly,
    .landed = virtio_landed,
};

static bool
virtio_begin(enum port_form form, const char *command_line)
{
    uint64_t agreed;

    if (!virtio_find(&port.device, VIRTIO_CONSOLE, command_line)) {
        log_line("port: this machine has no virtio console");
        return false;
    }
    if (!virtio_features(&port.device, CONSOLE_MULTIPORT, &agreed))
        return false;
    port.controlled = agreed & CONSOLE_MULTIPORT;
    if (!port.controlled && form == PORT_MESSAGES) {
        log_line("port: the virtio console has no port beside port 0, which would lose bytes");
        return false;
    }
    return queues_start(form);
}

/* A plain port is ours once the device has named it; a console may have none: false. */
static bool
port_named(void)
{
    for (uint32_t look = 0; look < NAMED_LOOKS && !port.open; look++) {
        for (uint64_t end = clock_now() + NAMED_LOOK_NS; clock_now() < end;)
            arch_pause();
        control_interrupt();
    }
    if (!port.open)
        log_line("port: the virtio console has no port 0 or 1");
    return port.open;
}

const struct port_device *
port_virtio_begin(enum port_form form, const char *command_line)
{
    if (!virtio_begin(form, command_line))
        return NULL;
    virtio_start(&port.device);
    port.our = &port.lane[form == PORT_MESSAGES ? PORT_NUMBER : 0];
    for (uint32_t i = 0; i < PORTS; i++)
        if (port.lane[i].receive.n_buffers)
            give_all(&port.lane[i].receive);
    if (port.controlled) {
        give_all(&port.control_receive);
        control_send(CONTROL_DEVICE_READY, 0);
    }
    if (form == PORT_PLAIN && port.controlled && !port_named())
        return NULL;
    return &port_virtio;
}
