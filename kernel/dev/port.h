/* SPDX-License-Identifier: MIT */
/*
 * kernel/dev/port.h - one byte stream to the outside and one back.
 *
 * Beside a host command it is port 1 of a virtio console. Port 1 and not port 0: QEMU drops what
 * port 0 sends while its reader is slow, any other waits. With the word `plain` on the kernel's
 * command line there is no host command: then it is port 0 or 1 of a virtio console, where there
 * is one, else the first serial port.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/channel.h"

enum port_limit { PORT_SEND_BYTES = CHANNEL_PAYLOAD_MAX + CHANNEL_HEAD_BYTES };
enum port_form {
    PORT_MESSAGES, /* the host command is at the other end */
    PORT_PLAIN,    /* bytes as they are */
};

/*
 * Takes what came, in order; returns how many of the n bytes it took. The others are kept, and are
 * offered again at the next port_interrupt before all that came later.
 */
typedef uint32_t port_receive(const uint8_t *bytes, uint32_t n);

/* What a device of the kind does; as the functions below, which ask the one that was found. */
struct port_device {
    uint8_t *(*buffer)(void);
    void (*send)(uint32_t bytes);
    void (*interrupt)(port_receive *receive);
    void (*mask)(void);
    bool (*unmask)(void);
    bool (*broken)(void);
    uint64_t (*left)(void);
    /* NULL: it reads no memory, and what is in flight elsewhere is copied here */
    uint8_t *(*flight)(void);
    uint32_t (*fly)(uint32_t head_bytes, const uint8_t *bytes, uint32_t n);
    uint64_t (*landed)(void);
};

/* Boot: finds the device and starts it, masked: false, and the log says why, when there is none. */
bool port_init(enum port_form form, const char *command_line);

/*
 * PORT_SEND_BYTES to fill, then to be sent by port_send; the same ones until then. NULL when all
 * buffers are under way, or the device is broken; a device that works then interrupts once some
 * are back.
 */
uint8_t *port_buffer(void);
void port_send(uint32_t bytes);

/*
 * CHANNEL_HEAD_BYTES to fill, then to be sent by port_fly, and behind them n bytes of frames that
 * are not the kernel's, which the device reads where they lie: that is a flight, whose number port_fly
 * gives. NULL as port_buffer.
 */
uint8_t *port_flight(void);
uint32_t port_fly(uint32_t head_bytes, const uint8_t *bytes, uint32_t n);
/*
 * The set of 1 << number of flights that are over and were not told of yet: the device is done with
 * their bytes. While there are others it interrupts as they end.
 */
uint64_t port_landed(void);

/*
 * The device has interrupted, or who receives has room again: hands on what came, a bounded
 * number of bytes (virtio: 32 buffers of 4 KiB; serial: SERIAL_FIFO_BYTES). What comes later
 * interrupts again.
 */
void port_interrupt(port_receive *receive);

/* The device is to interrupt no more. */
void port_mask(void);
/* It is to interrupt again; false: something has come meanwhile, and it is masked still. */
bool port_unmask(void);

/* There is none, or its device broke the rules; for ever. */
bool port_broken(void);
/* What was sent and has not left yet, in units of the device; 0: all has. */
uint64_t port_left(void);

/* ---- the kinds: NULL when this machine has none ---- */
const struct port_device *port_virtio_begin(enum port_form form, const char *command_line);
const struct port_device *port_serial_begin(void);
