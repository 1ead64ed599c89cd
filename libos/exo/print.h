/* SPDX-License-Identifier: MIT */
/* libos/exo/print.h - formatted text to the partition's output, as one piece. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { PRINT_BYTES_MAX = 1000 };

/* 0, or an error: the reader has gone. What is longer than PRINT_BYTES_MAX is cut there. */
int print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Were there more than n arguments behind the program's name? Then a line says what it takes: "usage:",
 * its name, and `takes`, which may be empty.
 */
bool print_usage(uint32_t n, const char *takes);
