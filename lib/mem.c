/* SPDX-License-Identifier: MIT */
/*
 * mem.c - the C library's memory and string functions for kernel and library OSes.
 *
 * Invariants  M1 nothing outside the n bytes is read or written, not even within a word.
 * What counts here is instructions: whole words, eight to a turn of the loop, wherever the bytes
 * lie (both processors that Tessera is compiled for load and store words at any address). The
 * string functions go by bytes: what they see is short.
 */
#include <stdint.h>
#include "lib/string.h"

/* A word at any address, that may hold anything. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word_t;

enum { WORD = sizeof(word_t), TURN = 8 * WORD };

void *
memcpy(void *restrict to, const void *restrict from, size_t n)
{
    char *t = to;
    const char *f = from;
    for (; n >= TURN; n -= TURN, t += TURN, f += TURN) {
        word_t *tw = (word_t *)t;
        const word_t *fw = (const word_t *)f;
        tw[0] = fw[0];
        tw[1] = fw[1];
        tw[2] = fw[2];
        tw[3] = fw[3];
        tw[4] = fw[4];
        tw[5] = fw[5];
        tw[6] = fw[6];
        tw[7] = fw[7];
    }
    for (; n >= WORD; n -= WORD, t += WORD, f += WORD)
        *(word_t *)t = *(const word_t *)f;
    for (; n; n--)
        *t++ = *f++;
    return to;
}

/* From the end to the beginning: for a destination that starts within the source. */
static void
move_down(char *t, const char *f, size_t n)
{
    t += n;
    f += n;
    for (; n >= WORD; n -= WORD) {
        t -= WORD;
        f -= WORD;
        *(word_t *)t = *(const word_t *)f;
    }
    for (; n; n--)
        *--t = *--f;
}

void *
memmove(void *to, const void *from, size_t n)
{
    char *t = to;
    const char *f = from;
    if ((uintptr_t)t - (uintptr_t)f < n) {
        move_down(t, f, n);
        return to;
    }
    if ((uintptr_t)f - (uintptr_t)t >= n)
        return memcpy(to, from, n);
    for (; n >= WORD; n -= WORD, t += WORD, f += WORD)
        *(word_t *)t = *(const word_t *)f;
    for (; n; n--)
        *t++ = *f++;
    return to;
}

void *
memset(void *to, int byte, size_t n)
{
    char *t = to;
    uint64_t all = (uint8_t)byte * 0x0101010101010101ull;
    for (; n >= TURN; n -= TURN, t += TURN) {
        word_t *tw = (word_t *)t;
        tw[0] = all;
        tw[1] = all;
        tw[2] = all;
        tw[3] = all;
        tw[4] = all;
        tw[5] = all;
        tw[6] = all;
        tw[7] = all;
    }
    for (; n >= WORD; n -= WORD, t += WORD)
        *(word_t *)t = all;
    for (; n; n--)
        *t++ = (char)byte;
    return to;
}

int
memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a;
    const uint8_t *q = b;
    while (n >= WORD && *(const word_t *)p == *(const word_t *)q) {
        p += WORD;
        q += WORD;
        n -= WORD;
    }
    for (; n; n--, p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}

/* Not 0 if and only if a byte of w is 0. Source: Mycroft's test, 1987. */
static uint64_t
word_has_zero(uint64_t w)
{
    return (w - 0x0101010101010101ull) & ~w & 0x8080808080808080ull;
}

void *
memchr(const void *in, int byte, size_t n)
{
    const uint8_t *p = in;
    uint64_t all = (uint8_t)byte * 0x0101010101010101ull;
    for (; n >= WORD && !word_has_zero(*(const word_t *)p ^ all); n -= WORD)
        p += WORD;
    for (; n; n--, p++)
        if (*p == (uint8_t)byte)
            return (void *)(uintptr_t)p;
    return NULL;
}

size_t
strlen(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

int
strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return (uint8_t)*a - (uint8_t)*b;
}

int
strncmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && *a == *b; n--, a++)
        b++;
    return n ? (uint8_t)*a - (uint8_t)*b : 0;
}
