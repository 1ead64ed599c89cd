/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/sched.h - between the files of the library that make threads run. All but thread_ready
 * are called with the context busy.
 */
#pragma once
#include <stdint.h>
#include "libos/exo/context.h"

/* ---- switch.S ---- */
extern uint8_t exo_switch_start[], exo_switch_end[];

/*
 * The running thread, which has been put where somebody finds it, stops. The next that is ready
 * runs, then *lock becomes 0. The context is busy by one, which ends here.
 */
static inline void
thread_block(uint32_t *lock)
{
    __asm__ volatile("call exo_block"
                     : "+D"(lock)
                     :
                     : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13",
                       "r14", "r15", "memory", "cc");
}

/* The same for what is no thread any more, or none yet: it never returns. */
void exo_leave(uint32_t *lock) __attribute__((noreturn));

void exo_thread_resume(void);
void exo_switch_return(void);
void exo_thread_first(void);

/* ---- sched.c ---- */

/* Let a thread run that is in no list. */
void thread_ready(struct thread *t);

/* The scheduler begins: the caller's upcalls are its own from here on. */
void sched_begin(void);

/* For how long the next thread runs. */
void sched_tick(struct context *c);

/* Threads may run by now that wait for a counter of the kernel. */
void waiters_look(void);

/* ---- timer.c ---- */
void deadline_arm(struct context *c);
void timers_run(struct context *c, uint64_t now);
