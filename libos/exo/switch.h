/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/switch.h - a thread's record, and from one thread to the next (switch.S): between the
 * files of the library that make threads run.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/x86/save.h"
#include "libos/exo/context.h"
#include "libos/exo/layout.h"
#include "libos/exo/semaphore.h"
#include "libos/exo/timer.h"

enum { THREAD_STACK_BYTES = 64 << 10, THREAD_TICK_NS = 4 * 1000 * 1000 };

typedef void thread_fn(void *argument);

struct thread {
    struct thread *next; /* in the list that it is in: ready, or waiters of one thing */
    uint64_t rsp;        /* where it goes on: rbp, then the return address */
    uint64_t fs;
    uint64_t preempted[2]; /* what rsp points to then */
    void *vectors;         /* what a preemption found in the vector registers */
    thread_fn *fn;
    void *argument;
    uint64_t timed_out;      /* 1: a wait ended by its timer */
    struct semaphore done;   /* posted when its stack is left for good */
    struct semaphore *waits; /* what its timer takes it out of */
    struct timer timer;
    uint64_t n_mutexes; /* that it holds */
    uint8_t unused[88];
    struct save_area save; /* the registers of one that was preempted */
};
_Static_assert(offsetof(struct thread, next) == THREAD_NEXT, "layout");
_Static_assert(offsetof(struct thread, rsp) == THREAD_RSP, "layout");
_Static_assert(offsetof(struct thread, fs) == THREAD_FS, "layout");
_Static_assert(offsetof(struct thread, vectors) == THREAD_VECTORS, "layout");
_Static_assert(offsetof(struct thread, save) == THREAD_SAVE, "layout");

void mutex_none(void); /* the running thread, which ends, holds none: else that is the end of all */

/* The running thread. Null before the first thread_start, and while the context idles. */
static inline struct thread *
thread_self(void)
{
    struct thread *t;

    __asm__ volatile("mov %%gs:%c1, %0" : "=r"(t) : "i"(HERE_CURRENT));
    return t;
}

/* Let a thread run that is in no list: it is hung behind those that are ready here. */
static inline void
thread_ready(struct thread *t)
{
    struct context *c;

    busy_enter();
    c = context_here();
    t->next = NULL;
    *c->ready_tail = t;
    c->ready_tail = &t->next;
    busy_leave();
}

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

/* Others may have the processor: who holds what we wait for is not on his. */
void exo_yield(void);

void exo_thread_resume(void);
void exo_switch_return(void);
void exo_thread_first(void);
