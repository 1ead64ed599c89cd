/* SPDX-License-Identifier: MIT */
/*
 * channel.c - channels of the console port: what the host says, and what it is owed.
 *
 * With the word `plain` on the command line there is no host command, and are no messages: all
 * that is written goes out as it is, all that comes is the input of the main partition, and a
 * status other than 0 is a line of text. With `plain-eof` byte 4 (Ctrl-D) ends that input.
 * Invariants  channel.h. The host is hostile: a message that breaks a rule of the codec ends all
 *             input; data beyond credit is dropped.
 * Lock        one processor is in here at a time.
 */
#include "abi/error.h"
#include "abi/version.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/dev/channel.h"
#include "kernel/console.h"
#include "kernel/event.h"
#include "kernel/dev/port.h"
#include "kernel/flight.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/work.h"
#include "lib/format.h"
#include "lib/message.h"
#include "lib/string.h"
#include "lib/words.h"
#include "plant.h"

enum {
    DRAIN_MAX_S = 10, /* in which nothing leaves */
    EVENTS_MAX = 64,
    DRAIN_LOOK_NS = 50000,
    LOST_BYTES_MAX = 48,
    CHANNEL_MAIN = 1,
    PLAIN_EOF = 4
};

static struct channel channels[CHANNEL_MAX];
static struct message_decoder decoder;
static bool greeted;
static uint32_t events_left; /* messages that this part of the work may still take */
static bool over;            /* nothing that the host says is believed any more */
static uint64_t owing;       /* bit n: channel n, H3 */
static uint64_t starved;     /* bit n: channel n has found no send buffer since one was free */
static bool plain;           /* there is no host command */
static bool plain_eof;       /* a byte may end the input */
static bool line_begun;      /* plain: what was written last was no newline */

_Static_assert(CHANNEL_MAX <= 64, "sets of channels are one word");

struct channel *
channel_find(uint64_t number)
{
    return number < CHANNEL_MAX ? &channels[index_masked(number, CHANNEL_MAX)] : NULL;
}

static uint32_t
channel_number(const struct channel *channel)
{
    return (uint32_t)(channel - channels);
}

static struct console *
channel_console(const struct channel *channel)
{
    return channel->console ? frame_address(channel->console) : NULL;
}

static port_receive plain_receive;

/* Work was done for whoever has it (kernel/work.h). */
static void
channel_served(const struct channel *channel)
{
    work_served(channel->console ? account_at(frame_at(channel->console)->owner) : account_root);
}

/* Something has changed, or (1) a signal has come. */
static void
channel_tell(const struct channel *channel, uint32_t signal)
{
    if (channel->console)
        event_tell(&channel_console(channel)->told, channel_console(channel)->index + signal);
}

/* ---- to the host ---- */
static uint8_t *
head_put(uint8_t *at, const struct channel *channel, enum channel_type type,
         enum channel_stream stream, uint32_t length)
{
    struct channel_head head = message_head_make(type, channel_number(channel), stream, length);
    memcpy(at, &head, sizeof(head));
    return at + sizeof(head);
}

/* In place of messages: at most 48 bytes. */
static uint8_t *
owed_put_plain(uint8_t *at, struct channel *c)
{
    char *to = (char *)at;
    size_t n = 0;

    if (c->owed_status > 1) { /* status + 1 */
        const char *newline = line_begun ? "\n" : "";
        uint32_t number = channel_number(c), status = c->owed_status - 1;
        if (number == CHANNEL_MAIN)
            n = format(to, LOST_BYTES_MAX, "%stessera: status %u\n", newline, status);
        else
            n = format(to, LOST_BYTES_MAX, "%stessera: partition %u: status %u\n", newline, number,
                       status);
        line_begun = false;
    }
    c->owed_ends = c->owed_status = 0;
    return at + n;
}

/* At most 1 + STREAM_COUNT + 1 heads. */
static uint8_t *
owed_put(uint8_t *at, struct channel *c)
{
    if (plain)
        return owed_put_plain(at, c);
    if (c->owed_credit)
        at = head_put(at, c, CH_CREDIT, STREAM_INPUT, c->owed_credit);
    if (c->owed_ends & 1 << STREAM_INPUT)
        at = head_put(at, c, CH_CLOSED, STREAM_INPUT, E_PIPE);
    for (enum channel_stream s = STREAM_OUTPUT; s < STREAM_COUNT; s++)
        if (c->owed_ends & 1u << s)
            at = head_put(at, c, CH_EOF, s, 0);
    if (c->owed_status)
        at = head_put(at, c, CH_STATUS, 0, c->owed_status - 1);
    c->credit[STREAM_INPUT] += c->owed_credit;
    c->owed_credit = c->owed_ends = c->owed_status = 0;
    return at;
}
_Static_assert(CHANNEL_MAX *(2 + STREAM_COUNT) * CHANNEL_HEAD_BYTES <= PORT_SEND_BYTES,
               "one buffer");
_Static_assert(CHANNEL_MAX *LOST_BYTES_MAX <= PORT_SEND_BYTES, "one buffer");

static void
owed_send(void)
{
    uint8_t *buffer = owing ? port_buffer() : NULL;
    uint8_t *at = buffer;

    if (!buffer)
        return;
    for (; owing; owing &= owing - 1)
        at = owed_put(at, &channels[__builtin_ctzll(owing)]);
    if (at > buffer)
        port_send((uint32_t)(at - buffer));
}

static void
channel_owe(const struct channel *channel)
{
    owing |= 1ull << channel_number(channel);
    owed_send();
}

void
channel_give_credit(struct channel *channel, uint32_t bytes)
{
    if (plain) {
        channel->credit[STREAM_INPUT] += bytes;
        port_interrupt(plain_receive); /* what was kept for want of room */
        return;
    }
    channel->owed_credit += bytes; /* at most the console's buffer */
    channel_owe(channel);
}

void
channel_end(struct channel *channel, enum channel_stream stream)
{
    if (channel->finished || channel->ended & 1u << stream)
        return;
    channel->ended |= 1u << stream;
    channel->owed_ends |= 1u << stream;
    channel_owe(channel);
}

void
channel_finish(struct channel *channel, uint32_t status)
{
    channel->finished = true;
    channel->ended |= 1 << STREAM_INPUT;
    channel->owed_credit = 0;
    channel->owed_status = status + 1;
    channel_owe(channel);
}

/* Where the next message begins, and in *n how many of its bytes may go. NULL: no credit, or no buffer. */
static uint8_t *
message_begin(const struct channel *channel, enum channel_stream stream, uint8_t *(*place)(void),
              uint64_t *n)
{
    uint8_t *at = NULL;

    if (*n > channel->credit[stream])
        *n = channel->credit[stream];
    if (*n && !(at = place()))
        starved |= 1ull << channel_number(channel);
    return at;
}

/* How many bytes its head has. */
static uint32_t
data_begin(uint8_t *at, struct channel *channel, enum channel_stream stream, const uint8_t *bytes,
           uint64_t n)
{
    if (plain) {
        line_begun = bytes[n - 1] != '\n';
        return 0;
    }
    head_put(at, channel, CH_DATA, stream, (uint32_t)n);
    channel->credit[stream] -= n; /* C1 */
    return CHANNEL_HEAD_BYTES;
}

int64_t
channel_write(struct channel *channel, enum channel_stream stream, uint64_t va, uint64_t n,
              uint64_t *absent)
{
    uint8_t *buffer = message_begin(channel, stream, port_buffer, &n);
    uint8_t *bytes = buffer + (plain ? 0 : CHANNEL_HEAD_BYTES);

    if (!buffer)
        return port_broken() ? -E_IO : -E_AGAIN;
    *absent = copy_in(bytes, va, n);
    if (*absent)
        return -E_FAULT;
    port_send(data_begin(buffer, channel, stream, bytes, n) + (uint32_t)n);
    return (int64_t)n;
}

int64_t
channel_fly(struct channel *channel, enum channel_stream stream, const uint8_t *bytes, uint64_t n,
            struct account *payer, uint32_t *flight)
{
    uint8_t *head = message_begin(channel, stream, port_flight, &n);

    if (!head)
        return port_broken() ? -E_IO : -E_AGAIN;
    if (account_take(payer, ACCOUNT_DESCRIPTORS, 1))
        return -E_DQUOT;
    *flight = port_fly(data_begin(head, channel, stream, bytes, n), bytes, (uint32_t)n);
    return (int64_t)n;
}

bool
channel_log(const char *text, uint32_t n)
{
    static uint32_t lost;
    if (!greeted || port_broken())
        return false;
    uint8_t *buffer = port_buffer();
    if (!buffer) {
        lost++;
        return true;
    }
    uint32_t head = plain ? 0 : CHANNEL_HEAD_BYTES;
    char *to = (char *)buffer + head;
    size_t said = lost ? format(to, LOST_BYTES_MAX, "%u lines are lost here\n", lost) : 0;
    lost = 0;
    memcpy(to + said, text, n);
    if (!plain)
        head_put(buffer, channels, CH_LOG, 0, (uint32_t)said + n);
    port_send(head + (uint32_t)said + n);
    return true;
}

/* ---- from the host ---- */
static void
take_data(struct channel *channel, const struct message_event *event)
{
    if (channel->ended & 1 << STREAM_INPUT)
        return; /* C3: it was in flight when we closed */
    if (event->length > channel->credit[STREAM_INPUT]) {
        log_line("channel %u: the host sent more than its credit", channel_number(channel));
        return;
    }
    channel->credit[STREAM_INPUT] -= event->length;
    console_input(channel_console(channel), event->payload, event->length); /* H2 */
}

static void
take_event(const struct message_event *event)
{
    struct channel *channel = &channels[event->head.channel % CHANNEL_MAX];
    uint32_t stream = event->head.stream % STREAM_COUNT;

    switch (event->head.type) {
    case CH_DATA:
        take_data(channel, event);
        break;
    case CH_CREDIT:
        channel->credit[stream] += event->head.length;
        break;
    case CH_EOF:
        channel->ended |= 1u << stream;
        break;
    case CH_CLOSED:
        channel->closed[stream] = event->head.length;
        break;
    case CH_SIGNAL:
        channel->signals |= 1ull << event->head.length % 64;
        channel_tell(channel, 1);
        return;
    default: /* the codec lets nothing else through */
        return;
    }
    channel_tell(channel, 0);
}

/* The stream from the host has lost its messages: all who wait for it have an error. */
static void
input_end(const char *why)
{
    over = true;
    log_line("channel: nothing more is taken from the host: %s", why);
    for (uint32_t i = 0; i < CHANNEL_MAX; i++) {
        for (uint32_t stream = 0; stream < STREAM_COUNT; stream++)
            if (!channels[i].closed[stream])
                channels[i].closed[stream] = E_IO;
        channel_tell(&channels[i], 0);
    }
}

/*
 * All of it, for the host keeps to credit or loses what goes beyond; but no more than events_left
 * messages at a time.
 */
static uint32_t
channel_receive(const uint8_t *bytes, uint32_t n)
{
    const uint8_t *at = bytes;
    struct message_event event = {0};
    int r = 0;

    while (!over && events_left &&
           (r = message_decoder_next(&decoder, &at, bytes + n, &event)) > 0) {
        take_event(&event);
        channel_served(&channels[event.head.channel % CHANNEL_MAX]);
        events_left--;
    }
    if (r < 0)
        input_end(decoder.why);
    return over ? n : (uint32_t)(at - bytes);
}

/* As much as the main partition's console has room for; after its end all, to nobody. */
static uint32_t
plain_receive(const uint8_t *bytes, uint32_t n)
{
    struct channel *c = &channels[CHANNEL_MAIN];

    if (c->ended & 1 << STREAM_INPUT)
        return n;
    uint32_t take = n < c->credit[STREAM_INPUT] ? n : (uint32_t)c->credit[STREAM_INPUT];
    const uint8_t *eof = plain_eof && take ? memchr(bytes, PLAIN_EOF, take) : NULL;
    if (eof) {
        take = (uint32_t)(eof - bytes);
        c->ended |= 1 << STREAM_INPUT;
    }
    if (take)
        console_input(channel_console(c), bytes, take); /* H2 */
    c->credit[STREAM_INPUT] -= take;
    if (take || eof)
        channel_tell(c, 0);
    channel_served(c);
    return eof ? n : take;
}

/* ---- the port ---- */

/* Who writes has all credit: it waits for send buffers alone. Only the main partition has input. */
static void
plain_begin(const char *command_line)
{
    plain_eof = line_has_word(command_line, "plain-eof");
    for (uint32_t i = 0; i < CHANNEL_MAX; i++) {
        for (enum channel_stream s = STREAM_OUTPUT; s < STREAM_COUNT; s++)
            channels[i].credit[s] = UINT64_MAX;
        if (i > CHANNEL_MAIN)
            channels[i].ended |= 1 << STREAM_INPUT;
    }
    greeted = true;
}

bool
channel_init(const char *command_line)
{
    plain = line_has_word(command_line, "plain");
    message_decoder_begin(&decoder, MESSAGE_FROM_HOST);
    if (!port_init(plain ? PORT_PLAIN : PORT_MESSAGES, command_line))
        return false;
    if (plain) {
        plain_begin(command_line);
        return true;
    }
    uint8_t *buffer = port_buffer();
    if (!buffer)
        return false;
    head_put(buffer, channels, CH_HELLO, 0, ABI_VERSION);
    port_send(CHANNEL_HEAD_BYTES);
    greeted = true;
    return true;
}

bool
channel_work(void)
{
    plant_device_acts();
    events_left = EVENTS_MAX;
    port_interrupt(plain ? plain_receive : channel_receive);
    flights_land();
    if (port_broken() && !over)
        input_end("its device broke a rule");
    owed_send();
    if (starved && port_buffer()) {
        uint64_t told = starved;
        starved = 0;
        for (; told; told &= told - 1) {
            channel_tell(&channels[__builtin_ctzll(told)], 0);
            channel_served(&channels[__builtin_ctzll(told)]);
        }
    }
    return !events_left && !over;
}

void
channel_drain(void)
{
    uint64_t moved = clock_now(), left;

    owed_send();
    left = port_left();
    while ((owing || left) && !port_broken() &&
           clock_now() - moved < (uint64_t)DRAIN_MAX_S * 1000000000) {
        uint64_t before = left;
        /* The device is left alone meanwhile: an emulator that answers us at once all the time may
         * find none for its own work. */
        for (uint64_t end = clock_now() + DRAIN_LOOK_NS; clock_now() < end;)
            arch_pause();
        owed_send();
        left = port_left();
        if (left != before) /* who takes it is slow, not gone */
            moved = clock_now();
    }
    flights_land();
}
