/* SPDX-License-Identifier: MIT */
/*
 * ends.c - waits for the ends of others, again and again: of a child, of who might still write into
 * a pipe. The children have two tasks. Comes to its end by itself, whoever else is killed.
 */
#include "examples/procs/programs/program.h"

enum { FILE_OF_ALL, ROUNDS = 12 };

static void
second(uint64_t page)
{
    for (;;)
        ++*word(page, 0);
}

static _Noreturn void
child(uint64_t round)
{
    uint64_t message = round;

    (void)thread(second, DATA_PAGES, 2);
    if (round % 2)
        (void)call(P_WRITE, FILE_OF_ALL, (uintptr_t)&message, sizeof(message));
    leave(0);
}

_Noreturn void
program(uint64_t argument)
{
    uint64_t message;

    call(P_PIPE, 0, 0, 0);
    for (uint64_t round = argument; round < argument + ROUNDS; round++) {
        int64_t r = call(P_FORK, round % 2, 0, 0);

        if (r == 0)
            child(round);
        if (r > 0 && round % 3) /* to the end of what there is */
            while (call(P_READ, FILE_OF_ALL, (uintptr_t)&message, sizeof(message)) > 0)
                ;
        if (r > 0)
            call(P_WAIT, 0, 0, 0);
    }
    leave(0);
}
