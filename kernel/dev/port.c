/* SPDX-License-Identifier: MIT */
/* port.c - which device is the port (port.h). */
#include "kernel/dev/port.h"
#include <stddef.h>

static const struct port_device *device;

bool
port_init(enum port_form form, const char *command_line)
{
    device = port_virtio_begin(form, command_line);
    if (!device && form == PORT_PLAIN)
        device = port_serial_begin();
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

void
port_interrupt(port_receive *receive)
{
    if (device)
        device->interrupt(receive);
}

void
port_mask(void)
{
    if (device)
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
