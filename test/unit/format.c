/* SPDX-License-Identifier: MIT */
/* format.c - lib/format.c against the C library's snprintf, which has the same meaning. */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "lib/format.h"
#include "test/unit/test.h"

/* Both write the same and return the same, into 64 bytes and into 8. */
#define SAME(...)                                                                                  \
    do {                                                                                           \
        char a[64], b[64];                                                                         \
        CHECK(format(a, sizeof a, __VA_ARGS__) == (size_t)snprintf(b, sizeof b, __VA_ARGS__));     \
        CHECK(strcmp(a, b) == 0);                                                                  \
        size_t n = (size_t)snprintf(b, sizeof b, __VA_ARGS__);                                     \
        CHECK(format(a, 8, __VA_ARGS__) == n && strncmp(a, b, 7) == 0);                            \
        CHECK(strlen(a) == (n < 7 ? n : 7));                                                       \
    } while (0)

static void
numbers_read_as_printf_writes_them(void)
{
    SAME("%d %d %d", 0, -1, 42);
    SAME("%d|%d", INT_MIN, INT_MAX);
    SAME("%u|%x", UINT_MAX, UINT_MAX);
    SAME("%ld|%ld", LONG_MIN, LONG_MAX);
    SAME("%lu|%lx", ULONG_MAX, ULONG_MAX);
    SAME("%lld|%llu|%llx", LLONG_MIN, ULLONG_MAX, 0xdeadbeefull);
    SAME("%zu|%zd|%zx", SIZE_MAX, (ssize_t)-5, (size_t)0xabc);
    SAME("%p", (void *)0x1234abcd);
}

static void
width_pads_as_printf_does(void)
{
    SAME("[%5d][%-5d][%05d]", 42, 42, 42);
    SAME("[%5d][%-5d][%05d]", -42, -42, -42);
    SAME("[%2d][%02x]", 12345, 0xabcd);
    SAME("[%016lx]", 0xfeedfaceful);
    SAME("[%8s][%-8s][%1s]", "ab", "ab", "ab");
    SAME("[%3c][%-3c]", 'x', 'y');
    SAME("[%020lu]", ULONG_MAX);
}

static void
text_passes_through(void)
{
    SAME("%s", "");
    SAME("%%");
    SAME("100%% of %s: %c", "it", '!');
    SAME("%s", "longer than eight bytes");
}

static void
no_size_writes_nothing(void)
{
    char a[2] = {'x', 'y'};
    CHECK(format(a, 0, "%d", 12345) == 5 && a[0] == 'x');
    CHECK(format(a, 1, "%d", 12345) == 5 && a[0] == 0 && a[1] == 'y');
    CHECK(format(NULL, 0, "abc") == 3);
}

/* What snprintf leaves undefined, and the compiler would not let through as a literal. */
static void
unknown_conversions_print_as_they_stand(void)
{
    char a[64];
    const char *fmt[] = {"%q", "%", "%5", "%lll", "%ls", "%99999d", "%+d"};
    for (size_t i = 0; i < sizeof fmt / sizeof fmt[0]; i++) {
        const char *volatile hidden = fmt[i];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
        CHECK(format(a, sizeof a, hidden) == strlen(fmt[i]) && strcmp(a, fmt[i]) == 0);
#pragma GCC diagnostic pop
    }
}

static void
a_null_string_is_named(void)
{
    char a[64];
    const char *volatile null = NULL;
    CHECK(format(a, sizeof a, "%s", null) == 6 && strcmp(a, "(null)") == 0);
}

const struct test format_tests[] = {
    {"numbers_read_as_printf_writes_them", numbers_read_as_printf_writes_them},
    {"width_pads_as_printf_does", width_pads_as_printf_does},
    {"text_passes_through", text_passes_through},
    {"no_size_writes_nothing", no_size_writes_nothing},
    {"unknown_conversions_print_as_they_stand", unknown_conversions_print_as_they_stand},
    {"a_null_string_is_named", a_null_string_is_named},
    {NULL, NULL},
};
