/* SPDX-License-Identifier: MIT */
/* libos/exo/print.h - formatted text to the partition's output, as one piece. */
#pragma once

enum { PRINT_BYTES_MAX = 1000 };

/* 0, or an error: the reader has gone. What is longer than PRINT_BYTES_MAX is cut there. */
int print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
