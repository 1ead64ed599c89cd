/* SPDX-License-Identifier: MIT */
/* pipe.c - words to a child and back, then more than a pipe holds. */
#include "examples/procs/programs/program.h"

enum { MESSAGES = 300, BLOCK = 20000 };

static _Noreturn void
answer(uint64_t there, uint64_t back)
{
    uint8_t *block = (uint8_t *)(uintptr_t)word(0, 0);
    uint64_t message;

    for (uint64_t i = 0; i < MESSAGES; i++) {
        all(P_READ, there, &message, sizeof(message));
        message = message * 3 + i;
        all(P_WRITE, back, &message, sizeof(message));
    }
    all(P_READ, there, block, BLOCK);
    all(P_WRITE, back, block, BLOCK);
    check(call(P_READ, there, (uintptr_t)&message, 1) == 0, 16); /* the other end goes */
    leave(0);
}

_Noreturn void
program(uint64_t argument)
{
    uint64_t there = (uint64_t)call(P_PIPE, 0, 0, 0), back = (uint64_t)call(P_PIPE, 0, 0, 0);
    volatile uint8_t *block = (volatile uint8_t *)word(0, 0);
    uint64_t message;
    int64_t r = call(P_FORK, argument % 2, 0, 0);

    check(r >= 0, 17);
    if (r == 0)
        answer(there, back);
    for (uint64_t i = 0; i < MESSAGES; i++) {
        message = argument + i;
        all(P_WRITE, there, &message, sizeof(message));
        all(P_READ, back, &message, sizeof(message));
        check(message == (argument + i) * 3 + i, 18);
    }
    for (uint64_t i = 0; i < BLOCK; i++)
        block[i] = (uint8_t)(i * 7 + argument);
    all(P_WRITE, there, (void *)(uintptr_t)block, BLOCK);
    for (uint64_t i = 0; i < BLOCK; i++)
        block[i] = 0;
    all(P_READ, back, (void *)(uintptr_t)block, BLOCK);
    for (uint64_t i = 0; i < BLOCK; i++)
        check(block[i] == (uint8_t)(i * 7 + argument), 19);
    check(call(P_READ, back, 0, 8) == -E_FAULT && call(P_READ, 3, 0, 8) == -E_BADF, 20);
    call(P_REPORT, MESSAGES, 0, 0);
    leave(0);
}
