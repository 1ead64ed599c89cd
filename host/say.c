/* SPDX-License-Identifier: MIT */
/*
 * say.c - the command's own words: to standard error only, a line at a time, one write each.
 * What others chose (names, reports, panics) is escaped, so that it cannot steer a terminal.
 */
#include "host/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192 };

size_t
say_escape(char *to, size_t size, const char *from, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < length && n + 5 <= size; i++) {
        unsigned char c = (unsigned char)from[i];
        if ((c >= 0x20 && c != 0x7f) || c == '\t') {
            to[n++] = (char)c;
            continue;
        }
        to[n++] = '\\';
        to[n++] = 'x';
        to[n++] = digits[c >> 4];
        to[n++] = digits[c & 15];
    }
    if (size)
        to[n] = 0;
    return n;
}

void
say_text(const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(STDERR_FILENO, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody listens: there is no other place to say so */
        text += n;
        length -= (size_t)n;
    }
}

static void say_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

static void
say_list(const char *format, va_list arguments)
{
    char words[LINE_MAX_BYTES / 4];
    char line[LINE_MAX_BYTES];
    int n = vsnprintf(words, sizeof words, format, arguments);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof words ? (size_t)n : sizeof words - 1;
    size_t at = (size_t)snprintf(line, sizeof line, "tessera: ");
    at += say_escape(line + at, sizeof line - at - 1, words, length);
    line[at++] = '\n';
    say_text(line, at);
}

void
say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_list(format, arguments);
    va_end(arguments);
}

int
say_fail(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_list(format, arguments);
    va_end(arguments);
    return code;
}
