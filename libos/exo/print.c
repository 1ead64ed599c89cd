/* SPDX-License-Identifier: MIT */
/* print.c - formatted text to the partition's output. */
#include "libos/exo/print.h"
#include <stdarg.h>
#include "lib/format.h"
#include "libos/exo/console.h"
#include "libos/exo/start.h"

int
print(const char *fmt, ...)
{
    char text[PRINT_BYTES_MAX + 1];
    va_list args;
    size_t length;

    va_start(args, fmt);
    length = format_v(text, sizeof(text), fmt, args);
    va_end(args);
    if (length > PRINT_BYTES_MAX)
        length = PRINT_BYTES_MAX;
    return console_write_all(&exo_console, STREAM_OUTPUT, text, length);
}

bool
print_usage(uint32_t n, const char *takes)
{
    bool more = exo_start_page->n_arguments > n + 1;

    if (more)
        print("usage: %s%s%s\n", argument_at(0), takes[0] ? " " : "", takes);
    return more;
}
