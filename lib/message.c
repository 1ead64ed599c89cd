/* SPDX-License-Identifier: MIT */
/*
 * message.c - the codec of the console port (abi/channel.h), whose sender is hostile.
 *
 * Invariants  D1 nothing of a message is handed out before its head is checked.
 *             D2 an error stays: the stream has lost its messages, and no byte behind is believed.
 */
#include "abi/error.h"
#include "lib/message.h"
#include "lib/string.h"

void
message_decoder_begin(struct message_decoder *d, enum message_side from)
{
    memset(d, 0, sizeof *d);
    d->from = from;
}

bool
message_decoder_between(const struct message_decoder *d)
{
    return !d->error && !d->n_partial && !d->left;
}

static bool
has_payload(uint8_t type)
{
    return type == CH_DATA || type == CH_LOG;
}

/*
 * NULL when stream and side fit: data and its end come from the writer, the rest from the reader.
 */
static const char *
stream_fault(const struct channel_head *h, enum message_side from)
{
    if (h->stream >= STREAM_COUNT)
        return "there is no such stream";
    bool by_writer = h->type == CH_DATA || h->type == CH_EOF;
    enum message_side writer = h->stream == STREAM_INPUT ? MESSAGE_FROM_HOST : MESSAGE_FROM_KERNEL;
    return by_writer == (from == writer) ? NULL : "the stream runs the other way";
}

static const char *
length_fault(const struct channel_head *h, uint32_t min, uint32_t max)
{
    return h->length >= min && h->length <= max ? NULL : "the length is out of its range";
}

static const char *
stream_head_fault(const struct channel_head *h, enum message_side from, uint32_t min, uint32_t max)
{
    const char *why = stream_fault(h, from);
    return why ? why : length_fault(h, min, max);
}

/* A type that only one side sends, and that names no stream. */
static const char *
sided_head_fault(const struct channel_head *h, enum message_side from, enum message_side sender,
                 uint32_t min, uint32_t max)
{
    if (from != sender)
        return "this side may not send a message of this type";
    return h->stream ? "the stream is not 0" : length_fault(h, min, max);
}

enum { STATUS_MAX = 255, SIGNAL_MAX = 62, ERROR_MAX = 4095 };

static const char *
head_fault(const struct channel_head *h, enum message_side from)
{
    if (h->channel >= CHANNEL_MAX)
        return "there is no such channel";
    if ((h->type == CH_HELLO || h->type == CH_LOG) && h->channel)
        return "the channel is not 0";
    switch (h->type) {
    case CH_HELLO:
        return sided_head_fault(h, from, MESSAGE_FROM_KERNEL, 0, UINT32_MAX);
    case CH_DATA:
        return stream_head_fault(h, from, 1, CHANNEL_PAYLOAD_MAX);
    case CH_CREDIT:
        return stream_head_fault(h, from, 1, UINT32_MAX);
    case CH_EOF:
        return stream_head_fault(h, from, 0, 0);
    case CH_CLOSED:
        return stream_head_fault(h, from, 1, ERROR_MAX);
    case CH_STATUS:
        return sided_head_fault(h, from, MESSAGE_FROM_KERNEL, 0, STATUS_MAX);
    case CH_SIGNAL:
        return sided_head_fault(h, from, MESSAGE_FROM_HOST, 1, SIGNAL_MAX);
    case CH_LOG:
        return sided_head_fault(h, from, MESSAGE_FROM_KERNEL, 1, CHANNEL_PAYLOAD_MAX);
    default:
        return "a message of an unknown type";
    }
}

int
message_head_check(const struct channel_head *head, enum message_side from, const char **why)
{
    *why = head_fault(head, from);
    return *why ? -E_INVAL : 0;
}

struct channel_head
message_head_make(enum channel_type type, uint32_t channel, enum channel_stream stream,
                  uint32_t length)
{
    return (struct channel_head){
        .type = (uint8_t)type,
        .stream = (uint8_t)stream,
        .channel = (uint16_t)channel,
        .length = length,
    };
}

/* NULL when the head fits what came before it: C2, C4, and the greeting. */
static const char *
order_fault(const struct message_decoder *d, const struct channel_head *h)
{
    uint64_t bit = 1ull << h->channel;
    if (d->from == MESSAGE_FROM_KERNEL && d->greeted == (h->type == CH_HELLO))
        return d->greeted ? "a second greeting" : "the first message is not the greeting";
    if (h->type == CH_LOG)
        return NULL;
    if (d->ended & bit)
        return "a message of a channel behind its status"; /* C4 */
    if ((h->type == CH_DATA || h->type == CH_EOF) && d->eof[h->stream] & bit)
        return "data of a stream behind its end"; /* C2 */
    return NULL;
}

static void
order_note(struct message_decoder *d, const struct channel_head *h)
{
    uint64_t bit = 1ull << h->channel;
    if (h->type == CH_HELLO)
        d->greeted = true;
    if (h->type == CH_STATUS)
        d->ended |= bit;
    if (h->type == CH_EOF)
        d->eof[h->stream] |= bit;
}

/* Collect the eight bytes of a head. False: more are needed. */
static bool
head_collect(struct message_decoder *d, const uint8_t **at, const uint8_t *end)
{
    uint64_t have = (uint64_t)(end - *at);
    uint32_t want = CHANNEL_HEAD_BYTES - d->n_partial;
    uint32_t n = have < want ? (uint32_t)have : want;
    if (n)
        memcpy(d->partial + d->n_partial, *at, n);
    *at += n;
    d->n_partial += n;
    if (d->n_partial < CHANNEL_HEAD_BYTES)
        return false;
    d->n_partial = 0;
    memcpy(&d->head, d->partial, sizeof d->head);
    return true;
}

/* A head is whole: check it, and set out to take its payload. Returns 0 or the error, D2. */
static int
head_take(struct message_decoder *d)
{
    const char *why = head_fault(&d->head, d->from);
    if (!why)
        why = order_fault(d, &d->head);
    if (why) {
        d->why = why;
        d->error = -E_INVAL;
        return d->error;
    }
    order_note(d, &d->head);
    d->left = has_payload(d->head.type) ? d->head.length : 0;
    return 0;
}

/* A piece of payload, which is under way, from bytes that are there. */
static void
payload_take(struct message_decoder *d, const uint8_t **at, const uint8_t *end,
             struct message_event *out)
{
    uint64_t have = (uint64_t)(end - *at);
    uint32_t n = have < d->left ? (uint32_t)have : d->left;
    *out = (struct message_event){
        .head = d->head,
        .payload = *at,
        .length = n,
        .offset = d->head.length - d->left,
        .last = n == d->left,
    };
    *at += n;
    d->left -= n;
}

int
message_decoder_next(struct message_decoder *d, const uint8_t **at, const uint8_t *end,
                     struct message_event *out)
{
    if (d->error)
        return d->error; /* D2 */
    if (!d->left) {
        if (!head_collect(d, at, end))
            return 0;
        int r = head_take(d);
        if (r)
            return r;
        if (!d->left) {
            *out = (struct message_event){.head = d->head, .last = true};
            return 1;
        }
    }
    if (*at == end)
        return 0;
    payload_take(d, at, end, out);
    return 1;
}
