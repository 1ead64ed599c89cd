/* SPDX-License-Identifier: MIT */
/*
 * console.c - the calls on a console, and those that end the machine or add to its log.
 * Invariants  console.h. Each call copies at most CHANNEL_PAYLOAD_MAX bytes.
 */
#include "abi/channel.h"
#include "abi/console.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/dev/channel.h"
#include "kernel/check.h"
#include "kernel/console.h"
#include "kernel/event.h"
#include "kernel/epoch.h"
#include "kernel/flight.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/work.h"

enum {
    STATUS_MAX = 255,
    POWER_STATUS_MAX = 63,
    LOG_BYTES_MAX = 256,
    CREDIT_SHARE = 4, /* credit goes back once it is this part of the buffer */
};

static uint64_t
buffer_bytes(const struct console *c)
{
    return (uint64_t)c->n_buffer << FRAME_SHIFT;
}

static uint8_t *
buffer_at(const struct console *c, uint64_t position)
{
    return (uint8_t *)frame_address(c->buffer) + position % buffer_bytes(c);
}

/* How many of n bytes from a position on lie in one piece. */
static uint64_t
buffer_piece(const struct console *c, uint64_t position, uint64_t n)
{
    uint64_t to_end = buffer_bytes(c) - position % buffer_bytes(c);
    return n < to_end ? n : to_end;
}

/* ---- for the channel ---- */
void
console_input(struct console *c, const uint8_t *bytes, uint32_t n)
{
    assert(c->put - c->taken + n <= buffer_bytes(c)); /* N2 */
    uint64_t first = buffer_piece(c, c->put, n);
    arch_copy(buffer_at(c, c->put), bytes, first);
    arch_copy(buffer_at(c, c->put + first), bytes + first, n - first);
    c->put += n;
}

/* ---- making and ending ---- */
static int
console_check(const struct account *account, uint64_t into, uint64_t frame, uint64_t n_buffer,
              uint64_t number, uint64_t index)
{
    struct channel *channel = channel_find(number);

    if (n_buffer < 1 || n_buffer > CONSOLE_BUFFERS_MAX || !channel || index + 1 >= EVENTS_PER_FRAME)
        return E_INVAL;
    if (channel->taken)
        return E_EXIST; /* H1 */
    int error = slot_check_empty(into);
    for (uint64_t i = 0; i <= n_buffer && !error; i++)
        error = frame_check_unused(account, frame + i);
    return error;
}

struct result /* NOLINTNEXTLINE(readability-function-size): the arguments of the call */
console_make(struct account *account, uint64_t into, uint64_t frame, uint64_t n_buffer,
             uint64_t number, const struct slot *events, uint64_t index)
{
    int error = console_check(account, into, frame, n_buffer, number, index);
    struct cell *told = error ? NULL : leaf_cell(&events->leaf, &error);
    if (!error && account_take(account_at(frame_at(frame)->owner), ACCOUNT_CHANNELS, 1))
        error = E_DQUOT;
    if (error)
        return epoch_error(error);

    struct channel *channel = channel_find(number);
    struct console *c = frame_become(frame, FRAME_CONSOLE);
    cell_init(&c->cell, frame, KIND_CONSOLE);
    c->index = (uint32_t)index;
    c->channel = (uint32_t)number;
    c->buffer = (uint32_t)frame + 1;
    c->n_buffer = (uint32_t)n_buffer;
    event_source(events->object, c->index);
    event_source(events->object, c->index + 1);
    leaf_hang(&c->told, told, LEAF_CONSOLE);
    for (uint64_t i = 0; i < n_buffer; i++) {
        frame_become(c->buffer + i, FRAME_BUFFER);
        frame_ref(c->buffer + i);
    }
    channel->console = (uint32_t)frame;
    channel->taken = true;
    channel_give_credit(channel, (uint32_t)buffer_bytes(c));
    slot_fill(into, &c->cell);
    return result_ok(0);
}

void
console_fall(struct leaf *leaf)
{
    struct events *events = frame_address(cell_at(leaf->cell)->object);
    const struct console *c = frame_address(frame_of(leaf));

    event_unsource(events, c->index);
    event_unsource(events, c->index + 1);
    flights_unsource(frame_of(leaf), events);
}

void
console_destroy(struct console *c)
{
    struct channel *channel = channel_find(c->channel);

    if (event_told(&c->told)) {
        leaf_drop(&c->told);
        console_fall(&c->told);
    }
    channel->console = 0;
    channel->ended |= 1 << STREAM_INPUT; /* what is in flight is dropped */
    channel->owed_credit = 0;
    flights_detach(frame_of(c));
    account_return(account_at(frame_at(frame_of(c))->owner), ACCOUNT_CHANNELS, 1);
    for (uint64_t i = c->buffer; i < (uint64_t)c->buffer + c->n_buffer; i++) {
        frame_unref(i);
        frame_retire(i);
    }
}

/* ---- the calls on one ---- */
static int
stream_check(const struct channel *channel, uint64_t stream, uint64_t n)
{
    if (stream == STREAM_INPUT || stream >= STREAM_COUNT || n < 1 || n > CHANNEL_PAYLOAD_MAX)
        return E_INVAL;
    stream = index_masked(stream, STREAM_COUNT);
    if (channel->finished || channel->ended & 1u << stream)
        return E_PIPE;
    if (!channel->credit[stream])
        work_serve(); /* its own, and it pays */
    return (int)channel->closed[stream];
}

struct result
console_write(struct console *c, uint64_t stream, uint64_t va, uint64_t n)
{
    struct channel *channel = channel_find(c->channel);
    uint64_t absent = 0;
    int64_t written = -stream_check(channel, stream, n);

    if (!written)
        written =
            channel_write(channel, (enum channel_stream)(stream % STREAM_COUNT), va, n, &absent);
    return (struct result){.value = written, .detail = absent};
}

struct result /* NOLINTNEXTLINE(readability-function-size): the arguments of the call */
console_send(struct console *c, uint64_t stream, uint64_t account, uint64_t frame, uint64_t offset,
             uint64_t n, struct events *events, uint64_t index)
{
    struct channel *channel = channel_find(c->channel);
    struct flight flight = {(uint32_t)frame_of(c), frame_at(frame_of(c))->owner, (uint32_t)index,
                            (uint32_t)frame, 0};
    int64_t sent = -stream_check(channel, stream, n);
    uint32_t i = 0;

    flights_land();
    if (!sent &&
        (offset >= FRAME_BYTES || index >= EVENTS_PER_FRAME || events != event_told(&c->told)))
        sent = -E_INVAL;
    if (!sent)
        sent = -flight_check(flight.console, account, frame,
                             (offset + n + FRAME_BYTES - 1) >> FRAME_SHIFT);
    if (!sent)
        sent =
            channel_fly(channel, (enum channel_stream)(stream % STREAM_COUNT),
                        (uint8_t *)frame_address(frame) + offset, n, account_at(flight.payer), &i);
    if (sent > 0) {
        flight.n_frames = (uint32_t)((offset + (uint64_t)sent + FRAME_BYTES - 1) >> FRAME_SHIFT);
        flight_begin(i, flight);
        event_source(events, flight.index);
        flights_land();
    }
    return (struct result){.value = sent};
}

/* Gives back the credit of what has been read, in few frames. */
static void
credit_return(struct console *c, struct channel *channel)
{
    if (channel->ended & 1 << STREAM_INPUT || c->read_since < buffer_bytes(c) / CREDIT_SHARE)
        return;
    uint64_t bytes = c->read_since;
    c->read_since = 0;
    channel_give_credit(channel, (uint32_t)bytes);
}

/* Copies n bytes that are there to the caller; 0, or the address that was absent. */
static uint64_t
buffer_copy_out(const struct console *c, uint64_t va, uint64_t n)
{
    uint64_t first = buffer_piece(c, c->taken, n);
    uint64_t absent = copy_out(va, buffer_at(c, c->taken), first);
    if (!absent && first < n)
        absent = copy_out(va + first, buffer_at(c, c->taken + first), n - first);
    return absent;
}

struct result
console_read(struct console *c, uint64_t va, uint64_t n)
{
    struct channel *channel = channel_find(c->channel);

    if (n < 1 || n > CHANNEL_PAYLOAD_MAX)
        return result_error(E_INVAL);
    if (c->put == c->taken)
        work_serve(); /* its own, and it pays */
    if (n > c->put - c->taken)
        n = c->put - c->taken;
    if (n == 0 && channel->closed[STREAM_INPUT])
        return result_error((int)channel->closed[STREAM_INPUT]);
    if (n == 0)
        return channel->ended & 1 << STREAM_INPUT ? result_ok(0) : result_error(E_AGAIN);

    uint64_t absent = buffer_copy_out(c, va, n);
    if (absent)
        return result_error_at(E_FAULT, absent);
    c->taken += n;
    c->read_since += n;
    credit_return(c, channel);
    return result_ok((int64_t)n);
}

struct result
console_close(struct console *c, uint64_t stream)
{
    struct channel *channel = channel_find(c->channel);

    if (stream >= STREAM_COUNT)
        return result_error(E_INVAL);
    channel_end(channel, (enum channel_stream)(stream % STREAM_COUNT));
    if (stream == STREAM_INPUT)
        c->taken = c->put; /* nobody reads it */
    return result_ok(0);
}

struct result
console_signals(struct console *c)
{
    struct channel *channel = channel_find(c->channel);
    uint64_t signals = channel->signals;

    channel->signals = 0;
    return result_ok((int64_t)signals);
}

struct result
console_status(struct console *c, uint64_t status)
{
    struct channel *channel = channel_find(c->channel);

    if (status > STATUS_MAX)
        return result_error(E_INVAL);
    if (channel->finished)
        return result_error(E_EXIST);
    channel_finish(channel, (uint32_t)status);
    return result_ok(0);
}

/* ---- the machine's ---- */
struct result
log_write(uint64_t va, uint64_t n)
{
    char text[LOG_BYTES_MAX + 1];

    if (n < 1 || n > LOG_BYTES_MAX)
        return result_error(E_INVAL);
    uint64_t absent = copy_in(text, va, n);
    if (absent)
        return result_error_at(E_FAULT, absent);
    for (uint64_t i = 0; i < n; i++) /* one line, whoever wrote it */
        if (text[i] < ' ' || text[i] > '~')
            text[i] = i + 1 == n && text[i] == '\n' ? 0 : '?';
    text[n] = 0;
    log_line("%s", text);
    return result_ok((int64_t)n);
}

struct result
power_off(uint64_t status)
{
    if (status > POWER_STATUS_MAX)
        return result_error(E_INVAL);
    check_end();
    channel_drain();
    arch_power_off((uint32_t)status);
}
