/* SPDX-License-Identifier: MIT */
/*
 * message.c - any bytes to lib/message.c, twice: whole, and in pieces. The messages must be the
 * same. The first byte of the input says which side sends and how long the pieces are.
 */
#include <string.h>
#include "abi/error.h"
#include "lib/message.h"
#include "test/fuzz/fuzz.h"

/* What came out, so that two runs can be compared: sums that depend on the order. */
struct heard {
    uint64_t heads, payload, n_payload;
    uint64_t ended;             /* bit n: channel n has had its status */
    uint64_t eof[STREAM_COUNT]; /* bit n: that stream of channel n has ended */
    uint32_t owed;              /* bytes of payload of the message under way */
    int result;
    const char *why;
};

static void
mix(uint64_t *sum, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        *sum = (*sum ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
}

/* C2, C4: nothing behind the end of a stream or of a channel. */
static void
order_require(const struct channel_head *head, struct heard *h)
{
    uint64_t bit = 1ull << head->channel;
    bool written = head->type == CH_DATA || head->type == CH_EOF;
    REQUIRE(head->type == CH_LOG || !(h->ended & bit));
    REQUIRE(!written || !(h->eof[head->stream] & bit));
    if (head->type == CH_STATUS)
        h->ended |= bit;
    if (head->type == CH_EOF)
        h->eof[head->stream] |= bit;
}

static void
event_require(const struct message_event *e, enum message_side from, struct heard *h)
{
    const char *why;
    REQUIRE(message_head_check(&e->head, from, &why) == 0);
    bool carries = e->head.type == CH_DATA || e->head.type == CH_LOG;
    REQUIRE(carries ? e->length >= 1 : !e->length && e->last);
    if (!e->offset) {
        REQUIRE(!h->owed);
        h->owed = carries ? e->head.length : 0;
        order_require(&e->head, h);
        mix(&h->heads, &e->head, sizeof e->head);
    }
    REQUIRE(e->length <= h->owed && (!carries || e->offset == e->head.length - h->owed));
    h->owed -= e->length;
    REQUIRE(e->last == !h->owed);
    if (e->length)
        mix(&h->payload, e->payload, e->length);
    h->n_payload += e->length;
}

static struct heard
hear(const uint8_t *bytes, size_t n, enum message_side from, size_t piece)
{
    struct heard h = {0};
    struct message_decoder d;
    message_decoder_begin(&d, from);
    for (size_t done = 0; done < n && h.result == 0; done += piece) {
        const uint8_t *at = bytes + done;
        const uint8_t *end = n - done < piece ? bytes + n : at + piece;
        struct message_event e;
        while ((h.result = message_decoder_next(&d, &at, end, &e)) > 0) {
            REQUIRE(!e.length || (e.payload >= bytes + done && e.payload + e.length == at));
            event_require(&e, from, &h);
        }
        REQUIRE(h.result < 0 || at == end);
    }
    REQUIRE(h.result == 0 || (h.result == -E_INVAL && d.why && !message_decoder_between(&d)));
    h.why = d.why;
    return h;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (!n)
        return 0;
    enum message_side from = bytes[0] & 1 ? MESSAGE_FROM_KERNEL : MESSAGE_FROM_HOST;
    struct heard whole = hear(bytes + 1, n - 1, from, n);
    struct heard cut = hear(bytes + 1, n - 1, from, 1u + bytes[0] / 2);
    REQUIRE(whole.heads == cut.heads && whole.payload == cut.payload);
    REQUIRE(whole.n_payload == cut.n_payload && whole.owed == cut.owed);
    REQUIRE(whole.result == cut.result && whole.why == cut.why);
    return 0;
}
