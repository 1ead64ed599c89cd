/* SPDX-License-Identifier: MIT */
/*
 * link.c - the console port as messages (abi/channel.h) in both directions.
 *
 * Invariants  L1 it never blocks: what cannot be written now waits in `out`, which the credit of
 * the other side and the answers to its own messages bound. L2 messages leave whole and in order.
 */
#include "host/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/error.h"

void
link_begin(struct link *l, int fd)
{
    *l = (struct link){.fd = fd, .writable = 1};
    message_decoder_begin(&l->decoder, MESSAGE_FROM_KERNEL);
}

/* Make room for `length` bytes at the end of `out`.  Returns 0, or -E_NOMEM. */
static int
out_grow(struct link *l, size_t length)
{
    if (l->used)
        memmove(l->out, l->out + l->head, l->used);
    l->head = 0;
    if (l->used + length <= l->size)
        return 0;
    size_t size = 2 * (l->used + length);
    uint8_t *out = realloc(l->out, size);
    if (!out)
        return -E_NOMEM;
    l->out = out;
    l->size = size;
    return 0;
}

static void
out_add(struct link *l, const void *bytes, size_t length)
{
    if (l->head + l->used + length > l->size && out_grow(l, length) < 0)
        l->writable = 0; /* a message would be torn: the machine is given up (L2) */
    if (!l->writable)
        return;
    memcpy(l->out + l->head + l->used, bytes, length);
    l->used += length;
}

void
link_send(struct link *l, enum channel_type type, unsigned channel, enum channel_stream stream,
          uint32_t length)
{
    struct channel_head head = message_head_make(type, channel, stream, length);
    out_add(l, &head, sizeof head);
}

void
link_send_data(struct link *l, unsigned channel, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        size_t n = length < CHANNEL_PAYLOAD_MAX ? length : CHANNEL_PAYLOAD_MAX;
        link_send(l, CH_DATA, channel, STREAM_INPUT, (uint32_t)n);
        out_add(l, bytes, n);
        bytes += n;
        length -= n;
    }
}

void
link_flush(struct link *l)
{
    while (l->used > 0 && l->writable) {
        ssize_t n = send(l->fd, l->out + l->head, l->used, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0 && errno != EINTR)
            l->writable = 0; /* the machine has gone: reading says so too */
        if (n > 0) {
            l->head += (size_t)n;
            l->used -= (size_t)n;
        }
    }
    if (!l->writable)
        l->used = 0;
}

int
link_read(struct link *l)
{
    ssize_t n;
    do
        n = read(l->fd, l->in, sizeof l->in);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return -E_AGAIN;
    if (n < 0)
        n = 0; /* ECONNRESET: it went with bytes of ours unread */
    l->at = l->in;
    l->end = l->in + n;
    return (int)n;
}
