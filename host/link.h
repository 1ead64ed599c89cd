/* SPDX-License-Identifier: MIT */
/* link.h - the console port as messages in both directions: see link.c. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/message.h"

enum { LINK_READ_BYTES = 64 << 10 };

struct link {
    int fd;
    int writable; /* the machine still reads: else what is sent is dropped */
    uint8_t *out; /* bytes to send: out[head .. head + used) */
    size_t head, used, size;
    struct message_decoder decoder;
    uint8_t in[LINK_READ_BYTES];
    const uint8_t *at, *end; /* bytes read and not yet decoded */
};

void link_begin(struct link *l, int fd);
void link_send(struct link *l, enum channel_type type, unsigned channel, enum channel_stream stream,
               uint32_t length);
void link_send_data(struct link *l, unsigned channel, const uint8_t *bytes, size_t length);
void link_flush(struct link *l);
int link_read(struct link *l);
