/* SPDX-License-Identifier: MIT */
/*
 * registers.c - a call by `syscall` and by `int $0x80` leaves all registers as they were but its
 * result, and rcx and r11, which `syscall` itself takes.
 */
#include "examples/procs/programs/program.h"

enum { ROUNDS = 50, GENERAL = 14, VECTORS = 16 };

static uint64_t before[GENERAL + VECTORS], after[GENERAL + VECTORS];
static uint64_t stack_before, stack_after, flags_after;

/* rbx rcx rdx rsi rdi rbp r8 .. r15 from `before`, the number in rax; all of them to `after`. */
#define ROUND(instruction)                                                                         \
    __asm__ volatile(                                                                              \
        "push %%rbp\n\tmov %%rsp, %[stack_before]\n\t"                                             \
        "mov 0+%[b], %%rbx\n\tmov 8+%[b], %%rcx\n\tmov 16+%[b], %%rdx\n\tmov 24+%[b], %%rsi\n\t"   \
        "mov 32+%[b], %%rdi\n\tmov 40+%[b], %%rbp\n\tmov 48+%[b], %%r8\n\tmov 56+%[b], %%r9\n\t"   \
        "mov 64+%[b], %%r10\n\tmov 72+%[b], %%r11\n\tmov 80+%[b], %%r12\n\t"                       \
        "mov 88+%[b], %%r13\n\tmov 96+%[b], %%r14\n\tmov 104+%[b], %%r15\n\t"                      \
        "movq 112+%[b], %%xmm0\n\tmovq 232+%[b], %%xmm15\n\tstc\n\t" instruction                   \
        "\n\tmov %%rbx, 0+%[a]\n\tmov %%rcx, 8+%[a]\n\tmov %%rdx, 16+%[a]\n\t"                     \
        "mov %%rsi, 24+%[a]\n\tmov %%rdi, 32+%[a]\n\tmov %%rbp, 40+%[a]\n\tmov %%r8, 48+%[a]\n\t"  \
        "mov %%r9, 56+%[a]\n\tmov %%r10, 64+%[a]\n\tmov %%r11, 72+%[a]\n\tmov %%r12, 80+%[a]\n\t"  \
        "mov %%r13, 88+%[a]\n\tmov %%r14, 96+%[a]\n\tmov %%r15, 104+%[a]\n\t"                      \
        "movq %%xmm0, 112+%[a]\n\tmovq %%xmm15, 232+%[a]\n\t"                                      \
        "pushfq\n\tpop %[flags]\n\tmov %%rsp, %[stack_after]\n\tpop %%rbp"                         \
        : "+a"(result), [a] "=m"(after), [stack_before] "=m"(stack_before),                        \
          [stack_after] "=m"(stack_after), [flags] "=m"(flags_after)                               \
        : [b] "m"(before)                                                                          \
        : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", \
          "memory", "cc")

static void
fill_registers(uint64_t seed)
{
    for (uint64_t i = 0; i < GENERAL + VECTORS; i++) {
        before[i] = (seed + i) * 0x9e3779b97f4a7c15;
        after[i] = 0;
    }
}

/* How many are as they were, of those that must be. */
static uint64_t
kept(bool by_syscall)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < GENERAL; i++)
        n += after[i] == before[i] || (by_syscall && (i == 1 || i == 9));
    n += after[GENERAL] == before[GENERAL];
    n += after[GENERAL + VECTORS - 1] == before[GENERAL + VECTORS - 1];
    return n + (stack_after == stack_before) + (flags_after & 1);
}

_Noreturn void
program(uint64_t argument)
{
    uint64_t own = (uint64_t)call(P_NUMBER, 0, 0, 0), right = 0, result;

    for (uint64_t i = 0; i < ROUNDS; i++) {
        fill_registers(argument + i);
        result = P_NUMBER;
        ROUND("syscall");
        right += result == own && kept(true) == GENERAL + 4;
        result = P_NUMBER;
        ROUND("int $0x80");
        right += result == own && kept(false) == GENERAL + 4;
        result = 1 << 20;
        ROUND("syscall");
        right += (int64_t)result == -E_NOSYS && kept(true) == GENERAL + 4;
    }
    call(P_REPORT, right, 0, 0);
    leave(0);
}
