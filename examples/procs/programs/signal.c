/* SPDX-License-Identifier: MIT */
/*
 * signal.c - raises signals in two children: in one that runs, and never looks, and in one that
 * sleeps in a call. Each handler answers through a pipe; registers and the call go on behind it.
 */
#include "examples/procs/programs/program.h"

enum { SIGNALS = 30, ANSWERS = 0, SILENCE, SIGNAL = 5, SIGNAL_KILL = 9 };

/* On the stack of what it interrupted; every register of that comes back. */
__asm__(".text\n"
        "handler:\n\t"
        "mov %rsp, %rbx\n\t"
        "call handle\n\t"
        "pxor %xmm3, %xmm3\n\t"
        "mov %rbx, %rsp\n\t"
        "mov $9, %eax\n\t" /* P_RETURN */
        "syscall\n");
_Static_assert(P_RETURN == 9, "handler");
void handler(void);
void handle(uint64_t signal);

static uint64_t handled;

void
handle(uint64_t signal)
{
    handled += signal == SIGNAL;
    call(P_WRITE, ANSWERS, (uintptr_t)&handled, sizeof(handled));
}

/* Runs; numbers in its registers must stay. */
static _Noreturn void
run(uint64_t number)
{
    uint64_t wrong;

    for (;;) {
        __asm__ volatile("movq %[self], %%xmm3\n\tmov %[self], %%r9\n\tmov %[self], %%rbx\n\t"
                         "mov $3000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b\n\t"
                         "movq %%xmm3, %%rax\n\txor %[self], %%rax\n\txor %[self], %%r9\n\t"
                         "xor %[self], %%rbx\n\tor %%r9, %%rax\n\tor %%rbx, %%rax"
                         : "=&a"(wrong)
                         : [self] "S"(number)
                         : "rcx", "r9", "rbx", "cc");
        check(wrong == 0, 20);
    }
}

/* Sleeps in a call that nobody ends. */
static _Noreturn void
sleep(void)
{
    uint64_t nothing;

    call(P_READ, SILENCE, (uintptr_t)&nothing, sizeof(nothing));
    leave(26);
}

static void
child(uint64_t argument, bool sleeps)
{
    uint64_t message;
    int64_t status, pid = call(P_FORK, FORK_COPY, 0, 0);

    check(pid >= 0, 21);
    if (pid == 0) {
        call(P_HANDLE, (uintptr_t)handler, 0, 0);
        call(P_WRITE, ANSWERS, (uintptr_t)&argument, sizeof(argument));
        if (sleeps)
            sleep();
        run(argument);
    }
    all(P_READ, ANSWERS, &message, sizeof(message));
    for (uint64_t i = 1; i <= SIGNALS; i++) {
        check(call(P_KILL, (uint64_t)pid, SIGNAL, 0) == 0, 22);
        all(P_READ, ANSWERS, &message, sizeof(message));
        check(message == i, 23);
    }
    check(call(P_KILL, (uint64_t)pid, SIGNAL_KILL, 0) == 0, 24);
    status = call(P_WAIT, 0, 0, 0);
    check(status >> 32 == 137 && (status & UINT32_MAX) == pid, 25);
    check(call(P_KILL, (uint64_t)pid, SIGNAL, 0) == -E_NOENT, 27);
}

_Noreturn void
program(uint64_t argument)
{
    check(call(P_PIPE, 0, 0, 0) == ANSWERS, 28);
    check(call(P_PIPE, 0, 0, 0) == SILENCE, 29);
    child(argument, false);
    child(argument, true);
    call(P_REPORT, (uint64_t)2 * SIGNALS, 0, 0);
    leave(0);
}
