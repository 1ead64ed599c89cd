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

/* On the socket fd, which is closed by nobody here. Nothing is read or sent yet. */
void link_begin(struct link *l, int fd);
/* A message without payload. */
void link_send(struct link *l, enum channel_type type, unsigned channel, enum channel_stream stream,
               uint32_t length);
/* Bytes for STREAM_INPUT of a channel, within its credit. */
void link_send_data(struct link *l, unsigned channel, const uint8_t *bytes, size_t length);
/* Write what can be written now. */
void link_flush(struct link *l);
/*
 * Read what is there, to be decoded from l->at to l->end; called when all before has been.
 * Returns the number of bytes; 0: the machine has gone; -E_AGAIN: nothing now.
 */
int link_read(struct link *l);
