/* SPDX-License-Identifier: MIT */
/*
 * format.c - the part of printf that kernel and libraries need, into a buffer.
 *
 * Invariants  F1 at most size bytes are written, the last of them 0.
 *             F2 `length` counts what the whole text has, written or not.
 */
#include <stdbool.h>
#include <stdint.h>
#include "lib/format.h"
#include "lib/string.h"

struct output {
    char *buf;
    size_t size;
    size_t length; /* F2 */
};

/* One conversion, as the text between '%' and its letter says. */
struct spec {
    size_t width;
    bool zeros;
    bool left;
    uint32_t n_long; /* 0: int, 1 or 2: 64 bits */
    char letter;
};

enum { DIGITS_MAX = 20, WIDTH_MAX = 4096 };

static void
put(struct output *o, char c)
{
    if (o->length + 1 < o->size)
        o->buf[o->length] = c;
    o->length++;
}

static void
put_n(struct output *o, char c, size_t n)
{
    while (n--)
        put(o, c);
}

/* `prefix` ("-", "0x" or "") and n bytes of body, padded to the width as the spec asks. */
static void
put_padded(struct output *o, const struct spec *s, const char *prefix, const char *body, size_t n)
{
    size_t n_prefix = strlen(prefix);
    size_t pad = s->width > n_prefix + n ? s->width - n_prefix - n : 0;
    bool zeros = s->zeros && !s->left;
    if (!s->left && !zeros)
        put_n(o, ' ', pad);
    for (size_t i = 0; i < n_prefix; i++)
        put(o, prefix[i]);
    if (zeros)
        put_n(o, '0', pad);
    for (size_t i = 0; i < n; i++)
        put(o, body[i]);
    if (s->left)
        put_n(o, ' ', pad);
}

static void
put_number(struct output *o, const struct spec *s, const char *prefix, uint64_t v, uint32_t base)
{
    char digits[DIGITS_MAX];
    size_t n = 0;
    do {
        digits[DIGITS_MAX - ++n] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    put_padded(o, s, prefix, digits + DIGITS_MAX - n, n);
}

static void
put_signed(struct output *o, const struct spec *s, int64_t v)
{
    put_number(o, s, v < 0 ? "-" : "", v < 0 ? -(uint64_t)v : (uint64_t)v, 10);
}

/* Read the spec behind a '%'. Returns the byte behind it, or NULL when it is none of ours. */
static const char *
spec_read(const char *at, struct spec *s)
{
    *s = (struct spec){0};
    for (; *at == '0' || *at == '-'; at++) {
        s->zeros |= *at == '0';
        s->left |= *at == '-';
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        s->width = s->width * 10 + (size_t)(*at - '0');
        if (s->width > WIDTH_MAX)
            return NULL;
    }
    if (*at == 'z') {
        s->n_long = 1;
        at++;
    } else {
        for (; *at == 'l' && s->n_long < 2; at++)
            s->n_long++;
    }
    s->letter = *at;
    bool number = *at == 'd' || *at == 'u' || *at == 'x';
    bool other = *at == 's' || *at == 'c' || *at == 'p' || *at == '%';
    return number || (other && !s->n_long) ? at + 1 : NULL;
}

/* What a conversion takes off the arguments: at most one of these. */
struct value {
    uint64_t number; /* an int with its sign carried up, or 64 bits */
    const void *pointer;
};

static void
put_string(struct output *o, const struct spec *s, const char *text)
{
    struct spec plain = *s;
    plain.zeros = false;
    if (!text)
        text = "(null)";
    put_padded(o, &plain, "", text, strlen(text));
}

static void
put_char(struct output *o, const struct spec *s, char c)
{
    struct spec plain = *s;
    plain.zeros = false;
    put_padded(o, &plain, "", &c, 1);
}

static void
convert(struct output *o, const struct spec *s, struct value v)
{
    uint64_t number = s->n_long ? v.number : (uint32_t)v.number;
    switch (s->letter) {
    case 's':
        put_string(o, s, v.pointer);
        break;
    case 'c':
        put_char(o, s, (char)v.number);
        break;
    case 'd':
        put_signed(o, s, (int64_t)v.number);
        break;
    case 'u':
        put_number(o, s, "", number, 10);
        break;
    case 'x':
        put_number(o, s, "", number, 16);
        break;
    case 'p':
        put_number(o, s, "0x", (uintptr_t)v.pointer, 16);
        break;
    default:
        put(o, '%');
    }
}

/* long, long long and size_t are 64 bits each on all that Tessera is compiled for. */
size_t
format_v(char *buf, size_t size, const char *fmt, va_list args)
{
    struct output o = {buf, size, 0};
    for (const char *at = fmt; *at;) {
        struct spec s;
        struct value v = {0, NULL};
        const char *behind = *at == '%' ? spec_read(at + 1, &s) : NULL;
        if (!behind) {
            put(&o, *at++);
            continue;
        }
        if (s.letter == 's' || s.letter == 'p')
            v.pointer = va_arg(args, const void *);
        else if (s.n_long)
            v.number = va_arg(args, unsigned long long);
        else if (s.letter != '%')
            v.number = (uint64_t)va_arg(args, int);
        convert(&o, &s, v);
        at = behind;
    }
    if (size)
        buf[o.length < size ? o.length : size - 1] = 0; /* F1 */
    return o.length;
}

size_t
format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t length = format_v(buf, size, fmt, args);
    va_end(args);
    return length;
}
