/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/invoke.h - the kernel call instruction, for the generated stubs (call_stubs.h).
 */
#pragma once
#include <stdint.h>
#include "call_numbers.h"
#include "abi/error.h"

struct call_result {
    int64_t value;   /* a count or 0, or a negative error */
    uint64_t detail; /* the second result: the address of -E_FAULT, the level of -E_NOENT */
};

/* What an argument register holds that the call does not look at: whatever it does. Volatile, or
 * all would hold the same. */
static inline uint64_t
call_any(void)
{
    uint64_t any;

    __asm__ volatile("" : "=r"(any));
    return any;
}

static inline struct call_result
call_invoke(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    struct call_result result;
    register uint64_t r8 __asm__("r8") = d;
    register uint64_t r9 __asm__("r9") = e;

    __asm__ volatile("syscall"
                     : "=a"(result.value), "=d"(result.detail), "+D"(a), "+S"(b), "+r"(r8), "+r"(r9)
                     : "a"(CALL_BASE + number), "d"(c)
                     : "rcx", "r10", "r11", "memory");
    return result;
}
