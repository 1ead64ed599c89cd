/* SPDX-License-Identifier: MIT */
/* after.c - what exec.c becomes: all memory is fresh and stays so. Goes back argument times. */
#include "examples/procs/programs/program.h"

static volatile uint64_t own[600]; /* zeroes of the image, on two pages */

_Noreturn void
program(uint64_t argument)
{
    check(own[0]++ == 0 && own[599]++ == 0, 11);
    for (uint64_t p = 0; p < DATA_PAGES + 2; p++)
        check(*word(p, 0) == 0, 12);
    spend(100000);
    check(*word(DATA_PAGES, 0) == 0 && *word(DATA_PAGES + 1, 0) == 0, 13); /* nobody writes on */
    if (argument > 0)
        call(P_EXEC, IMAGE_EXEC, argument - 1, 0);
    call(P_REPORT, 1, 0, 0);
    leave(0);
}
