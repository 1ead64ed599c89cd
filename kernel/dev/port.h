/* SPDX-License-Identifier: MIT */
/*
 * kernel/dev/port.h - one byte stream to the host and one back: port 1 of a virtio console.
 *
 * Port 1 and not port 0: QEMU drops what port 0 sends while its reader is slow, any other waits.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/channel.h"

enum port_limit { PORT_SEND_BYTES = CHANNEL_PAYLOAD_MAX + CHANNEL_HEAD_BYTES };

/* Boot: finds the device and starts it: false, and the log says why, when there is none. */
bool port_init(const char *command_line);

/*
 * PORT_SEND_BYTES to fill, then to be sent by port_send; the same ones until then. NULL when all
 * buffers are under way, or the device is broken; a device that works then interrupts once some
 * are back.
 */
uint8_t *port_buffer(void);
void port_send(uint32_t bytes);

/*
 * The device has interrupted: hands on what came, in order, at most 32 buffers of 4 KiB. What
 * comes later interrupts again.
 */
void port_interrupt(void (*receive)(const uint8_t *bytes, uint32_t n));

/* There is none, or its device broke the rules; for ever. */
bool port_broken(void);
/* Has all that was sent left? */
bool port_idle(void);
