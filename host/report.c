/* SPDX-License-Identifier: MIT */
/*
 * report.c - what library OSes and init say of a program (docs/report.md), made into lines for
 * people. The lines are hostile: bounded, decoded by lib/words, escaped. An unknown word is
 * ignored.
 */
#include "host/report.h"

#include <stdio.h>
#include <string.h>

#include "host/say.h"
#include "lib/elf.h"

/* Escape `word` to a string. */
static void
word_text(char *to, size_t size, struct word word)
{
    say_escape(to, size, word.at, word.length);
}

size_t
report_frame(struct report *r, uint64_t address, char text[REPORT_TEXT_MAX])
{
    const char *function;
    uint64_t offset;
    uint64_t inside = r->innermost || address == 0 ? address : address - 1;
    uint64_t back = address - inside;
    r->innermost = 0;
    for (unsigned i = 0; i < r->n_images; i++) {
        const struct report_image *image = &r->image[i];
        if (inside < image->base ||
            elf_symbol(image->bytes, image->length, inside - image->base, &function, &offset) < 0)
            continue;
        char shown[1024];
        say_escape(shown, sizeof shown, function, strnlen(function, sizeof shown / 4));
        return (size_t)snprintf(text, REPORT_TEXT_MAX, "    0x%lx %s+0x%lx (%.200s)\n", address,
                                shown, offset + back, image->name);
    }
    return (size_t)snprintf(text, REPORT_TEXT_MAX, "    0x%lx\n", address);
}

/* `tessera: NAME: WORDS` */
static size_t
said(struct report *r, const struct line *words, char text[REPORT_TEXT_MAX])
{
    size_t n = (size_t)snprintf(text, REPORT_TEXT_MAX, "tessera: %s: ", r->name);
    n += say_escape(text + n, REPORT_TEXT_MAX - n - 1, words->at, words->length);
    text[n++] = '\n';
    return n;
}

static size_t
died(struct report *r, struct line *rest, char text[REPORT_TEXT_MAX])
{
    struct word signal;
    if (!word_next(rest, &signal))
        return 0;
    r->innermost = 1;
    return said(r, rest, text);
}

static size_t
cpu_register(struct line *rest, char text[REPORT_TEXT_MAX])
{
    struct word field[2];
    uint64_t value;
    char name[64];
    if (words_split(*rest, field, 2) != 2 || number_hex(field[1], &value) < 0)
        return 0;
    word_text(name, sizeof name, field[0]);
    return (size_t)snprintf(text, REPORT_TEXT_MAX, "    %-6s 0x%016lx\n", name, value);
}

static size_t
frame(struct report *r, struct line *rest, char text[REPORT_TEXT_MAX])
{
    uint64_t address;
    if (number_hex(word_rest(rest), &address) < 0)
        return 0;
    return report_frame(r, address, text);
}

/* Where a position-independent program lies: nothing to print. */
static size_t
loaded(struct report *r, struct line *rest)
{
    uint64_t base;
    if (number_hex(word_rest(rest), &base) == 0)
        r->image[0].base = base;
    return 0;
}

static size_t
missing(struct report *r, struct line *rest, char text[REPORT_TEXT_MAX])
{
    struct word field[2];
    uint64_t count;
    char name[128];
    if (words_split(*rest, field, 2) != 2 || number_decimal(field[1], &count) < 0)
        return 0;
    word_text(name, sizeof name, field[0]);
    return (size_t)snprintf(text, REPORT_TEXT_MAX,
                            "tessera: %s: call not implemented: %s (%lu time%s)\n", r->name, name,
                            count, count == 1 ? "" : "s");
}

size_t
report_line(struct report *r, struct line line, char text[REPORT_TEXT_MAX])
{
    struct word key;
    if (!word_next(&line, &key))
        return 0;
    if (word_is(key, "died"))
        return died(r, &line, text);
    if (word_is(key, "register"))
        return cpu_register(&line, text);
    if (word_is(key, "frame"))
        return frame(r, &line, text);
    if (word_is(key, "loaded"))
        return loaded(r, &line);
    if (word_is(key, "missing"))
        return missing(r, &line, text);
    if (word_is(key, "note"))
        return said(r, &line, text);
    return 0;
}

long
report_take(void *report, const uint8_t *bytes, size_t length)
{
    struct report *r = report;
    char text[REPORT_TEXT_MAX];
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n') {
            if (r->length == sizeof r->line)
                r->too_long = 1;
            else
                r->line[r->length++] = (char)bytes[i];
            continue;
        }
        struct line line = {r->line, r->length};
        size_t n = r->too_long ? 0 : report_line(r, line, text);
        say_text(text, n);
        r->length = 0;
        r->too_long = 0;
    }
    return (long)length;
}
