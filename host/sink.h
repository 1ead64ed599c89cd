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

long sink_file(void *fd, const uint8_t *bytes, size_t length);
long sink_lines(void *lines, const uint8_t *bytes, size_t length);
void sink_lines_end(struct sink_lines *s);
