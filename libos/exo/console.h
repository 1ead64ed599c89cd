/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/console.h - the channel to the host, with waiting: on the console's counter, never by
 * asking again and again.
 */
#pragma once
#include <stdint.h>
#include "abi/channel.h"
#include "libos/exo/invoke.h"

/* The slots to use; a partition has the one, init has those of others at hand. */
struct console {
    uint32_t slot;
    uint32_t events, index; /* the counter that the kernel raises */
};

extern const struct console exo_console;

/*
 * Write some of n bytes at va (n >= 1), as soon as the host has room: value is how many.
 * -E_FAULT: detail is the address that is absent; -E_PIPE, -E_NOSPC: the reader has gone.
 */
struct call_result console_write(const struct console *c, uint32_t stream, uint64_t va, uint64_t n);

/*
 * The same of n bytes of frames of our own account, 4 KiB each, that follow each other, without a
 * copy: from offset % FRAME_BYTES of frame at >> FRAME_SHIFT on. They may change once counter `index`
 * of the console's events is raised, by one for each call. -E_DQUOT: too many are under way.
 */
struct call_result console_send(const struct console *c, uint32_t stream, uint64_t at, uint64_t n,
                                uint32_t index);

/*
 * Read at most n bytes (n >= 1) as soon as there are some: value is how many, 0 at the end of
 * input.
 */
struct call_result console_read(const struct console *c, uint64_t va, uint64_t n);

/*
 * Write all, as one piece: what other threads and contexts write comes before or behind it. 0, or the first
 * error. Who writes faster than the host reads waits; nothing is dropped. The handler of an upcall may
 * write too: it waits with its whole context, and its words may come amid a piece of somebody's.
 */
int console_write_all(const struct console *c, uint32_t stream, const void *bytes, uint64_t n);

/* Around the writing of a piece, which may sleep: nothing, until there are contexts or threads. */
extern void (*exo_output_take)(void);
extern void (*exo_output_drop)(void);

/* Write a string, by the console of our own, to STREAM_OUTPUT. 0, or an error. */
int console_print(const char *s);

/* Say the exit status; nothing can be written after it. 0, or an error. */
int console_end(const struct console *c, uint64_t status);
