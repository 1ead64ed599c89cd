/* SPDX-License-Identifier: MIT */
/*
 * kernel/dev/channel.h - the channels of the console port (abi/channel.h) as the kernel speaks them.
 *
 * A channel is there from the start, with or without a console: the host may give credit before a
 * partition asks for it, and what is owed to the host is sent though the console has gone.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/channel.h"

struct account;

/*
 * Invariants
 *  H1 a channel serves one console, once: its number is not given again.
 *  H2 credit[STREAM_INPUT] is what the host may still send; it is given only for room in the
 *     console's buffer, and only a channel with a console has any.
 *  H3 `owing` has the bit of each channel with something in owed_*; it goes out, in that order,
 *     with the next send buffer that is free.
 */
struct channel {
    uint32_t console;              /* frame of its console; 0: none */
    bool taken;                    /* has or had a console */
    bool finished;                 /* its status is sent or owed: nothing more is written */
    uint64_t credit[STREAM_COUNT]; /* bytes that the stream's writer may still send */
    uint32_t closed[STREAM_COUNT]; /* the error for whom is here, once the host is not there */
    uint32_t ended;       /* set of 1 << stream: its writer has ended, or its reader here */
    uint32_t owed_credit; /* for the input, bytes */
    uint32_t owed_ends;   /* set of 1 << stream */
    uint32_t owed_status; /* status + 1; 0: none */
    uint64_t signals;     /* set of 1 << number, not yet taken */
};

/* Boot: greets the host. */
bool channel_init(const char *command_line);

/* The channel of any number: NULL when there is none. */
struct channel *channel_find(uint64_t number);

/*
 * Sends at most n bytes of the caller's memory on a stream to the host, n <= CHANNEL_PAYLOAD_MAX.
 * Returns how many; -E_AGAIN when there is no credit or no send buffer: the console is told once
 * there is; -E_FAULT, with the address at *absent; -E_IO when the port is broken.
 */
int64_t channel_write(struct channel *channel, enum channel_stream stream, uint64_t va, uint64_t n,
                      uint64_t *absent);

/*
 * The same of n bytes of plain frames, which are read as they lie there until flight *flight has
 * landed (kernel/flight.h): it is charged to the payer, else -E_DQUOT.
 */
int64_t channel_fly(struct channel *channel, enum channel_stream stream, const uint8_t *bytes,
                    uint64_t n, struct account *payer, uint32_t *flight);

/* These cannot fail: what finds no send buffer is owed. */
void channel_give_credit(struct channel *channel, uint32_t bytes);
void channel_end(struct channel *channel, enum channel_stream stream);
void channel_finish(struct channel *channel, uint32_t status);

/*
 * Sends text as CH_LOG, n at most CHANNEL_PAYLOAD_MAX - 48: false when the port does not work
 * (yet). Lost, and said with the next, when no buffer is free.
 */
bool channel_log(const char *text, uint32_t n);

/* A bounded part of what the port has: true when there is more. */
bool channel_work(void);
/* Sends all that is owed, and waits until it and all before has left, or for 10 s nothing does. */
void channel_drain(void);
