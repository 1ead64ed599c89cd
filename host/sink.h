/* SPDX-License-Identifier: MIT */
/* sink.h - where the bytes of an output go: see sink.c. Each fits output_sink. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { SINK_LINE_BYTES = 4096 };

/* Lines on standard error, each with a name before it. */
struct sink_lines {
    const char *name;
    size_t length; /* of a line that has begun */
    char line[SINK_LINE_BYTES];
};

/* Context: an int, the file descriptor.  Blocks until one byte at least is taken. */
long sink_file(void *fd, const uint8_t *bytes, size_t length);
/* Context: a struct sink_lines. Takes all; a line too long for it comes as several. */
long sink_lines(void *lines, const uint8_t *bytes, size_t length);
/* Print a last line that no newline ended; when nobody adds to it any more. */
void sink_lines_end(struct sink_lines *s);
