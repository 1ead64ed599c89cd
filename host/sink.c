/* SPDX-License-Identifier: MIT */
/*
 * sink.c - where the bytes of an output go: a file descriptor, or lines on standard error.
 */
#include "host/sink.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/say.h"

long
sink_file(void *fd, const uint8_t *bytes, size_t length)
{
    int to = *(const int *)fd;
    for (;;) {
        ssize_t n = write(to, bytes, length);
        if (n > 0)
            return n;
        if (n == 0)
            return -EIO;
        if (errno == EAGAIN) /* somebody else made the file non-blocking */
            poll(&(struct pollfd){.fd = to, .events = POLLOUT}, 1, -1);
        else if (errno != EINTR)
            return -errno;
    }
}

static void
line_print(struct sink_lines *s)
{
    char text[SINK_LINE_BYTES + 64];
    size_t n = (size_t)snprintf(text, sizeof text, "%.40s| ", s->name);
    memcpy(text + n, s->line, s->length);
    n += s->length;
    text[n++] = '\n';
    say_text(text, n);
    s->length = 0;
}

long
sink_lines(void *lines, const uint8_t *bytes, size_t length)
{
    struct sink_lines *s = lines;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n')
            s->line[s->length++] = (char)bytes[i];
        if (bytes[i] == '\n' || s->length == sizeof s->line)
            line_print(s);
    }
    return (long)length;
}

void
sink_lines_end(struct sink_lines *s)
{
    if (s->length > 0)
        line_print(s);
}
