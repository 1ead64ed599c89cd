/* SPDX-License-Identifier: MIT */
/* bundle.c - lib/bundle.c: a good bundle, and each way in which one is refused. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "abi/error.h"
#include "lib/bundle.h"
#include "test/unit/made.h"
#include "test/unit/test.h"

/* bundle_check on exactly `length` bytes at an odd address. */
static int
check_cut(const struct made_bundle *b, uint64_t length)
{
    uint8_t *copy = exact_copy(b, length);
    int r = bundle_check(copy, length);
    exact_free(copy);
    return r;
}

static int
check(const struct made_bundle *b)
{
    return check_cut(b, sizeof *b);
}

static void
modules_are_found_by_number(void)
{
    static struct made_bundle b;
    struct bundle_module m;
    bundle_make(&b);
    CHECK(check(&b) == 0);
    CHECK(bundle_module(&b, sizeof b, 0, &m) == 0 && strcmp(m.name, "init") == 0);
    CHECK(m.bytes == b.init && m.offset == 4096 && m.length == 5000);
    CHECK(bundle_module(&b, sizeof b, 1, &m) == 0 && strcmp(m.name, "plan") == 0);
    CHECK(m.bytes == b.plan && m.length == 10);
    CHECK(bundle_module(&b, sizeof b, 2, &m) == 0 && m.length == 0);
    CHECK(bundle_module(&b, sizeof b, 3, &m) == -E_NOENT);
    CHECK(bundle_module(&b, sizeof b, UINT32_MAX, &m) == -E_NOENT);
}

static void
a_bundle_cut_anywhere_is_refused(void)
{
    static struct made_bundle b;
    bundle_make(&b);
    for (uint64_t n = 0; n < 300; n++)
        CHECK(check_cut(&b, n) == -E_INVAL);
    for (uint64_t n = 300; n < sizeof b; n += 250)
        CHECK(check_cut(&b, n) == -E_INVAL);
    CHECK(check_cut(&b, sizeof b - 1) == -E_INVAL);
}

static void
bytes_behind_the_bundle_do_not_matter(void)
{
    static struct made_bundle b;
    bundle_make(&b);
    b.head.length = offsetof(struct made_bundle, plan) + 10;
    CHECK(check(&b) == 0);
    b.head.length--;
    CHECK(check(&b) == -E_INVAL);
}

static void
an_absurd_head_is_refused(void)
{
    static struct made_bundle b;
    bundle_make(&b);
    b.head.magic++;
    CHECK(check(&b) == -E_INVAL);
    bundle_make(&b);
    b.head.n_modules = 0;
    CHECK(check(&b) == -E_INVAL);
    b.head.n_modules = BUNDLE_MODULES_MAX + 1;
    CHECK(check(&b) == -E_INVAL);
    b.head.n_modules = UINT32_MAX;
    CHECK(check(&b) == -E_INVAL);
    bundle_make(&b);
    b.head.reserved = 1;
    CHECK(check(&b) == -E_INVAL);
    bundle_make(&b);
    b.head.length = UINT64_MAX;
    CHECK(check(&b) == -E_INVAL);
}

static void
entries_lie_inside_the_bundle(void)
{
    static struct made_bundle b;
    bundle_make(&b);
    for (uint64_t n = sizeof b.head; n < sizeof b.head + sizeof b.entry; n++) {
        b.head.length = n;
        CHECK(check_cut(&b, n) == -E_INVAL);
    }
}

/* A bundle of many modules without bytes, named by their number. */
static int
check_empty_modules(uint32_t n)
{
    static union {
        struct {
            struct bundle_head head;
            struct bundle_entry entry[BUNDLE_MODULES_MAX + 1];
        };
        uint8_t page[4096]; /* on the page behind lie the modules, without a byte */
    } b;
    b.head = (struct bundle_head){BUNDLE_MAGIC, n, 0, 4096};
    for (uint32_t i = 0; i < n; i++) {
        b.entry[i] = (struct bundle_entry){.offset = 4096};
        snprintf(b.entry[i].name, BUNDLE_NAME_MAX, "module%u", i);
    }
    return bundle_check(&b, sizeof b);
}

static void
sixty_five_modules_are_too_many(void)
{
    CHECK(check_empty_modules(BUNDLE_MODULES_MAX) == 0);
    CHECK(check_empty_modules(BUNDLE_MODULES_MAX + 1) == -E_INVAL);
}

static void
a_module_lies_on_pages_inside_the_bundle(void)
{
    static struct made_bundle b;
    struct bundle_module m;
    const uint64_t wrong[] = {0, 8, 4097, sizeof b + 4096, UINT64_MAX - 4095, UINT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bundle_make(&b);
        b.entry[1].offset = wrong[i];
        CHECK(check(&b) == -E_INVAL);
        CHECK(bundle_module(&b, sizeof b, 1, &m) == -E_INVAL);
    }
    bundle_make(&b);
    b.entry[1].length = 4096;
    CHECK(check(&b) == 0);
    b.entry[1].length = 4097;
    CHECK(check(&b) == -E_INVAL);
    b.entry[1].length = UINT64_MAX;
    CHECK(check(&b) == -E_INVAL);
}

static void
modules_share_no_byte(void)
{
    static struct made_bundle b;
    bundle_make(&b);
    b.entry[0].length = 8192;
    CHECK(check(&b) == 0);
    b.entry[0].length = 8193;
    CHECK(check(&b) == -E_INVAL);
    bundle_make(&b);
    b.entry[1].offset = 8192;
    CHECK(check(&b) == -E_INVAL);
    bundle_make(&b);
    b.entry[2].length = 1;
    CHECK(check(&b) == -E_INVAL);
}

static void
names_are_printable_and_their_own(void)
{
    static struct made_bundle b;
    bundle_make(&b);
    memset(b.entry[1].name, 'x', BUNDLE_NAME_MAX - 1);
    CHECK(check(&b) == 0);
    b.entry[1].name[BUNDLE_NAME_MAX - 1] = 'x';
    CHECK(check(&b) == -E_INVAL); /* not ended */
    bundle_make(&b);
    b.entry[1].name[0] = 0;
    CHECK(check(&b) == -E_INVAL);
    b.entry[1].name[0] = ' ';
    CHECK(check(&b) == -E_INVAL);
    b.entry[1].name[0] = '\x7f';
    CHECK(check(&b) == -E_INVAL);
    b.entry[1].name[0] = '\xff';
    CHECK(check(&b) == -E_INVAL);
    memcpy(b.entry[1].name, "init", 5);
    CHECK(check(&b) == -E_INVAL);
}

const struct test bundle_tests[] = {
    {"modules_are_found_by_number", modules_are_found_by_number},
    {"a_bundle_cut_anywhere_is_refused", a_bundle_cut_anywhere_is_refused},
    {"bytes_behind_the_bundle_do_not_matter", bytes_behind_the_bundle_do_not_matter},
    {"an_absurd_head_is_refused", an_absurd_head_is_refused},
    {"entries_lie_inside_the_bundle", entries_lie_inside_the_bundle},
    {"sixty_five_modules_are_too_many", sixty_five_modules_are_too_many},
    {"a_module_lies_on_pages_inside_the_bundle", a_module_lies_on_pages_inside_the_bundle},
    {"modules_share_no_byte", modules_share_no_byte},
    {"names_are_printable_and_their_own", names_are_printable_and_their_own},
    {NULL, NULL},
};
