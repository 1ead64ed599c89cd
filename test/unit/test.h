/* SPDX-License-Identifier: MIT */
/*
 * test/unit/test.h - what a file of unit tests needs: a table of {name, function}, and CHECK.
 * A name says the behaviour. Each test runs alone, in a process of its own.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct test {
    const char *name; /* NULL: the table ends */
    void (*run)(void);
};

/* Count the running test as failed, and print where and what. */
void test_fail(const char *file, int line, const char *what);

/* Go on if the condition holds; if not, the test has failed and its function returns. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            test_fail(__FILE__, __LINE__, #condition);                                             \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/*
 * A copy of n bytes at an odd address, in a block that ends where they end: to read or write beyond
 * is an error that the address sanitizer reports.
 */
uint8_t *exact_copy(const void *bytes, size_t n);
void exact_free(uint8_t *copy);

/* One table a file, in the order of the Makefile's UNIT_SRC. */
extern const struct test mem_tests[];
extern const struct test format_tests[];
extern const struct test siphash_tests[];
extern const struct test elf_tests[];
extern const struct test bundle_tests[];
extern const struct test words_tests[];
extern const struct test plan_tests[];
extern const struct test message_tests[];
extern const struct test heap_tests[];
extern const struct test pairing_tests[];
extern const struct test multiboot_tests[];
extern const struct test firmware_tests[];
extern const struct test grants_tests[];
extern const struct test reverse_tests[];
extern const struct test accounts_tests[];
extern const struct test wall_tests[];
