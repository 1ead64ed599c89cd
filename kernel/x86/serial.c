/* SPDX-License-Identifier: MIT */
/*
 * serial.c - the first serial port: polled for last words, by interrupt as a console.
 * Nothing here waits for the port but arch_serial_write, and that is bounded a byte.
 * Source: National Semiconductor PC16550D.
 */
#include "kernel/arch.h"
#include "kernel/x86/cpu.h"

enum serial_register {
    SERIAL_DATA = 0x3f8, /* and the divisor, low */
    SERIAL_INTERRUPTS,   /* and the divisor, high */
    SERIAL_FIFO,         /* when written */
    SERIAL_LINE,
    SERIAL_MODEM,
    SERIAL_LINE_STATE,
    SERIAL_SCRATCH = 0x3ff,
};

enum {
    SERIAL_IRQ_LINE = 4,
    SERIAL_SCRATCH_TEST = 0xae,
    SERIAL_DIVISOR_ACCESS = 0x80,
    SERIAL_8N1 = 0x03,
    SERIAL_FIFO_CLEAR = 0x07,
    SERIAL_MODEM_ON = 0x03,   /* data terminal ready, request to send */
    SERIAL_MODEM_LINE = 0x08, /* its interrupts reach the controller */
    SERIAL_MODEM_SEND = 0x02, /* the other side may send */
    SERIAL_CAME = 0x01,
    SERIAL_ROOM = 0x20, /* the whole buffer is empty */
    SERIAL_SENT = 0x40,
    /*
     * An emulator holds bytes back until its reader takes some, and one that is asked all the time
     * has no time for that: between two looks cycles pass. After 10 s, at 3 GHz, nobody takes them.
     */
    SERIAL_LOOK_CYCLES = 100 * 1000,
    SERIAL_LOOKS_MAX = 300 * 1000,
};

enum serial_state { SERIAL_UNKNOWN, SERIAL_PRESENT, SERIAL_ABSENT };

static enum serial_state state;

static void
serial_start(void)
{
    port_out8(SERIAL_SCRATCH, SERIAL_SCRATCH_TEST);
    if (port_in8(SERIAL_SCRATCH) != SERIAL_SCRATCH_TEST) {
        state = SERIAL_ABSENT;
        return;
    }
    port_out8(SERIAL_INTERRUPTS, 0);
    port_out8(SERIAL_LINE, SERIAL_DIVISOR_ACCESS);
    port_out8(SERIAL_DATA, 1); /* 115,200 baud */
    port_out8(SERIAL_INTERRUPTS, 0);
    port_out8(SERIAL_LINE, SERIAL_8N1);
    port_out8(SERIAL_FIFO, SERIAL_FIFO_CLEAR);
    port_out8(SERIAL_MODEM, SERIAL_MODEM_ON);
    state = SERIAL_PRESENT;
}

static bool
serial_present(void)
{
    if (state == SERIAL_UNKNOWN)
        serial_start();
    return state == SERIAL_PRESENT;
}

static bool
serial_room(void)
{
    for (uint32_t look = 0; look < SERIAL_LOOKS_MAX; look++) {
        if (port_in8(SERIAL_LINE_STATE) & SERIAL_ROOM)
            return true;
        for (uint64_t begin = arch_counter(); arch_counter() - begin < SERIAL_LOOK_CYCLES;)
            arch_pause();
    }
    return false;
}

void
arch_serial_write(const char *text, size_t n)
{
    for (size_t i = 0; i < n && serial_present(); i++)
        if (serial_room())
            port_out8(SERIAL_DATA, (uint8_t)text[i]);
        else
            state = SERIAL_ABSENT;
}

bool
arch_serial_begin(enum irq_vector vector)
{
    if (!serial_present())
        return false;
    arch_irq_route(SERIAL_IRQ_LINE, vector);
    port_out8(SERIAL_MODEM, SERIAL_MODEM_ON | SERIAL_MODEM_LINE);
    return true;
}

uint32_t
arch_serial_send(const uint8_t *bytes, uint32_t n)
{
    if (!(port_in8(SERIAL_LINE_STATE) & SERIAL_ROOM))
        return 0;
    if (n > SERIAL_FIFO_BYTES)
        n = SERIAL_FIFO_BYTES;
    for (uint32_t i = 0; i < n; i++)
        port_out8(SERIAL_DATA, bytes[i]);
    return n;
}

uint32_t
arch_serial_receive(uint8_t to[SERIAL_FIFO_BYTES])
{
    uint32_t n = 0;

    while (n < SERIAL_FIFO_BYTES && port_in8(SERIAL_LINE_STATE) & SERIAL_CAME)
        to[n++] = port_in8(SERIAL_DATA);
    return n;
}

/*
 * The line counts edges: with all off it falls, and rises again if there is something to do. Who
 * receives nothing lets the other side wait.
 */
void
arch_serial_want(uint32_t want)
{
    uint8_t modem = SERIAL_MODEM_ON | SERIAL_MODEM_LINE;

    if (!(want & SERIAL_WANT_RECEIVE))
        modem &= (uint8_t)~SERIAL_MODEM_SEND;
    port_out8(SERIAL_INTERRUPTS, 0);
    port_out8(SERIAL_MODEM, modem);
    port_out8(SERIAL_INTERRUPTS, (uint8_t)want);
}

bool
arch_serial_sent(void)
{
    return port_in8(SERIAL_LINE_STATE) & SERIAL_SENT;
}
