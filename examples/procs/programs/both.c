/* SPDX-License-Identifier: MIT */
/* both.c - two tasks of one process become another program, at the same moment if they can. */
#include "examples/procs/programs/program.h"

enum { SPINS = 1000000 };

static void
become(uint64_t argument)
{
    (void)argument;
    volatile uint64_t *there = word(DATA_PAGES, 0);

    __atomic_fetch_add(there, 1, __ATOMIC_SEQ_CST);
    for (uint64_t i = 0; i < SPINS && *there < 2; i++)
        __asm__ volatile("pause");
    call(P_EXEC, IMAGE_AFTER, 0, 0);
    leave(14);
}

_Noreturn void
program(uint64_t argument)
{
    fill(argument);
    check(thread(become, argument, 2) == 0, 14);
    become(argument);
    leave(14);
}
