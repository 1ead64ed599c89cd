/* SPDX-License-Identifier: MIT */
/* say.h - the command's own words and its own exit codes: see say.c. */
#pragma once
#include <stddef.h>

/* Exit codes of the command itself; docs/command.md. */
enum exit_code {
    EXIT_PANIC = 123,  /* the kernel panicked, or the machine reset */
    EXIT_TOOL = 125,   /* the command or the machine failed */
    EXIT_NO_RUN = 126, /* the program cannot be run */
    EXIT_NO_FIND = 127,
    EXIT_SIGNAL = 128, /* + the signal's number */
};

/* One line, with the command's name before it. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same; returns `code`, for `return say_fail(EXIT_TOOL, ...)`. */
int say_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Put text on standard error as it is. */
void say_text(const char *text, size_t length);
/*
 * Write from[0 .. length) with control bytes as \xNN (but tabs), at most size bytes at `to` with
 * the ending 0. Returns the length without it: what does not fit is left out.
 */
size_t say_escape(char *to, size_t size, const char *from, size_t length);
