/* SPDX-License-Identifier: MIT */
/* multiboot.c - lib/multiboot.c: what a boot loader tells, whole and spoilt. */
#include <string.h>
#include "abi/error.h"
#include "lib/multiboot.h"
#include "test/unit/made.h"
#include "test/unit/test.h"

static void
all_that_is_needed_is_found(void)
{
    uint8_t info[MADE_MULTIBOOT_MAX];
    size_t n = multiboot_make(info);
    uint8_t *image = exact_copy(info, n);
    struct multiboot m;
    CHECK(multiboot_decode(image, n, &m) == 0);
    CHECK(strcmp(m.command_line, "log plain") == 0);
    CHECK(m.module_pa == 16 << 20 && m.module_bytes == 0x2345);
    CHECK(m.rsdp_bytes == 36 && memcmp(m.rsdp, "RSD PTR new", 11) == 0);
    exact_free(image);
}

static void
the_memory_map_is_read_in_order(void)
{
    uint8_t info[MADE_MULTIBOOT_MAX];
    struct multiboot m;
    struct multiboot_range r;
    CHECK(multiboot_decode(info, multiboot_make(info), &m) == 0);
    CHECK(multiboot_memory(&m, 0, &r) && r.pa == 0 && r.length == 0x9fc00 && r.usable);
    CHECK(multiboot_memory(&m, 1, &r) && r.pa == 0x9fc00 && !r.usable);
    CHECK(multiboot_memory(&m, 2, &r) && r.pa == 1 << 20 && r.length == 127 << 20 && r.usable);
    CHECK(multiboot_memory(&m, 3, &r) && r.pa == 0xfec00000 && !r.usable); /* ACPI's */
    CHECK(!multiboot_memory(&m, 4, &r) && !multiboot_memory(&m, UINT32_MAX, &r));
}

static void
information_cut_anywhere_is_refused(void)
{
    uint8_t info[MADE_MULTIBOOT_MAX];
    size_t whole = multiboot_make(info);
    struct multiboot m;
    for (size_t n = 0; n < whole; n++) {
        uint8_t *image = exact_copy(info, n);
        CHECK(multiboot_decode(image, n, &m) == -E_INVAL); /* it says that it is longer */
        if (n >= 8) {
            uint32_t total = (uint32_t)n;
            memcpy(image, &total, sizeof total);
            CHECK(multiboot_decode(image, n, &m) == -E_INVAL); /* it has no end */
        }
        exact_free(image);
    }
}

static void
spoil(uint8_t *info, uint32_t type, size_t offset, uint32_t value)
{
    uint32_t tag[2];
    for (size_t at = 8;; at += ((size_t)tag[1] + 7) / 8 * 8) {
        memcpy(tag, info + at, sizeof tag);
        if (tag[0] == type) {
            memcpy(info + at + offset, &value, sizeof value);
            return;
        }
    }
}

static int
spoilt(uint32_t type, size_t offset, uint32_t value)
{
    uint8_t info[MADE_MULTIBOOT_MAX];
    struct multiboot m;
    size_t n = multiboot_make(info);
    spoil(info, type, offset, value);
    return multiboot_decode(info, n, &m);
}

static void
absurd_tags_are_refused(void)
{
    CHECK(spoilt(3, 4, 7) == -E_INVAL);          /* shorter than its own head */
    CHECK(spoilt(3, 4, UINT32_MAX) == -E_INVAL); /* longer than all */
    CHECK(spoilt(3, 12, 0) == -E_INVAL);         /* a module that ends before it begins */
    CHECK(spoilt(1, 8, 0x20202020) == 0);        /* still ended by 0 */
    CHECK(spoilt(1, 4, 17) == -E_INVAL);         /* words that nothing ends */
    CHECK(spoilt(6, 8, 16) == -E_INVAL);         /* entries too short to hold a range */
    CHECK(spoilt(6, 8, 25) == -E_INVAL);
    CHECK(spoilt(6, 0, 99) == -E_INVAL); /* no memory map at all */
    CHECK(spoilt(14, 4, 8) == -E_INVAL); /* a root pointer of no bytes */
}

static void
a_range_does_not_wrap(void)
{
    uint8_t info[MADE_MULTIBOOT_MAX];
    struct multiboot m;
    struct multiboot_range r;
    size_t n = multiboot_make(info);
    spoil(info, 6, 16 + 12, UINT32_MAX); /* the upper half of the first length */
    spoil(info, 6, 16, 0x1000);
    CHECK(multiboot_decode(info, n, &m) == 0 && multiboot_memory(&m, 0, &r));
    CHECK(r.pa == 0x1000 && r.pa + r.length >= r.pa);
}

const struct test multiboot_tests[] = {
    {"all_that_is_needed_is_found", all_that_is_needed_is_found},
    {"the_memory_map_is_read_in_order", the_memory_map_is_read_in_order},
    {"information_cut_anywhere_is_refused", information_cut_anywhere_is_refused},
    {"absurd_tags_are_refused", absurd_tags_are_refused},
    {"a_range_does_not_wrap", a_range_does_not_wrap},
    {NULL, NULL},
};
