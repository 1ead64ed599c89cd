/* SPDX-License-Identifier: MIT */
/*
 * port_serial.c - the first serial port as the console port, for machines without virtio.
 *
 * Each interrupt moves at most what the port itself holds, so no path grows with what is written;
 * who writes more waits for room, and what nobody takes stays in the port, which then lets the
 * other side wait.
 * Invariants  S1 put - sent <= RING_BYTES: bytes under way; port_buffer gives one only where a
 *                whole buffer fits behind them.
 *             S2 the port interrupts to send iff put != sent, and to receive iff nothing is kept;
 *                neither while it is masked.
 */
#include "abi/memory.h"
#include "kernel/arch.h"
#include "kernel/dev/port.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "lib/string.h"

enum { RING_BYTES = 32 << 10 };
_Static_assert((int)RING_BYTES >= (int)PORT_SEND_BYTES, "S1");

static struct {
    uint8_t *ring;    /* RING_BYTES */
    uint8_t *staging; /* PORT_SEND_BYTES, being filled */
    uint64_t put, sent;
    uint8_t kept[SERIAL_FIFO_BYTES]; /* came, and was not taken */
    uint32_t n_kept;
    bool masked;
} serial;

static void
serial_want(void)
{
    uint32_t want = serial.n_kept ? 0 : SERIAL_WANT_RECEIVE;

    if (serial.masked)
        arch_serial_want(0);
    else
        arch_serial_want(want | (serial.put != serial.sent ? SERIAL_WANT_SEND : 0)); /* S2 */
}

/* As much as the port has room for; what lies in one piece of the ring. */
static void
serial_push(void)
{
    uint64_t at = serial.sent % RING_BYTES, n = serial.put - serial.sent;

    if (n > RING_BYTES - at)
        n = RING_BYTES - at;
    if (n)
        serial.sent += arch_serial_send(serial.ring + at, (uint32_t)n);
}

/* Who finds no room makes some: nobody else may, while it is masked. */
static uint8_t *
serial_buffer(void)
{
    if (RING_BYTES - (serial.put - serial.sent) < PORT_SEND_BYTES)
        serial_push();
    return RING_BYTES - (serial.put - serial.sent) >= PORT_SEND_BYTES ? serial.staging : NULL;
}

static void
serial_send(uint32_t bytes)
{
    uint64_t at = serial.put % RING_BYTES;
    uint64_t first = bytes < RING_BYTES - at ? bytes : RING_BYTES - at;

    assert(bytes <= RING_BYTES - (serial.put - serial.sent)); /* S1 */
    arch_copy(serial.ring + at, serial.staging, first);
    arch_copy(serial.ring, serial.staging + first, bytes - first);
    serial.put += bytes;
    serial_want(); /* it interrupts at once where it has room */
}

static void
serial_interrupt(port_receive *receive)
{
    uint32_t taken;

    if (!serial.n_kept)
        serial.n_kept = arch_serial_receive(serial.kept);
    taken = serial.n_kept ? receive(serial.kept, serial.n_kept) : 0;
    serial.n_kept -= taken;
    memmove(serial.kept, serial.kept + taken, serial.n_kept);
    serial_push();
    serial_want();
}

static void
serial_mask(void)
{
    serial.masked = true;
    serial_want();
}

static bool
serial_unmask(void)
{
    serial.masked = false;
    serial_want();
    return true;
}

static bool
serial_broken(void)
{
    return false;
}

static uint64_t
serial_left(void)
{
    serial_push(); /* at the machine's end nobody interrupts */
    return serial.put - serial.sent + !arch_serial_sent();
}

static const struct port_device port_serial = {
    .buffer = serial_buffer,
    .send = serial_send,
    .interrupt = serial_interrupt,
    .mask = serial_mask,
    .unmask = serial_unmask,
    .broken = serial_broken,
    .left = serial_left,
};

const struct port_device *
port_serial_begin(void)
{
    if (!arch_serial_begin(IRQ_CONSOLE)) {
        log_line("port: this machine has no serial port");
        return NULL;
    }
    serial.ring = frame_boot_alloc(RING_BYTES / FRAME_BYTES);
    serial.staging = frame_boot_alloc((PORT_SEND_BYTES + FRAME_BYTES - 1) / FRAME_BYTES);
    serial_want();
    return &port_serial;
}
