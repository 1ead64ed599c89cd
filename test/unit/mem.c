/* SPDX-License-Identifier: MIT */
/*
 * mem.c - lib/mem.c, which hosted programs do not link, compiled here under other names and held
 * against plain loops, for every length and alignment up to a few turns of its inner loops.
 */
#define memcpy tested_memcpy
#define memmove tested_memmove
#define memset tested_memset
#define memcmp tested_memcmp
#define memchr tested_memchr
#define strlen tested_strlen
#define strcmp tested_strcmp
#define strncmp tested_strncmp
#include "lib/mem.c" /* NOLINT(bugprone-suspicious-include): see above */
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strcmp
#undef strncmp
#include <stdbool.h>
#include "test/unit/test.h"

enum { ROOM = 256, LENGTHS = 200, SHIFTS = 17 };

static void
fill(uint8_t *to, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(i * 7 + seed + i / 251);
}

static bool
same(const uint8_t *a, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

/* Copy n bytes from one shift to another with move, and see the whole room. */
static bool
moves_right(void *(*move)(void *, const void *, size_t), size_t to, size_t from, size_t n)
{
    uint8_t got[ROOM], want[ROOM], before[ROOM];
    fill(before, ROOM, 3);
    for (size_t i = 0; i < ROOM; i++) {
        got[i] = before[i];
        want[i] = i >= to && i < to + n ? before[from + i - to] : before[i];
    }
    return move(got + to, got + from, n) == got + to && same(got, want, ROOM);
}

static void
memmove_is_right_for_every_overlap(void)
{
    for (size_t n = 0; n < LENGTHS; n++)
        for (size_t shift = 0; shift < SHIFTS; shift++) {
            CHECK(moves_right(tested_memmove, 3, 3 + shift, n));
            CHECK(moves_right(tested_memmove, 3 + shift, 3, n));
        }
}

static void
memcpy_copies_n_bytes_and_no_more(void)
{
    uint8_t from[ROOM], to[ROOM], old[ROOM];
    fill(from, ROOM, 5);
    fill(old, ROOM, 9);
    for (size_t n = 0; n < LENGTHS; n++)
        for (size_t shift = 0; shift < SHIFTS; shift++) {
            fill(to, ROOM, 9);
            CHECK(tested_memcpy(to + shift, from + 1, n) == to + shift);
            CHECK(same(to, old, shift) && same(to + shift, from + 1, n));
            CHECK(same(to + shift + n, old + shift + n, ROOM - shift - n));
        }
}

static void
memset_sets_n_bytes_and_no_more(void)
{
    uint8_t to[ROOM], old[ROOM];
    fill(old, ROOM, 9);
    for (size_t n = 0; n < LENGTHS; n++)
        for (size_t shift = 0; shift < SHIFTS; shift++) {
            fill(to, ROOM, 9);
            CHECK(tested_memset(to + shift, 0x1a5, n) == to + shift);
            for (size_t i = 0; i < ROOM; i++)
                CHECK(to[i] == (i >= shift && i < shift + n ? 0xa5 : old[i]));
        }
}

static void
memcmp_orders_by_the_first_difference(void)
{
    uint8_t a[ROOM], b[ROOM];
    for (size_t n = 1; n < LENGTHS; n++)
        for (size_t at = 0; at < n; at++) {
            fill(a, ROOM, 1);
            fill(b, ROOM, 1);
            CHECK(tested_memcmp(a + 1, b + 1, n) == 0);
            a[1 + at] = 0x80;
            b[1 + at] = 0x7f;
            b[1 + n] ^= 1;
            CHECK(tested_memcmp(a + 1, b + 1, n) > 0);
            CHECK(tested_memcmp(b + 1, a + 1, n) < 0);
            CHECK(tested_memcmp(a + 1, b + 1, at) == 0);
        }
}

static void
memchr_finds_the_first_and_stays_inside(void)
{
    for (size_t n = 0; n < LENGTHS; n++) {
        uint8_t ones[LENGTHS];
        tested_memset(ones, 1, n);
        uint8_t *p = exact_copy(ones, n);
        CHECK(tested_memchr(p, 0, n) == NULL);
        for (size_t at = n; at-- > 0;) {
            p[at] = 0x80;
            CHECK(tested_memchr(p, 0x180, n) == p + at);
        }
        exact_free(p);
    }
}

static void
string_functions_compare_bytes_unsigned(void)
{
    CHECK(tested_strlen("") == 0 && tested_strlen("a") == 1 && tested_strlen("abcdefghi") == 9);
    CHECK(tested_strcmp("", "") == 0 && tested_strcmp("a", "a") == 0);
    CHECK(tested_strcmp("a", "") > 0 && tested_strcmp("", "a") < 0);
    CHECK(tested_strcmp("ab", "a\x80") < 0 && tested_strcmp("a\xff", "ab") > 0);
    CHECK(tested_strncmp("abc", "abd", 2) == 0 && tested_strncmp("abc", "abd", 3) < 0);
    CHECK(tested_strncmp("a", "b", 0) == 0 && tested_strncmp("ab", "ab", 9) == 0);
}

static void
string_copy_cuts_and_always_ends(void)
{
    char to[4] = {'x', 'x', 'x', 'x'};
    CHECK(string_copy(to, 0, "abc") == 3 && to[0] == 'x');
    CHECK(string_copy(to, 1, "abc") == 3 && to[0] == 0 && to[1] == 'x');
    CHECK(string_copy(to, 3, "abc") == 3 && tested_strcmp(to, "ab") == 0 && to[3] == 'x');
    CHECK(string_copy(to, 4, "abc") == 3 && tested_strcmp(to, "abc") == 0);
    CHECK(string_copy(to, 4, "") == 0 && to[0] == 0);
}

const struct test mem_tests[] = {
    {"memmove_is_right_for_every_overlap", memmove_is_right_for_every_overlap},
    {"memcpy_copies_n_bytes_and_no_more", memcpy_copies_n_bytes_and_no_more},
    {"memset_sets_n_bytes_and_no_more", memset_sets_n_bytes_and_no_more},
    {"memcmp_orders_by_the_first_difference", memcmp_orders_by_the_first_difference},
    {"memchr_finds_the_first_and_stays_inside", memchr_finds_the_first_and_stays_inside},
    {"string_functions_compare_bytes_unsigned", string_functions_compare_bytes_unsigned},
    {"string_copy_cuts_and_always_ends", string_copy_cuts_and_always_ends},
    {NULL, NULL},
};
