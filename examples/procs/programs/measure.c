/* SPDX-License-Identifier: MIT */
/*
 * measure.c - what a fork, a copy-on-write fault, a round trip by pipe and one by signals cost, in
 * steps of the processor's counter: reports the median of each (examples/procs/measured.c;
 * bench/kit_linux_procs.c is the same on Linux).
 */
#include "examples/procs/programs/program.h"
#include "libos/exo/clock.h"

enum { ROUNDS = 101, PAGES_TOUCHED = 40, SIGNAL = 5, SIGNAL_KILL = 9, THERE = 0, BACK };

static uint64_t span[ROUNDS];

static void
report_median(uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t j = i; j > 0 && span[j - 1] > span[j]; j--) {
            uint64_t higher = span[j - 1];

            span[j - 1] = span[j];
            span[j] = higher;
        }
    call(P_REPORT, span[n / 2], 0, 0);
}

static void
touch_all(void)
{
    for (uint64_t p = 0; p < PAGES_TOUCHED; p++)
        *word(p, 0) = p;
}

static void
fork_spans(uint64_t way)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t from;

        touch_all();
        from = clock_counter();
        if (call(P_FORK, way, 0, 0) == 0)
            leave(0);
        check(call(P_WAIT, 0, 0, 0) > 0, 1);
        span[i] = clock_counter() - from;
    }
    report_median(ROUNDS);
}

static void
child_end(int64_t child)
{
    call(P_KILL, (uint64_t)child, SIGNAL_KILL, 0);
    check(call(P_WAIT, 0, 0, 0) > 0, 2);
}

static void
fault_spans(void)
{
    int64_t child;

    touch_all();
    child = call(P_FORK, FORK_COPY, 0, 0);
    if (child == 0)
        for (;;)
            call(P_PAUSE, 0, 0, 0);
    for (uint32_t i = 0; i < PAGES_TOUCHED; i++) {
        uint64_t from = clock_counter();

        *word(i, 0) = i;
        span[i] = clock_counter() - from;
    }
    report_median(PAGES_TOUCHED);
    child_end(child);
}

static void
pipe_spans(void)
{
    char byte = 1;
    int64_t child;

    call(P_PIPE, 0, 0, 0);
    call(P_PIPE, 0, 0, 0);
    child = call(P_FORK, FORK_COPY, 0, 0);
    if (child == 0)
        for (;;) {
            call(P_READ, THERE, (uintptr_t)&byte, 1);
            call(P_WRITE, BACK, (uintptr_t)&byte, 1);
        }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t from = clock_counter();

        call(P_WRITE, THERE, (uintptr_t)&byte, 1);
        check(call(P_READ, BACK, (uintptr_t)&byte, 1) == 1, 3);
        span[i] = clock_counter() - from;
    }
    report_median(ROUNDS);
    child_end(child);
}

/* The handler of both: the child answers. */
static uint64_t parent;
__asm__(".text\n"
        "handler:\n\t"
        "call handle\n\t"
        "mov $9, %eax\n\t" /* P_RETURN, with rsp as it was */
        "syscall\n");
_Static_assert(P_RETURN == 9, "handler");
void handler(void);
void handle(uint64_t signal);

void
handle(uint64_t signal)
{
    if (parent)
        call(P_KILL, parent, signal, 0);
}

static void
signal_spans(void)
{
    uint64_t own = (uint64_t)call(P_NUMBER, 0, 0, 0);
    int64_t child;

    call(P_HANDLE, (uintptr_t)handler, 0, 0);
    child = call(P_FORK, FORK_COPY, 0, 0);
    if (child == 0) {
        parent = own;
        call(P_KILL, own, SIGNAL, 0); /* it can answer from here on */
        for (;;)
            call(P_PAUSE, 0, 0, 0);
    }
    call(P_PAUSE, 0, 0, 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t from = clock_counter();

        call(P_KILL, (uint64_t)child, SIGNAL, 0);
        call(P_PAUSE, 0, 0, 0); /* until its answer has been handled */
        span[i] = clock_counter() - from;
    }
    report_median(ROUNDS);
    child_end(child);
}

_Noreturn void
program(uint64_t argument)
{
    (void)argument;
    fork_spans(FORK_COPY);
    fork_spans(FORK_SHARE);
    fault_spans();
    pipe_spans();
    signal_spans();
    leave(0);
}
