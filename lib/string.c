/* SPDX-License-Identifier: MIT */
/* string.c - string helpers beyond the C library's, that cannot write past what they are given. */
#include "lib/string.h"

size_t
string_copy(char *to, size_t size, const char *from)
{
    size_t length = strlen(from);
    if (size) {
        size_t n = length < size ? length : size - 1;
        memcpy(to, from, n);
        to[n] = 0;
    }
    return length;
}
