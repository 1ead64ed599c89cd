/* SPDX-License-Identifier: MIT */
/*
 * words.c - lines, words, numbers and %XX: the text of docs/report.md.
 *
 * Invariants  W1 every word and line lies within the buffer it was taken from.
 */
#include <limits.h>
#include "abi/error.h"
#include "lib/string.h"
#include "lib/words.h"

struct lines
lines_of(const char *text, size_t length)
{
    return (struct lines){text, text + length};
}

bool
line_next(struct lines *l, struct line *out)
{
    size_t left = (size_t)(l->end - l->at);
    const char *newline = left ? memchr(l->at, '\n', left) : NULL;
    if (!newline)
        return false;
    *out = (struct line){l->at, (size_t)(newline - l->at)};
    l->at = newline + 1;
    return true;
}

bool
word_next(struct line *l, struct word *out)
{
    if (!l->length)
        return false;
    const char *blank = memchr(l->at, ' ', l->length);
    size_t n = blank ? (size_t)(blank - l->at) : l->length;
    size_t taken = blank ? n + 1 : n;
    *out = (struct word){l->at, n};
    l->at += taken;
    l->length -= taken;
    return true;
}

struct word
word_rest(const struct line *l)
{
    return (struct word){l->at, l->length};
}

bool
word_is(struct word w, const char *s)
{
    return w.length == strlen(s) && memcmp(w.at, s, w.length) == 0;
}

bool
line_has_word(const char *text, const char *s)
{
    struct line left = {text, strlen(text)};
    struct word w;

    while (word_next(&left, &w))
        if (word_is(w, s))
            return true;
    return false;
}

bool
line_has_number(const char *text, const char *key, uint64_t *out)
{
    struct line left = {text, strlen(text)};
    size_t length = strlen(key);
    bool found = false;
    struct word w;
    uint64_t n;

    while (word_next(&left, &w)) {
        if (w.length <= length || w.at[length] != '=' || memcmp(w.at, key, length) != 0)
            continue;
        if (number_decimal((struct word){w.at + length + 1, w.length - length - 1}, &n) == 0) {
            *out = n;
            found = true;
        }
    }
    return found;
}

size_t
words_split(struct line l, struct word *out, size_t max)
{
    size_t n = 0;
    while (n + 1 < max && word_next(&l, &out[n]))
        n++;
    if (n < max && l.length)
        out[n++] = word_rest(&l);
    return n;
}

/* The value of a digit in a base up to 16; the base itself or more for any other byte. */
static uint32_t
digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (uint32_t)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (uint32_t)(c - 'A') + 10;
    return 16;
}

static int
number_read(struct word w, uint32_t base, uint64_t *out)
{
    uint64_t v = 0;
    bool fits = true;
    for (size_t i = 0; i < w.length; i++) {
        uint32_t digit = digit_value(w.at[i]);
        if (digit >= base)
            return -E_INVAL;
        fits = fits && v <= (UINT64_MAX - digit) / base;
        v = v * base + digit;
    }
    if (!w.length)
        return -E_INVAL;
    if (!fits)
        return -E_RANGE;
    *out = v;
    return 0;
}

int
number_decimal(struct word w, uint64_t *out)
{
    return number_read(w, 10, out);
}

int
number_hex(struct word w, uint64_t *out)
{
    return number_read(w, 16, out);
}

static bool
is_plain(uint8_t c)
{
    return c > ' ' && c <= '~' && c != '%';
}

/* Take one byte off an encoded word. Returns it, 1 .. 255, or -E_INVAL. */
static int
byte_decode(struct word *w)
{
    uint8_t c = (uint8_t)w->at[0];
    size_t taken = 1;
    if (c == '%' && w->length >= 3) {
        uint32_t high = digit_value(w->at[1]);
        uint32_t low = digit_value(w->at[2]);
        c = high < 16 && low < 16 ? (uint8_t)(high << 4 | low) : 0;
        taken = 3;
    } else if (!is_plain(c)) {
        c = 0;
    }
    w->at += taken;
    w->length -= taken;
    return c ? c : -E_INVAL;
}

int
percent_decode(char *to, size_t size, struct word from)
{
    size_t n = 0;
    while (from.length) {
        int c = byte_decode(&from);
        if (c < 0)
            return c;
        if (n + 1 < size)
            to[n] = (char)c;
        n++;
    }
    if (n >= size || n > INT_MAX)
        return -E_RANGE;
    to[n] = 0;
    return (int)n;
}

/* Put one byte behind the n there are, where it and a 0 fit. */
static size_t
byte_put(char *to, size_t size, size_t n, char c)
{
    if (n + 1 < size)
        to[n] = c;
    return n + 1;
}

size_t
percent_encode(char *to, size_t size, const char *from)
{
    size_t n = 0;
    for (; *from; from++) {
        uint8_t c = (uint8_t)*from;
        if (is_plain(c)) {
            n = byte_put(to, size, n, *from);
        } else {
            n = byte_put(to, size, n, '%');
            n = byte_put(to, size, n, "0123456789abcdef"[c >> 4]);
            n = byte_put(to, size, n, "0123456789abcdef"[c & 15]);
        }
    }
    if (size)
        to[n < size ? n : size - 1] = 0;
    return n;
}
