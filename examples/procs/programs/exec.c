/* SPDX-License-Identifier: MIT */
/* exec.c - becomes another program while two other tasks of its process write. */
#include "examples/procs/programs/program.h"

static void
writer(uint64_t page)
{
    for (;;)
        ++*word(page, 0);
}

_Noreturn void
program(uint64_t argument)
{
    fill(argument);
    for (uint64_t i = 0; i < 2; i++)
        check(thread(writer, DATA_PAGES + i, 2 + i) == 0, 14);
    while (*word(DATA_PAGES, 0) < 1000 || *word(DATA_PAGES + 1, 0) < 1000)
        call(P_YIELD, 0, 0, 0);
    call(P_EXEC, IMAGE_AFTER, argument, 0);
    leave(14);
}
