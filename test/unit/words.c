/* SPDX-License-Identifier: MIT */
/* words.c - lib/words.c: lines, words, numbers, and %XX there and back. */
#include <string.h>
#include "abi/error.h"
#include "lib/words.h"
#include "test/unit/test.h"

static struct word
word_of(const char *s)
{
    return (struct word){s, strlen(s)};
}

static struct line
line_of(const char *s)
{
    return (struct line){s, strlen(s)};
}

static void
a_line_needs_its_newline(void)
{
    const char text[] = "one\n\nthree\nfou";
    struct lines l = lines_of(text, strlen(text));
    struct line out;
    CHECK(line_next(&l, &out) && out.length == 3 && memcmp(out.at, "one", 3) == 0);
    CHECK(line_next(&l, &out) && out.length == 0);
    CHECK(line_next(&l, &out) && out.length == 5);
    CHECK(!line_next(&l, &out) && !line_next(&l, &out));
    CHECK(l.end - l.at == 3); /* what is left waits for more */
    l = lines_of(text, 0);
    CHECK(!line_next(&l, &out));
}

static void
words_are_parted_by_one_blank(void)
{
    struct line l = line_of("a bc  d ");
    struct word w;
    CHECK(word_next(&l, &w) && word_is(w, "a"));
    CHECK(word_next(&l, &w) && word_is(w, "bc"));
    CHECK(word_is(word_rest(&l), " d "));
    CHECK(word_next(&l, &w) && word_is(w, ""));
    CHECK(word_next(&l, &w) && word_is(w, "d"));
    CHECK(!word_next(&l, &w));
    CHECK(!word_is(word_of("ab"), "a") && !word_is(word_of("a"), "ab"));
}

static void
the_last_word_of_a_split_takes_the_rest(void)
{
    struct word w[3];
    CHECK(words_split(line_of("died 11 a wild read"), w, 3) == 3);
    CHECK(word_is(w[0], "died") && word_is(w[1], "11") && word_is(w[2], "a wild read"));
    CHECK(words_split(line_of("one"), w, 3) == 1 && word_is(w[0], "one"));
    CHECK(words_split(line_of("one two"), w, 1) == 1 && word_is(w[0], "one two"));
    CHECK(words_split(line_of(""), w, 3) == 0);
    CHECK(words_split(line_of("one"), w, 0) == 0);
}

static void
a_word_is_found_whole_or_not_at_all(void)
{
    CHECK(line_has_word("log plain", "log") && line_has_word("log plain", "plain"));
    CHECK(line_has_word("plain-eof plain", "plain") && !line_has_word("plain-eof", "plain"));
    CHECK(!line_has_word("", "log") && !line_has_word("xlog", "log"));
}

static void
the_last_number_of_a_key_counts(void)
{
    uint64_t n = 7;
    CHECK(line_has_number("log trace=64 x=1", "trace", &n) && n == 64);
    CHECK(line_has_number("trace=64 trace=8 trace=z", "trace", &n) && n == 8);
    CHECK(!line_has_number("trace trace= traces=1 xtrace=1 trace=-1", "trace", &n) && n == 8);
}

static void
decimals_are_digits_and_fit_64_bits(void)
{
    uint64_t v = 7;
    CHECK(number_decimal(word_of("0"), &v) == 0 && v == 0);
    CHECK(number_decimal(word_of("0000000000000000000000042"), &v) == 0 && v == 42);
    CHECK(number_decimal(word_of("18446744073709551615"), &v) == 0 && v == UINT64_MAX);
    v = 7;
    CHECK(number_decimal(word_of("18446744073709551616"), &v) == -E_RANGE);
    CHECK(number_decimal(word_of("99999999999999999999999"), &v) == -E_RANGE);
    const char *bad[] = {"", "-1", "+1", " 1", "1 ", "1a", "0x1", "99999999999999999999999x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(number_decimal(word_of(bad[i]), &v) == -E_INVAL);
    CHECK(v == 7);
}

static void
hexadecimals_are_digits_and_fit_64_bits(void)
{
    uint64_t v = 7;
    CHECK(number_hex(word_of("fFfFffffFFFFffff"), &v) == 0 && v == UINT64_MAX);
    CHECK(number_hex(word_of("dead"), &v) == 0 && v == 0xdead);
    CHECK(number_hex(word_of("10000000000000000"), &v) == -E_RANGE);
    CHECK(number_hex(word_of("0x1"), &v) == -E_INVAL && number_hex(word_of("g"), &v) == -E_INVAL);
    CHECK(number_hex(word_of(""), &v) == -E_INVAL && v == 0xdead);
}

static void
every_byte_comes_back_from_its_encoding(void)
{
    char all[256], code[800], back[256];
    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    all[255] = 0;
    size_t n = percent_encode(code, sizeof code, all);
    CHECK(n == strlen(code) && n == 93 + 3 * 162);
    for (size_t i = 0; i < n; i++)
        CHECK(code[i] > ' ' && code[i] <= '~');
    CHECK(percent_decode(back, sizeof back, word_of(code)) == 255 && strcmp(back, all) == 0);
}

static void
encoding_cuts_and_always_ends(void)
{
    char to[8];
    memset(to, 'x', sizeof to);
    CHECK(percent_encode(to, 0, "a b") == 5 && to[0] == 'x');
    CHECK(percent_encode(to, 1, "a b") == 5 && to[0] == 0);
    CHECK(percent_encode(to, 3, "a b") == 5 && strcmp(to, "a%") == 0);
    CHECK(percent_encode(to, 6, "a b") == 5 && strcmp(to, "a%20b") == 0 && to[6] == 'x');
    CHECK(percent_encode(to, 1, "") == 0 && to[0] == 0);
}

static void
malformed_encodings_are_refused(void)
{
    char to[16];
    const char *bad[] = {"%", "%2", "%2g", "%g2", "a%", "%00", "a b", "\x7f", "\xff", "%%20"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(percent_decode(to, sizeof to, word_of(bad[i])) == -E_INVAL);
    CHECK(percent_decode(to, sizeof to, word_of("")) == 0 && to[0] == 0);
    CHECK(percent_decode(to, 4, word_of("abc")) == 3 && strcmp(to, "abc") == 0);
    CHECK(percent_decode(to, 3, word_of("abc")) == -E_RANGE);
    CHECK(percent_decode(to, 0, word_of("")) == -E_RANGE);
    CHECK(percent_decode(to, 2, word_of("%fe")) == 1 && to[0] == '\xfe');
    CHECK(percent_decode(to, 2, word_of("%FE")) == 1 && to[0] == '\xfe');
}

/* The escape at the very end of a block: one byte further is not the word's. */
static void
decoding_stays_inside_the_word(void)
{
    char to[16];
    for (size_t n = 0; n <= 6; n++) {
        uint8_t *p = exact_copy("ab%20%", n);
        int r = percent_decode(to, sizeof to, (struct word){(char *)p, n});
        exact_free(p);
        CHECK(r == (n == 5 ? 3 : n <= 2 ? (int)n : -E_INVAL));
    }
}

const struct test words_tests[] = {
    {"a_line_needs_its_newline", a_line_needs_its_newline},
    {"words_are_parted_by_one_blank", words_are_parted_by_one_blank},
    {"the_last_word_of_a_split_takes_the_rest", the_last_word_of_a_split_takes_the_rest},
    {"a_word_is_found_whole_or_not_at_all", a_word_is_found_whole_or_not_at_all},
    {"the_last_number_of_a_key_counts", the_last_number_of_a_key_counts},
    {"decimals_are_digits_and_fit_64_bits", decimals_are_digits_and_fit_64_bits},
    {"hexadecimals_are_digits_and_fit_64_bits", hexadecimals_are_digits_and_fit_64_bits},
    {"every_byte_comes_back_from_its_encoding", every_byte_comes_back_from_its_encoding},
    {"encoding_cuts_and_always_ends", encoding_cuts_and_always_ends},
    {"malformed_encodings_are_refused", malformed_encodings_are_refused},
    {"decoding_stays_inside_the_word", decoding_stays_inside_the_word},
    {NULL, NULL},
};
