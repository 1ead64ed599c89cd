/* SPDX-License-Identifier: MIT */
/*
 * random.c - RDRAND, which may come up empty for a moment (Intel SDM vol. 1, 7.3.17: ten tries).
 */
#include "libos/exo/random.h"

enum { TRIES = 10, FEATURE_RDRAND = 1 << 30 };

static bool
random_word(uint64_t *word)
{
    for (int i = 0; i < TRIES; i++) {
        uint8_t got;
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*word), "=qm"(got) : : "cc");
        if (got)
            return true;
    }
    return false;
}

bool
random_fill(void *to, uint64_t n)
{
    uint32_t a = 1, b, c = 0, d;
    uint64_t word = 0;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (!(c & FEATURE_RDRAND))
        return false;
    for (uint64_t i = 0; i < n; i++) {
        if (i % sizeof(word) == 0 && !random_word(&word))
            return false;
        ((uint8_t *)to)[i] = (uint8_t)(word >> i % sizeof(word) * 8);
    }
    return true;
}
