/* SPDX-License-Identifier: MIT */
/*
 * programs.c - what runs in processes. Their code lies in the region; all that they write is on
 * their stacks and from PROC_VA on, which are their own. They know nothing but their calls.
 */
#include "examples/procs/procs.h"

enum { DATA_PAGES = 8, ROUNDS = 25, MESSAGES = 300, BLOCK = 20000, SIGNALS = 30 };

static int64_t
call(enum call n, uint64_t a, uint64_t b, uint64_t c)
{
    int64_t r;

    __asm__ volatile("syscall"
                     : "=a"(r), "+D"(a), "+S"(b), "+d"(c)
                     : "a"((uint64_t)n)
                     : "rcx", "r8", "r9", "r10", "r11", "memory");
    return r;
}

static _Noreturn void
leave(uint64_t status)
{
    for (;;)
        call(P_EXIT, status, 0, 0);
}

/* The i'th word of the n'th page of private memory. */
static volatile uint64_t *
word(uint64_t page, uint64_t i)
{
    return (volatile uint64_t *)(PROC_VA + page * PAGE) + i;
}

static void
check(bool truth, uint64_t where)
{
    if (!truth)
        leave(where);
}

static void
spend(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile("");
}

/* ---- a thousand of these: each counts, at the same address ---- */

void
many_program(uint64_t argument)
{
    *word(0, 1) = argument;
    for (;;) {
        ++*word(0, 0);
        check(*word(0, 1) == argument, 1);
    }
}

/* ---- fork ---- */

static void
fill(uint64_t seed)
{
    for (uint64_t p = 0; p < DATA_PAGES; p++)
        for (uint64_t i = 0; i < 512; i += 37)
            *word(p, i) = seed + p * 1000 + i;
}

static bool
holds(uint64_t seed)
{
    for (uint64_t p = 0; p < DATA_PAGES; p++)
        for (uint64_t i = 0; i < 512; i += 37)
            if (*word(p, i) != seed + p * 1000 + i)
                return false;
    return true;
}

/* Another task, which writes on while its process forks: first to one page, then to the next. */
static void
writer(uint64_t argument)
{
    (void)argument;
    for (;;) {
        ++*word(DATA_PAGES, 0);
        ++*word(DATA_PAGES + 1, 0);
    }
}

/* What a child sees of that does not change any more, and no later store without an earlier one. */
static void
writer_stands(void)
{
    uint64_t second = *word(DATA_PAGES + 1, 0), first = *word(DATA_PAGES, 0);

    check(first == second || first == second + 1, 2);
    spend(20000);
    check(*word(DATA_PAGES, 0) == first && *word(DATA_PAGES + 1, 0) == second, 3);
}

/* A child, and its child, and so on: depth of them. */
static void
child_of(uint64_t seed, uint64_t share, uint64_t depth)
{
    int64_t r = 0;

    for (;; depth--, seed += 7, share = !share) {
        check(holds(seed), 4);
        writer_stands();
        fill(seed + 7);
        if (depth == 0 || (r = call(P_FORK, share, 0, 0)) != 0)
            break;
    }
    check(r >= 0, 5);
    if (depth > 0) {
        fill(seed + 9);
        check(call(P_WAIT, 0, 0, 0) >> 32 == 0, 6);
        check(holds(seed + 9), 7);
    }
    check(call(P_WAIT, 0, 0, 0) == -E_NOENT, 8);
    leave(0);
}

void
fork_program(uint64_t share)
{
    call(P_THREAD, (uintptr_t)writer, 0, PROC_VA + (PAGES - STACK_PAGES + 2) * PAGE - 8);
    while (*word(DATA_PAGES, 0) < 100)
        call(P_YIELD, 0, 0, 0);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        int64_t r, status;

        fill(i);
        r = call(P_FORK, share, 0, 0);
        check(r >= 0, 9);
        if (r == 0)
            child_of(i, share, 2);
        fill(i + 5);
        status = call(P_WAIT, 0, 0, 0);
        check(status >> 32 == 0, 1000 + (uint64_t)(status >> 32));
        check((status & UINT32_MAX) == r && holds(i + 5), 11);
    }
    call(P_REPORT, ROUNDS, 0, 0);
    leave(0);
}

/* ---- exec ---- */

static void
second_program(uint64_t argument)
{
    for (uint64_t p = 0; p < DATA_PAGES + 2; p++)
        check(*word(p, 0) == 0, 12);
    spend(100000);
    check(*word(DATA_PAGES, 0) == 0 && *word(DATA_PAGES + 1, 0) == 0, 13); /* nobody writes on */
    if (argument > 0) {
        *word(0, 0) = argument;
        exec_program(argument);
    }
    call(P_REPORT, 1, 0, 0);
    leave(0);
}

void
exec_program(uint64_t argument)
{
    fill(argument);
    for (uint64_t i = 0; i < 2; i++)
        call(P_THREAD, (uintptr_t)writer, 0, PROC_VA + (PAGES - STACK_PAGES + 2 + i) * PAGE - 8);
    while (*word(DATA_PAGES + 1, 0) < 1000)
        call(P_YIELD, 0, 0, 0);
    call(P_EXEC, (uintptr_t)second_program, argument - 1, 0);
    leave(14);
}

/* ---- pipes ---- */

static void
all(enum call how, uint64_t file, void *bytes, uint64_t n)
{
    for (char *at = bytes; n > 0;) {
        int64_t done = call(how, file, (uintptr_t)at, n);

        check(done > 0, 15);
        at += done;
        n -= (uint64_t)done;
    }
}

static void
answer(uint64_t there, uint64_t back)
{
    uint64_t message;

    for (uint64_t i = 0; i < MESSAGES; i++) {
        all(P_READ, there, &message, sizeof(message));
        message = message * 3 + i;
        all(P_WRITE, back, &message, sizeof(message));
    }
    all(P_READ, there, (void *)PROC_VA, BLOCK);
    all(P_WRITE, back, (void *)PROC_VA, BLOCK);
    check(call(P_READ, there, (uintptr_t)&message, 1) == 0, 16); /* the other end goes */
    leave(0);
}

void
pipe_program(uint64_t argument)
{
    uint64_t there = (uint64_t)call(P_PIPE, 0, 0, 0), back = (uint64_t)call(P_PIPE, 0, 0, 0);
    uint8_t *block = (uint8_t *)PROC_VA;
    uint64_t message;
    int64_t r = call(P_FORK, argument % 2, 0, 0);

    check(r >= 0, 17);
    if (r == 0)
        answer(there, back);
    for (uint64_t i = 0; i < MESSAGES; i++) {
        message = argument + i;
        all(P_WRITE, there, &message, sizeof(message));
        all(P_READ, back, &message, sizeof(message));
        check(message == (argument + i) * 3 + i, 18);
    }
    for (uint64_t i = 0; i < BLOCK; i++)
        block[i] = (uint8_t)(i * 7 + argument);
    all(P_WRITE, there, block, BLOCK);
    memset(block, 0, BLOCK);
    all(P_READ, back, block, BLOCK);
    for (uint64_t i = 0; i < BLOCK; i++)
        check(block[i] == (uint8_t)(i * 7 + argument), 19);
    call(P_REPORT, MESSAGES, 0, 0);
    leave(0);
}

/* ---- signals ---- */

/* On the stack of what it interrupted; every register of that comes back. */
__asm__(".text\n"
        "signal_entry:\n\t"
        "mov %rsp, %rbx\n\t"
        "and $-16, %rsp\n\t"
        "call signal_count\n\t"
        "mov %rbx, %rsp\n\t"
        "mov $9, %eax\n\t" /* P_RETURN */
        "syscall\n");
_Static_assert(P_RETURN == 9, "signal_entry");
void signal_entry(void);
void signal_count(uint64_t signal);

void
signal_count(uint64_t signal)
{
    ++*word(1, signal);
    call(P_WRITE, 1, (uintptr_t)word(1, signal), 8);
}

/* Runs, and never looks; numbers in its registers must stay. */
static void
busy(uint64_t argument)
{
    uint64_t wrong;

    call(P_HANDLE, (uintptr_t)signal_entry, 0, 0);
    call(P_WRITE, 1, (uintptr_t)&argument, 8);
    for (;;) {
        __asm__ volatile("movq %[self], %%xmm3\n\tmov %[self], %%r9\n\tmov %[self], %%rbx\n\t"
                         "mov $3000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b\n\t"
                         "movq %%xmm3, %%rax\n\txor %[self], %%rax\n\txor %[self], %%r9\n\t"
                         "xor %[self], %%rbx\n\tor %%r9, %%rax\n\tor %%rbx, %%rax"
                         : "=&a"(wrong)
                         : [self] "S"(argument)
                         : "rcx", "r9", "rbx", "cc");
        check(wrong == 0, 20);
    }
}

void
signal_program(uint64_t argument)
{
    uint64_t message, pipe;
    int64_t child, status;

    call(P_PIPE, 0, 0, 0);
    pipe = (uint64_t)call(P_PIPE, 0, 0, 0);
    child = call(P_FORK, 0, 0, 0);
    check(pipe == 1 && child >= 0, 21);
    if (child == 0)
        busy(argument);
    all(P_READ, 1, &message, 8);
    for (uint64_t i = 1; i <= SIGNALS; i++) {
        check(call(P_KILL, (uint64_t)child, 5, 0) == 0, 22);
        all(P_READ, 1, &message, 8);
        check(message == i, 23);
    }
    check(call(P_KILL, (uint64_t)child, 9, 0) == 0, 24);
    status = call(P_WAIT, 0, 0, 0);
    check(status >> 32 == 137 && (status & UINT32_MAX) == child, 25);
    call(P_REPORT, SIGNALS, 0, 0);
    leave(0);
}

/* ---- all of it, without end ---- */

static void
churn_child(uint64_t argument)
{
    uint64_t message = 0;

    fill(argument);
    for (uint64_t i = 0; i < 20 && call(P_READ, 0, (uintptr_t)&message, 8) == 8; i++) {
        message++;
        if (call(P_WRITE, 1, (uintptr_t)&message, 8) != 8)
            break;
    }
    check(holds(argument), 26);
    leave(0);
}

void
churn_program(uint64_t argument)
{
    call(P_PIPE, 0, 0, 0);
    call(P_PIPE, 0, 0, 0);
    for (uint64_t round = 0;; round++) {
        int64_t r = call(P_FORK, round % 2, 0, 0);
        uint64_t message;

        if (r == 0)
            churn_child(argument + round);
        for (message = 0; r > 0 && message < 20;) {
            uint64_t before = message;

            if (call(P_WRITE, 0, (uintptr_t)&message, 8) != 8 ||
                call(P_READ, 1, (uintptr_t)&message, 8) != 8)
                leave(0); /* the child was killed */
            if (message != before + 1)
                call(P_REPORT, 999, 0, 0);
        }
        if (r > 0)
            call(P_WAIT, 0, 0, 0);
    }
}
