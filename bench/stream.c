/* SPDX-License-Identifier: MIT */
/*
 * stream.c - bytes through standard input or output, as fast as they go. One static Linux binary,
 * the same on both systems; the clock is the host's.
 *
 *   stream in BYTES    reads that many; writes 'r' when the first have come, 'd' after the last
 *   stream out BYTES   writes that many
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 << 10 };

static char chunk[CHUNK];

static int
stream_in(size_t left)
{
    const char *mark = "r";
    while (left > 0) {
        ssize_t n = read(0, chunk, left < CHUNK ? left : CHUNK);
        if (n <= 0)
            return 1;
        left -= (size_t)n;
        if (*mark && write(1, mark++, 1) != 1)
            return 1;
    }
    return write(1, "d", 1) != 1;
}

static int
stream_out(size_t left)
{
    memset(chunk, 'x', sizeof chunk);
    while (left > 0) {
        ssize_t n = write(1, chunk, left < CHUNK ? left : CHUNK);
        if (n <= 0)
            return 1;
        left -= (size_t)n;
    }
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    size_t bytes = strtoul(argv[2], NULL, 10);
    return strcmp(argv[1], "in") == 0 ? stream_in(bytes) : stream_out(bytes);
}
