/* SPDX-License-Identifier: MIT */
/*
 * lib/string.h - the memory and string functions that all of lib/ may use, in every build.
 *
 * The first eight are the C library's, by name and meaning: the compiler calls some of them by
 * itself. Hosted programs take libc's; kernel and library OSes take lib/mem.c.
 */
#pragma once
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *in, int byte, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/*
 * Copy string `from` into the `size` bytes at `to`, cut where it must be, always ended by 0 (size
 * 0 writes nothing). Returns the length of `from`: it was cut when that is >= size.
 */
size_t string_copy(char *to, size_t size, const char *from);
