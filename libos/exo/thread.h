/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/thread.h - threads of the library, by the tens of thousands: each has 64 KiB of
 * addresses for its stack, of which pages come as they are touched. They run in turn on our
 * contexts, and are preempted when a slice or a tick ends; a switch does not enter the kernel.
 *
 * The first thread_start makes threads of us: the caller is the first. A thread that uses fs sets
 * it by thread_fs_set; gs is the library's. When exo_main returns, all end.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/x86/save.h"
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
    uint32_t alive;          /* 1 until its stack is left for good */
    uint32_t timed_out;      /* a wait ended by its timer */
    struct semaphore done;   /* posted when it ends */
    struct semaphore *waits; /* what its timer takes it out of */
    struct timer timer;
    uint8_t unused[96];
    struct save_area save; /* the registers of one that was preempted */
};
_Static_assert(offsetof(struct thread, next) == THREAD_NEXT, "layout");
_Static_assert(offsetof(struct thread, rsp) == THREAD_RSP, "layout");
_Static_assert(offsetof(struct thread, fs) == THREAD_FS, "layout");
_Static_assert(offsetof(struct thread, vectors) == THREAD_VECTORS, "layout");
_Static_assert(offsetof(struct thread, save) == THREAD_SAVE, "layout");

/* Start fn(argument). Null: no memory. */
struct thread *thread_start(thread_fn *fn, void *argument);

/* Wait until it has ended, and take it back. Each thread is to be joined once, by one. */
void thread_join(struct thread *t);

/* End the running thread, as returning from its function does. */
void thread_exit(void) __attribute__((noreturn));

/* Let the others run that are ready. */
void thread_yield(void);

/* The running thread. Null before the first thread_start. */
struct thread *thread_self(void);

/* fs of the running thread: for its local storage. */
void thread_fs_set(uint64_t base);

/* Sleep until clock_ns() says so. */
void thread_sleep_until(uint64_t ns);
