/* SPDX-License-Identifier: MIT */
/*
 * lib/words.h - the text that init, library OSes and the host command exchange: docs/report.md.
 *
 * Lines ended by a newline, words parted by one blank, numbers, and bytes written as %XX. All of it
 * points into the caller's buffer and copies nothing; nothing here is ended by 0 but what
 * percent_decode and percent_encode write.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum words_limit {
    LINE_BYTES_MAX = 4000, /* a reader of commands and reports ignores a longer line */
};

/* What is left of a buffer: after line_next says false, the beginning of a line still to end. */
struct lines {
    const char *at, *end;
};

/* A line without its newline, or what is left of one. */
struct line {
    const char *at;
    size_t length; /* bytes */
};

struct word {
    const char *at;
    size_t length; /* bytes; 0 where two blanks meet */
};

/* The lines of length bytes at text. */
struct lines lines_of(const char *text, size_t length);

/* Take the next whole line. False when none is left that a newline ends. */
bool line_next(struct lines *l, struct line *out);

/* Take the next word off the line, and the blank behind it. False when nothing is left. */
bool word_next(struct line *l, struct word *out);

/* All that is left of the line, blanks included, as one word; may be empty. */
struct word word_rest(const struct line *l);

bool word_is(struct word w, const char *s);

/* Is s one of the words of the string? */
bool line_has_word(const char *text, const char *s);

/* Is KEY=DECIMAL one of them, for this key? The last that is one counts. */
bool line_has_number(const char *text, const char *key, uint64_t *out);

/*
 * Split a line into at most max words, the last of which takes the rest of the line.
 * Returns how many there are.
 */
size_t words_split(struct line l, struct word *out, size_t max);

/*
 * The number that the whole word writes, in digits only: no sign, blank or 0x.
 * Returns 0; -E_INVAL: empty, or another byte; -E_RANGE: more than 64 bits.
 */
int number_decimal(struct word w, uint64_t *out);
int number_hex(struct word w, uint64_t *out);

/*
 * Undo percent_encode: at most size bytes at `to`, the ending 0 with them.
 * Returns the length without the 0; -E_RANGE: does not fit; -E_INVAL: a byte below 0x21 or above
 * 0x7e, a '%' without two hexadecimal digits, or %00, which no string can hold.
 */
int percent_decode(char *to, size_t size, struct word from);

/*
 * Write string `from` with bytes below 0x21, '%' and bytes above 0x7e as %XX: at most size bytes,
 * always ended by 0 (size 0 writes nothing). Returns the length of the whole without the 0: it
 * was cut when that is >= size.
 */
size_t percent_encode(char *to, size_t size, const char *from);
