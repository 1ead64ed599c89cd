/* SPDX-License-Identifier: MIT */
/*
 * panic.c - the kernel's last words, as it writes them on the serial port when it can do nothing
 * else.
 *
 * A line `panic: WORDS`, then a line for each register, then `frame ADDRESS` lines, innermost
 * first, which are named here by the kernel's symbols.
 */
#include "host/panic.h"

#include <string.h>

#include "host/file.h"
#include "host/report.h"
#include "host/say.h"

void
serial_take(struct serial_text *s, const char *bytes, size_t length)
{
    if (length > sizeof s->bytes) {
        bytes += length - sizeof s->bytes;
        length = sizeof s->bytes;
    }
    size_t over = s->length + length > sizeof s->bytes ? s->length + length - sizeof s->bytes : 0;
    memmove(s->bytes, s->bytes + over, s->length - over);
    s->length -= over;
    memcpy(s->bytes + s->length, bytes, length);
    s->length += length;
}

static void
print_line(struct report *kernel, struct line line)
{
    char text[REPORT_TEXT_MAX];
    struct line rest = line;
    struct word key;
    uint64_t address;
    size_t n = 0;
    if (line.length > LINE_BYTES_MAX)
        line.length = LINE_BYTES_MAX;
    if (word_next(&rest, &key) && word_is(key, "frame") &&
        number_hex(word_rest(&rest), &address) == 0) {
        n = report_frame(kernel, address, text);
    } else {
        n = say_escape(text, sizeof text - 1, line.at, line.length);
        text[n++] = '\n';
    }
    say_text(text, n);
}

int
panic_print(const struct serial_text *s, const char *kernel_path)
{
    struct file file = {.length = 0};
    struct lines lines = lines_of(s->bytes, s->length);
    struct line line;
    int found = 0;
    struct report kernel = {.name = "kernel", .innermost = 1};
    if (file_load(&file, kernel_path) == 0) {
        kernel.image[0] = (struct report_image){"kernel", file.bytes, file.length, 0};
        kernel.n_images = 1;
    }
    while (line_next(&lines, &line)) {
        if (line.length && line.at[line.length - 1] == '\r')
            line.length--;
        if (!found && line.length >= 7 && !memcmp(line.at, "panic: ", 7)) {
            found = 1;
            say_text("tessera: kernel ", 16);
        }
        if (found)
            print_line(&kernel, line);
    }
    return found;
}
