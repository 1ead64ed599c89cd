/* SPDX-License-Identifier: MIT */
/*
 * lib/message.h - the messages of the console port (abi/channel.h) out of any run of bytes.
 *
 * The bytes come in pieces cut anywhere; a decoder takes them as they come, keeps at most a head
 * of them, and hands on payload where it lies. Checked here: that the type, the channel, the
 * stream and the length are ones that this sender may send, that CH_HELLO comes first and once, and
 * C2 and C4. The receiver checks C1 and C3, for it knows the credit it gave.
 *
 *     while ((r = message_decoder_next(&d, &at, end, &event)) > 0)
 *         switch (event.head.type) ...
 *     if (r < 0) d.why
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/channel.h"

/* Who sends what is decoded. */
enum message_side { MESSAGE_FROM_HOST, MESSAGE_FROM_KERNEL };

struct message_decoder {
    enum message_side from;
    uint8_t partial[CHANNEL_HEAD_BYTES]; /* a head that has begun */
    uint32_t n_partial;                  /* bytes of it */
    struct channel_head head;            /* the message whose payload is under way */
    uint32_t left;                       /* bytes of it still to come; 0: between messages */
    bool greeted;                        /* CH_HELLO has been */
    uint64_t ended;                      /* bit n: channel n has had its CH_STATUS */
    uint64_t eof[STREAM_COUNT];          /* bit n: the stream of channel n has had its CH_EOF */
    int error;                           /* 0, or what every call returns from now on */
    const char *why;                     /* with error: a short phrase */
};

/* A message without payload (length 0 here), or a piece of one with it (length >= 1). */
struct message_event {
    struct channel_head head; /* of the whole message */
    const uint8_t *payload;   /* in the caller's bytes */
    uint32_t length;          /* bytes of this piece */
    uint32_t offset;          /* bytes of the message's payload that came before it */
    bool last;                /* the message ends with it */
};

void message_decoder_begin(struct message_decoder *d, enum message_side from);

/*
 * Take one event off the bytes from *at to end, and move *at past what was taken.
 * Returns 1: *out is an event; 0: all bytes are taken and more are needed; -E_INVAL: the sender
 * broke a rule, d->why says which, and so says every call from then on.
 */
int message_decoder_next(struct message_decoder *d, const uint8_t **at, const uint8_t *end,
                         struct message_event *out);

/* Is the decoder between messages? If not, a stream that ends here was cut. */
bool message_decoder_between(const struct message_decoder *d);

/*
 * May this side send this head at all? Returns 0, or -E_INVAL and *why a short phrase.
 * Channel and stream must be 0 where the type has no use for them, as message_head_make leaves
 * them.
 */
int message_head_check(const struct channel_head *head, enum message_side from, const char **why);

/* A head in the order of the wire. stream: 0 for CH_HELLO, CH_STATUS, CH_SIGNAL and CH_LOG. */
struct channel_head message_head_make(enum channel_type type, uint32_t channel,
                                      enum channel_stream stream, uint32_t length);
