/* SPDX-License-Identifier: MIT */
/* churn.c - forks, talks and ends, without end: what kills fall into. */
#include "examples/procs/programs/program.h"

enum { THERE, BACK, MESSAGES = 20, GARBLED = 999 };

static _Noreturn void
child(uint64_t argument)
{
    uint64_t message = 0;

    fill(argument);
    for (uint64_t i = 0; i < MESSAGES && call(P_READ, THERE, (uintptr_t)&message, 8) == 8; i++) {
        message++;
        if (call(P_WRITE, BACK, (uintptr_t)&message, 8) != 8)
            break;
    }
    check(holds(argument), 26);
    leave(0);
}

/* False: the child was killed. */
static bool
talk(void)
{
    for (uint64_t message = 0; message < MESSAGES;) {
        uint64_t before = message;

        if (call(P_WRITE, THERE, (uintptr_t)&message, 8) != 8 ||
            call(P_READ, BACK, (uintptr_t)&message, 8) != 8)
            return false;
        if (message != before + 1)
            call(P_REPORT, GARBLED, 0, 0);
    }
    return true;
}

_Noreturn void
program(uint64_t argument)
{
    call(P_PIPE, 0, 0, 0);
    call(P_PIPE, 0, 0, 0);
    for (uint64_t round = 0;; round++) {
        int64_t r = call(P_FORK, round % 2, 0, 0);

        if (r == 0)
            child(argument + round);
        if (r > 0 && !talk())
            leave(0);
        if (r > 0)
            call(P_WAIT, 0, 0, 0);
    }
}
