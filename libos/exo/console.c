/* SPDX-License-Identifier: MIT */
/*
 * console.c - the channel to the host, with waiting.
 *
 * Each operation is tried first. Where the kernel says -E_AGAIN we read the counter, try once more,
 * and sleep until the counter is beyond what we read: so nothing that happens in between is missed.
 */
#include "libos/exo/console.h"
#include "abi/cap.h"
#include "abi/event.h"
#include "abi/memory.h"
#include "lib/string.h"
#include "libos/exo/start.h"
#include "libos/exo/wait.h"
#include "call_stubs.h"

const struct console exo_console = {SLOT_CONSOLE, SLOT_EVENTS, COUNTER_CONSOLE};

struct operation {
    enum { OP_WRITE, OP_SEND, OP_READ, OP_STATUS } kind;
    uint64_t stream_or_status;
    uint64_t va, n; /* to send: frame << FRAME_SHIFT | offset, and n */
    uint32_t index;
};

static struct call_result
attempt(const struct console *c, const struct operation *o)
{
    switch (o->kind) {
    case OP_WRITE:
        return call_console_write(c->slot, o->stream_or_status, o->va, o->n);
    case OP_SEND:
        return call_console_send(c->slot, o->stream_or_status, SLOT_ACCOUNT, o->va >> FRAME_SHIFT,
                                 o->va % FRAME_BYTES, o->n, c->events, o->index);
    case OP_READ:
        return call_console_read(c->slot, o->va, o->n);
    default:
        return call_console_status(c->slot, o->stream_or_status);
    }
}

/* Try until it is done or fails. An upcall ends the sleep, and we look again. */
static struct call_result
insist(const struct console *c, const struct operation *o)
{
    for (;;) {
        struct wait_clause clause = {c->events, WAIT_EVENT, c->index, 0};
        struct call_result seen = call_event_read(c->events, c->index);
        struct call_result r = attempt(c, o);

        if (r.value != -E_AGAIN)
            return r;
        if (seen.value < 0)
            return seen;
        clause.value = (uint64_t)seen.value;
        exo_wait(&clause);
    }
}

static uint64_t
payload(uint64_t n)
{
    return n < CHANNEL_PAYLOAD_MAX ? n : CHANNEL_PAYLOAD_MAX;
}

struct call_result
console_write(const struct console *c, uint32_t stream, uint64_t va, uint64_t n)
{
    struct call_result r = call_console_write(c->slot, stream, va, payload(n));

    if (r.value != -E_AGAIN)
        return r;
    return insist(c, &(struct operation){OP_WRITE, stream, va, payload(n), 0});
}

struct call_result
console_read(const struct console *c, uint64_t va, uint64_t n)
{
    struct call_result r = call_console_read(c->slot, va, payload(n));

    if (r.value != -E_AGAIN)
        return r;
    return insist(c, &(struct operation){OP_READ, 0, va, payload(n), 0});
}

struct call_result
console_send(const struct console *c, uint32_t stream, uint64_t at, uint64_t n, uint32_t index)
{
    return insist(c, &(struct operation){OP_SEND, stream, at, payload(n), index});
}

static void
output_alone(void)
{
}

void (*exo_output_take)(void) = output_alone;
void (*exo_output_drop)(void) = output_alone;

int
console_write_all(const struct console *c, uint32_t stream, const void *bytes, uint64_t n)
{
    uint64_t va = (uintptr_t)bytes;
    int64_t done = 0;

    exo_output_take();
    while (n > 0 && done >= 0) {
        done = console_write(c, stream, va, n).value;
        va += (uint64_t)done;
        n -= (uint64_t)done;
    }
    exo_output_drop();
    return done < 0 ? (int)done : 0;
}

int
console_print(const char *s)
{
    return console_write_all(&exo_console, STREAM_OUTPUT, s, strlen(s));
}

int
console_end(const struct console *c, uint64_t status)
{
    return (int)insist(c, &(struct operation){OP_STATUS, status, 0, 0, 0}).value;
}
