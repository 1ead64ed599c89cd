/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/report.h - telling the host command how a program died, in the lines of docs/report.md.
 * What cannot be written, because the host has gone, is lost: there is nobody to tell.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/x86/save.h"
#include "libos/exo/console.h"

/* One line, without its newline; cut at 500 bytes. */
void report_line(const struct console *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* That it died by that signal of its account's limit. */
void report_memory(const struct console *c, int signal);

/* The line `died` for an exception or page fault. */
void report_exception(const struct console *c, int signal, const struct save_area *save);

/* Report this exception or page fault as the end of the partition, and end it. */
void exo_die_of(const struct save_area *save) __attribute__((noreturn));

/* The library itself has failed: say why and where, and end as by SIGABRT. For lock.h. */
void exo_fail(const char *why, const struct save_area *where) __attribute__((noreturn));

/* The lines `register`. */
void report_registers(const struct console *c, const struct save_area *save);

/* Reads a word of who died. False where nothing is mapped. */
typedef bool report_peek(uint64_t va, uint64_t *out);

/* What was added to the addresses of a program that is loaded, if not 0: said before its frames. */
extern uint64_t report_base;

/* The lines `frame`: where it was, then the chain of frame pointers as far as it goes. */
void report_frames_by(const struct console *c, const struct save_area *save, report_peek *peek);

/* The same in our own address space. */
void report_frames(const struct console *c, const struct save_area *save);
