/* SPDX-License-Identifier: MIT */
/*
 * kernel/log.h - the kernel's log and its end.
 *
 * Lines go to the console port as CH_LOG once it works, and to COM1 before; only when the command
 * line holds the word `log`.
 */
#pragma once
#include <stdint.h>

/* Boot: is the word `log` among these? */
void log_init(const char *command_line);
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints `panic: ...` and the backtrace on COM1 and ends the machine with PANIC_STATUS. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The two halves of a panic whose registers are known: text on COM1, then the frames from rip and
 * fp on, and the end.
 */
void log_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void log_panic_end(uint64_t rip, uint64_t frame_pointer);

enum { PANIC_STATUS = 0x7f };

/* For our own bugs; on in release; cites its invariant in a comment. */
#define assert(condition)                                                                          \
    ((condition) ? (void)0 : panic("%s:%d: %s", __FILE__, __LINE__, #condition))
