/* SPDX-License-Identifier: MIT */
/*
 * message.c - lib/message.c: messages cut anywhere come out whole, and each broken rule is named.
 */
#include <string.h>
#include "abi/error.h"
#include "lib/message.h"
#include "test/unit/test.h"

/* A run of messages under way to a decoder. */
struct wire {
    uint8_t bytes[256];
    size_t length;
};

static void
wire_put(struct wire *w, enum channel_type type, uint32_t channel, enum channel_stream stream,
         uint32_t length, const char *payload)
{
    struct channel_head head = message_head_make(type, channel, stream, length);
    memcpy(w->bytes + w->length, &head, sizeof head);
    w->length += sizeof head;
    memcpy(w->bytes + w->length, payload, strlen(payload));
    w->length += strlen(payload);
}

static void
wire_greeted(struct wire *w)
{
    w->length = 0;
    wire_put(w, CH_HELLO, 0, 0, 1, "");
}

static struct wire
wire_of_kernel(void)
{
    struct wire w;
    wire_greeted(&w);
    wire_put(&w, CH_LOG, 0, 0, 4, "boot");
    wire_put(&w, CH_CREDIT, 1, STREAM_INPUT, 65536, "");
    wire_put(&w, CH_DATA, 1, STREAM_OUTPUT, 11, "hello world");
    wire_put(&w, CH_EOF, 1, STREAM_OUTPUT, 0, "");
    wire_put(&w, CH_DATA, 1, STREAM_ERROR, 1, "e");
    wire_put(&w, CH_STATUS, 1, 0, 255, "");
    return w;
}

/* What a decoder made of some bytes: a text with one letter an event, and the payload. */
struct heard {
    char types[64];
    char payload[256];
    int result;
    const char *why;
};

static struct heard
heard_from(const struct wire *w, enum message_side from, size_t piece)
{
    struct heard h = {.result = 0};
    struct message_decoder d;
    size_t n_events = 0, n_payload = 0;
    message_decoder_begin(&d, from);
    for (size_t done = 0; done < w->length && h.result >= 0; done += piece) {
        size_t n = w->length - done < piece ? w->length - done : piece;
        uint8_t *copy = exact_copy(w->bytes + done, n);
        const uint8_t *at = copy;
        struct message_event e;
        while ((h.result = message_decoder_next(&d, &at, copy + n, &e)) > 0) {
            if (e.last)
                h.types[n_events++] = (char)('0' + e.head.type);
            if (e.length)
                memcpy(h.payload + n_payload, e.payload, e.length);
            n_payload += e.length;
        }
        exact_free(copy);
    }
    h.why = d.why ? d.why : "";
    return h;
}

static void
messages_come_out_whole_however_they_are_cut(void)
{
    struct wire w = wire_of_kernel();
    for (size_t piece = 1; piece <= w.length; piece++) {
        struct heard h = heard_from(&w, MESSAGE_FROM_KERNEL, piece);
        CHECK(h.result == 0 && strcmp(h.types, "1832426") == 0);
        CHECK(strcmp(h.payload, "boothello worlde") == 0);
    }
}

static void
payload_is_handed_on_where_it_lies(void)
{
    struct wire w = {.length = 0};
    struct message_decoder d;
    struct message_event e;
    wire_put(&w, CH_DATA, 2, STREAM_INPUT, 10, "0123456789");
    message_decoder_begin(&d, MESSAGE_FROM_HOST);
    CHECK(message_decoder_between(&d));
    const uint8_t *at = w.bytes;
    CHECK(message_decoder_next(&d, &at, w.bytes + 5, &e) == 0 && at == w.bytes + 5);
    CHECK(!message_decoder_between(&d));
    CHECK(message_decoder_next(&d, &at, w.bytes + 8, &e) == 0 && at == w.bytes + 8);
    CHECK(message_decoder_next(&d, &at, w.bytes + 12, &e) == 1 && e.payload == w.bytes + 8);
    CHECK(e.length == 4 && e.offset == 0 && !e.last && e.head.length == 10);
    CHECK(!message_decoder_between(&d));
    CHECK(message_decoder_next(&d, &at, w.bytes + 18, &e) == 1 && e.payload == w.bytes + 12);
    CHECK(e.length == 6 && e.offset == 4 && e.last && e.head.channel == 2);
    CHECK(message_decoder_next(&d, &at, w.bytes + 18, &e) == 0 && message_decoder_between(&d));
}

static void
an_error_stays(void)
{
    struct wire w = {.length = 0};
    struct message_decoder d;
    struct message_event e;
    wire_put(&w, 99, 0, 0, 0, "");
    wire_put(&w, CH_EOF, 0, STREAM_INPUT, 0, "");
    message_decoder_begin(&d, MESSAGE_FROM_HOST);
    const uint8_t *at = w.bytes;
    CHECK(message_decoder_next(&d, &at, w.bytes + w.length, &e) == -E_INVAL);
    CHECK(strstr(d.why, "unknown type") && !message_decoder_between(&d));
    at = w.bytes + 8;
    CHECK(message_decoder_next(&d, &at, w.bytes + w.length, &e) == -E_INVAL);
    CHECK(at == w.bytes + 8);
}

/* May this side send such a head? */
static bool
may(enum message_side from, enum channel_type type, uint32_t channel, uint32_t stream,
    uint32_t length)
{
    const char *why;
    struct channel_head h = message_head_make(type, channel, stream, length);
    int r = message_head_check(&h, from, &why);
    return r == 0 && !why;
}

static const enum message_side HOST = MESSAGE_FROM_HOST;
static const enum message_side KERNEL = MESSAGE_FROM_KERNEL;

static void
each_side_sends_its_own_types(void)
{
    CHECK(may(KERNEL, CH_HELLO, 0, 0, 1) && !may(HOST, CH_HELLO, 0, 0, 1));
    CHECK(may(KERNEL, CH_STATUS, 1, 0, 0) && !may(HOST, CH_STATUS, 1, 0, 0));
    CHECK(may(KERNEL, CH_LOG, 0, 0, 1) && !may(HOST, CH_LOG, 0, 0, 1));
    CHECK(may(HOST, CH_SIGNAL, 1, 0, 2) && !may(KERNEL, CH_SIGNAL, 1, 0, 2));
    for (uint32_t stream = 0; stream < STREAM_COUNT; stream++) {
        enum message_side writer = stream == STREAM_INPUT ? HOST : KERNEL;
        enum message_side reader = stream == STREAM_INPUT ? KERNEL : HOST;
        CHECK(may(writer, CH_DATA, 1, stream, 1) && !may(reader, CH_DATA, 1, stream, 1));
        CHECK(may(writer, CH_EOF, 1, stream, 0) && !may(reader, CH_EOF, 1, stream, 0));
        CHECK(may(reader, CH_CREDIT, 1, stream, 1) && !may(writer, CH_CREDIT, 1, stream, 1));
        CHECK(may(reader, CH_CLOSED, 1, stream, 32) && !may(writer, CH_CLOSED, 1, stream, 32));
    }
}

static void
lengths_have_their_ranges(void)
{
    CHECK(!may(HOST, CH_DATA, 1, 0, 0) && may(HOST, CH_DATA, 1, 0, CHANNEL_PAYLOAD_MAX));
    CHECK(!may(HOST, CH_DATA, 1, 0, CHANNEL_PAYLOAD_MAX + 1));
    CHECK(!may(KERNEL, CH_LOG, 0, 0, 0) && !may(KERNEL, CH_LOG, 0, 0, CHANNEL_PAYLOAD_MAX + 1));
    CHECK(!may(HOST, CH_EOF, 1, 0, 1));
    CHECK(!may(KERNEL, CH_CREDIT, 1, 0, 0) && may(KERNEL, CH_CREDIT, 1, 0, UINT32_MAX));
    CHECK(!may(HOST, CH_CLOSED, 1, 1, 0) && !may(HOST, CH_CLOSED, 1, 1, 4096));
    CHECK(may(KERNEL, CH_STATUS, 1, 0, 255) && !may(KERNEL, CH_STATUS, 1, 0, 256));
    CHECK(!may(HOST, CH_SIGNAL, 1, 0, 0) && may(HOST, CH_SIGNAL, 1, 0, 62));
    CHECK(!may(HOST, CH_SIGNAL, 1, 0, 63));
}

static void
channels_and_streams_have_their_ranges(void)
{
    CHECK(may(HOST, CH_DATA, CHANNEL_MAX - 1, 0, 1) && !may(HOST, CH_DATA, CHANNEL_MAX, 0, 1));
    CHECK(!may(HOST, CH_DATA, 0xffff, 0, 1) && !may(KERNEL, CH_STATUS, CHANNEL_MAX, 0, 1));
    CHECK(!may(HOST, CH_DATA, 1, STREAM_COUNT, 1) && !may(KERNEL, CH_DATA, 1, STREAM_COUNT, 1));
    CHECK(!may(HOST, CH_CREDIT, 1, 255, 1));
    CHECK(!may(KERNEL, CH_STATUS, 1, 1, 1) && !may(HOST, CH_SIGNAL, 1, 1, 1));
    CHECK(!may(KERNEL, CH_LOG, 1, 0, 1) && !may(KERNEL, CH_HELLO, 1, 0, 1));
    CHECK(!may(HOST, 0, 0, 0, 0) && !may(KERNEL, 9, 0, 0, 0) && !may(KERNEL, 255, 0, 0, 0));
}

static bool
refused(const struct wire *w, enum message_side from, const char *words)
{
    struct heard h = heard_from(w, from, w->length);
    return h.result == -E_INVAL && strstr(h.why, words);
}

static void
the_greeting_comes_first_and_once(void)
{
    struct wire w = {.length = 0};
    wire_put(&w, CH_LOG, 0, 0, 1, "x");
    CHECK(refused(&w, MESSAGE_FROM_KERNEL, "not the greeting"));
    wire_greeted(&w);
    wire_put(&w, CH_HELLO, 0, 0, 1, "");
    CHECK(refused(&w, MESSAGE_FROM_KERNEL, "second greeting"));
}

static void
nothing_follows_an_end_of_stream(void)
{
    struct wire w = {.length = 0};
    wire_put(&w, CH_EOF, 3, STREAM_INPUT, 0, "");
    struct wire other = w, data = w, eof = w;
    wire_put(&other, CH_DATA, 4, STREAM_INPUT, 1, "x");
    CHECK(heard_from(&other, MESSAGE_FROM_HOST, other.length).result == 0);
    wire_put(&data, CH_DATA, 3, STREAM_INPUT, 1, "x");
    CHECK(refused(&data, MESSAGE_FROM_HOST, "behind its end"));
    wire_put(&eof, CH_EOF, 3, STREAM_INPUT, 0, "");
    CHECK(refused(&eof, MESSAGE_FROM_HOST, "behind its end"));
}

static void
a_status_is_the_last_of_its_channel(void)
{
    struct wire w = wire_of_kernel(), other = w;
    wire_put(&other, CH_DATA, 2, STREAM_OUTPUT, 1, "x");
    wire_put(&other, CH_LOG, 0, 0, 1, "x");
    CHECK(heard_from(&other, MESSAGE_FROM_KERNEL, other.length).result == 0);
    const enum channel_type late[] = {CH_DATA, CH_EOF, CH_STATUS};
    for (size_t i = 0; i < 3; i++) {
        struct wire x = w;
        bool data = late[i] == CH_DATA;
        wire_put(&x, late[i], 1, late[i] == CH_STATUS ? 0 : STREAM_ERROR, data, data ? "x" : "");
        CHECK(refused(&x, MESSAGE_FROM_KERNEL, "behind its status"));
    }
}

static void
a_forged_head_within_payload_is_payload(void)
{
    struct wire w;
    wire_greeted(&w);
    wire_put(&w, CH_DATA, 1, STREAM_OUTPUT, CHANNEL_HEAD_BYTES, "");
    wire_put(&w, CH_STATUS, 1, 0, 0, ""); /* what a program might write */
    wire_put(&w, CH_STATUS, 1, 0, 7, "");
    struct heard h = heard_from(&w, MESSAGE_FROM_KERNEL, 3);
    CHECK(h.result == 0 && strcmp(h.types, "126") == 0);
}

const struct test message_tests[] = {
    {"messages_come_out_whole_however_they_are_cut", messages_come_out_whole_however_they_are_cut},
    {"payload_is_handed_on_where_it_lies", payload_is_handed_on_where_it_lies},
    {"an_error_stays", an_error_stays},
    {"each_side_sends_its_own_types", each_side_sends_its_own_types},
    {"lengths_have_their_ranges", lengths_have_their_ranges},
    {"channels_and_streams_have_their_ranges", channels_and_streams_have_their_ranges},
    {"the_greeting_comes_first_and_once", the_greeting_comes_first_and_once},
    {"nothing_follows_an_end_of_stream", nothing_follows_an_end_of_stream},
    {"a_status_is_the_last_of_its_channel", a_status_is_the_last_of_its_channel},
    {"a_forged_head_within_payload_is_payload", a_forged_head_within_payload_is_payload},
    {NULL, NULL},
};
