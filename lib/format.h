/* SPDX-License-Identifier: MIT */
/*
 * lib/format.h - text from values: the part of printf that kernel and libraries need.
 *
 * Conversions  %s %c %d %u %x %ld %lu %lx %lld %llu %llx %zd %zu %zx %p (0x and hexadecimal) %%
 * Between      flags '0' (pad numbers with zeros) and '-' (pad on the right), and a width.
 * A null string prints as (null). What is not in the list prints as it stands, taking no argument.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/*
 * Write at most size bytes at buf, always ended by 0 (size 0 writes nothing). Returns the length
 * of the whole text without the 0: it was cut when that is >= size.
 */
size_t format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t format_v(char *buf, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
