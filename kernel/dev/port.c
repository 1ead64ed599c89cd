/* SPDX-License-Identifier: MIT */
/* port.c - which device is the port (port.h). */
#include "kernel/dev/port.h"
#include <stddef.h>
#include "kernel/arch.h"
#include "plant.h"

static const struct port_device *device;
static uint64_t copied; /* flight 0, where the device has none */

bool
port_init(enum port_form form, const char *command_line)
{
    device = port_virtio_begin(form, command_line);
    if (!device && form == PORT_PLAIN)
        device = port_serial_begin();
    port_mask();
    return device;
}

uint8_t *
port_buffer(void)
{
    return device ? device->buffer() : NULL;
}

void
port_send(uint32_t bytes)
{
    device->send(bytes); /* port_buffer gave one */
}

uint8_t *
port_flight(void)
{
    return device && device->flight ? device->flight() : port_buffer();
}

uint32_t
port_fly(uint32_t head_bytes, const uint8_t *bytes, uint32_t n)
{
    if (device->fly)
        return device->fly(head_bytes, bytes, n);
    arch_copy(device->buffer() + head_bytes, bytes, n); /* the one that port_flight gave */
    device->send(head_bytes + n);
    copied = 1;
    return 0;
}

uint64_t
port_landed(void)
{
    uint64_t landed = copied;

    if (device && device->landed)
        return device->landed();
    copied = 0;
    return landed;
}

void
port_interrupt(port_receive *receive)
{
    if (device)
        device->interrupt(receive);
}

void
port_mask(void)
{
    if (device && !planted(PLANT_MASK))
        device->mask();
}

bool
port_unmask(void)
{
    return !device || device->unmask();
}

bool
port_broken(void)
{
    return !device || device->broken();
}

uint64_t
port_left(void)
{
    return device ? device->left() : 0;
}
