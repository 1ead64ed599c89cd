/* SPDX-License-Identifier: MIT */
/*
 * fork.c - forks, and its children do, while another task writes; each writes over what it has, and
 * sees nothing of what the others write. The argument says how: enum fork_way.
 */
#include "examples/procs/programs/program.h"

enum { ROUNDS = 25, DEPTH = 2, FIRST = DATA_PAGES, SECOND };

/* Another task, which writes on while its process forks: first to one page, then to the next. */
static void
writer(uint64_t argument)
{
    (void)argument;
    for (;;) {
        ++*word(FIRST, 0);
        ++*word(SECOND, 0);
    }
}

/* What a child sees of that does not change any more, and no later store without an earlier one. */
static void
writer_stands(void)
{
    uint64_t second = *word(SECOND, 0), first = *word(FIRST, 0);

    check(first == second || first == second + 1, 2);
    spend(20000);
    check(*word(FIRST, 0) == first && *word(SECOND, 0) == second, 3);
}

/* A child, and its child, and so on, now the one way, now the other. */
static _Noreturn void
child_of(uint64_t seed, uint64_t way)
{
    int64_t r = 0;

    for (uint64_t depth = DEPTH;; depth--, seed += 7, way = !way) {
        check(holds(seed), 4);
        writer_stands();
        fill(seed + 7);
        if (depth == 0)
            leave(0);
        r = call(P_FORK, way, 0, 0);
        check(r >= 0, 5);
        if (r > 0)
            break;
    }
    fill(seed + 9);
    check(call(P_WAIT, 0, 0, 0) >> 32 == 0, 6);
    check(holds(seed + 9), 7);
    check(call(P_WAIT, 0, 0, 0) == -E_NOENT, 8);
    leave(0);
}

_Noreturn void
program(uint64_t way)
{
    check(thread(writer, 0, 2) == 0, 10);
    while (*word(FIRST, 0) < 100)
        call(P_YIELD, 0, 0, 0);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        int64_t r, status;

        fill(i);
        r = call(P_FORK, way, 0, 0);
        check(r >= 0, 9);
        if (r == 0)
            child_of(i, way);
        fill(i + 5);
        status = call(P_WAIT, 0, 0, 0);
        check(status >> 32 == 0, 1000 + (uint64_t)(status >> 32));
        check((status & UINT32_MAX) == r && holds(i + 5), 11);
    }
    call(P_REPORT, ROUNDS, 0, 0);
    leave(0);
}
