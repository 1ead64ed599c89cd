/* SPDX-License-Identifier: MIT */
/* count.c - counts without end, where all its like do, and sees only its own. */
#include "examples/procs/programs/program.h"

static uint64_t own = 1; /* of the image: a copy for each who writes it */

_Noreturn void
program(uint64_t argument)
{
    *word(0, 1) = argument;
    for (;;) {
        own += 2;
        ++*word(0, 0);
        check(*word(0, 1) == argument && own == *word(0, 0) * 2 + 1, 1);
    }
}
