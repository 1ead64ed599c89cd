/* SPDX-License-Identifier: MIT */
/*
 * programs/program.h - for what runs in processes. Each program is a file of its own, linked for
 * the same addresses (program.ld), and knows nothing but the calls of calls.h.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/error.h"
#include "examples/procs/calls.h"

enum { DATA_PAGES = 8, WORDS = PAGE / 8 };

/* Where a program begins. */
_Noreturn void program(uint64_t argument);

static inline int64_t
call(enum call n, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t r = n;

    __asm__ volatile("syscall" : "+a"(r) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return (int64_t)r;
}

static inline _Noreturn void
leave(uint64_t status)
{
    for (;;)
        call(P_EXIT, status, 0, 0);
}

/* The i'th word of the n'th page of data. */
static inline volatile uint64_t *
word(uint64_t page, uint64_t i)
{
    return (volatile uint64_t *)(PROC_VA + (DATA + page) * PAGE) + i;
}

/* Not so: the process ends with a status that says where. */
static inline void
check(bool truth, uint64_t where)
{
    if (!truth)
        leave(where);
}

static inline void
spend(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile("");
}

static inline void
fill(uint64_t seed)
{
    for (uint64_t p = 0; p < DATA_PAGES; p++)
        for (uint64_t i = 0; i < WORDS; i += 37)
            *word(p, i) = seed + p * 1000 + i;
}

static inline bool
holds(uint64_t seed)
{
    for (uint64_t p = 0; p < DATA_PAGES; p++)
        for (uint64_t i = 0; i < WORDS; i += 37)
            if (*word(p, i) != seed + p * 1000 + i)
                return false;
    return true;
}

/* Another task of this process, on the i'th page of the stack's. */
static inline int64_t
thread(void (*fn)(uint64_t), uint64_t argument, uint64_t i)
{
    return call(P_THREAD, (uintptr_t)fn, argument, PROC_END - (STACK_PAGES - 1 - i) * PAGE - 8);
}

/* All n bytes through a pipe. */
static inline void
all(enum call how, uint64_t file, void *bytes, uint64_t n)
{
    for (char *at = bytes; n > 0;) {
        int64_t done = call(how, file, (uintptr_t)at, n);

        check(done > 0, 15);
        at += done;
        n -= (uint64_t)done;
    }
}
