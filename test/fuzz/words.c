/* SPDX-License-Identifier: MIT */
/* words.c - any bytes to lib/words.c: lines tile the text, numbers and encodings come back. */
#include <inttypes.h>
#include <string.h>
#include "abi/error.h"
#include "lib/words.h"
#include "test/fuzz/fuzz.h"

enum { WORDS = 4 };

static void
number_require(struct word w)
{
    uint64_t v;
    char text[32];
    if (number_decimal(w, &v) == 0) {
        int n = snprintf(text, sizeof text, "%" PRIu64, v);
        while (w.length > (size_t)n && *w.at == '0') {
            w.at++;
            w.length--;
        }
        REQUIRE(word_is(w, text));
    }
    if (number_hex(w, &v) == 0 && w.length <= 16 && w.length) {
        int n = snprintf(text, sizeof text, "%0*" PRIx64, (int)w.length, v);
        for (size_t i = 0; i < w.length; i++)
            REQUIRE((w.at[i] | 0x20) == (text[i] | 0x20));
        REQUIRE((size_t)n == w.length);
    }
}

/* What decodes, encodes to a word that decodes to the same. */
static void
percent_require(struct word w)
{
    char *to = malloc(w.length + 1), *again = malloc(w.length + 1), *code;
    int n = percent_decode(to, w.length + 1, w);
    if (n >= 0) {
        REQUIRE((size_t)n <= w.length && strlen(to) == (size_t)n);
        size_t n_code = percent_encode(NULL, 0, to);
        code = malloc(n_code + 1);
        REQUIRE(percent_encode(code, n_code + 1, to) == n_code && strlen(code) == n_code);
        REQUIRE(percent_decode(again, w.length + 1, (struct word){code, n_code}) == n);
        REQUIRE(strcmp(to, again) == 0);
        REQUIRE(percent_decode(again, (size_t)n, w) == -E_RANGE);
        free(code);
    } else {
        REQUIRE(n == -E_INVAL);
    }
    free(to);
    free(again);
}

static void
line_require(struct line l)
{
    struct word w, split[WORDS];
    size_t n_split = words_split(l, split, WORDS);
    REQUIRE(n_split <= WORDS && (n_split || !l.length));
    const char *end = l.at + l.length;
    for (size_t i = 0; i < n_split; i++)
        REQUIRE(split[i].at >= l.at && split[i].at + split[i].length <= end);
    while (word_next(&l, &w)) {
        REQUIRE(!w.length || !memchr(w.at, ' ', w.length));
        REQUIRE(w.at + w.length <= end && l.at <= end && l.at + l.length == end);
        number_require(w);
        percent_require(w);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *text = (const char *)bytes;
    struct lines lines = lines_of(text, n);
    struct line l;
    const char *at = text;
    while (line_next(&lines, &l)) {
        REQUIRE(l.at == at && l.at[l.length] == '\n');
        REQUIRE(!l.length || !memchr(l.at, '\n', l.length));
        at = lines.at;
        REQUIRE(at == l.at + l.length + 1);
        line_require(l);
    }
    REQUIRE(lines.end == text + n && lines.at == at);
    return 0;
}
