/* SPDX-License-Identifier: MIT */
/*
 * test/fuzz/fuzz.h - what a fuzz target needs. A target feeds any bytes to one parser, and holds
 * what comes out against what the parser's header promises: REQUIRE is the promise.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The fuzzer's entry, by its name. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
