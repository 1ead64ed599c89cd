/* SPDX-License-Identifier: MIT */
/* meet.c - is in the region when another process is, on another processor; reports how often. */
#include "examples/procs/programs/program.h"

_Noreturn void
program(uint64_t argument)
{
    uint64_t met = 0;

    for (uint64_t i = 0; i < argument; i++)
        met += (uint64_t)call(P_MEET, 0, 0, 0);
    call(P_REPORT, met, 0, 0);
    leave(0);
}
