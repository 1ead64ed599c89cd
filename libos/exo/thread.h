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
#include <stdint.h>
#include "libos/exo/semaphore.h"
#include "libos/exo/switch.h"
#include "libos/exo/timer.h"

/*
 * Start fn(argument), which has nearly 56 KiB of stack; it takes a page, and more as it uses them. The
 * record is the caller's until thread_join, which each thread needs. Null: no memory, or the vector
 * state of this processor is larger than a page.
 */
struct thread *thread_start(thread_fn *fn, void *argument);

/*
 * From here on threads run on n contexts (1 to CONTEXTS_MAX): our first on processor 0, the others
 * from processor 1 on in turn. Once. 0; or an error: they run on as many as there are by then.
 * They take turns among all of these; who has nothing to run is given what waits elsewhere. A turn
 * is THREAD_TICK_NS of the clock, whoever else had the processor meanwhile: over a short time shares
 * differ where a context's processor is also another's, or the host is busy.
 */
int threads_spread(uint32_t n);

/* Wait until it has ended, and take back its record and stack. Once for each thread, by one. */
void thread_join(struct thread *t);

/* End the running thread, as returning from its function does. */
void thread_exit(void) __attribute__((noreturn));

/* Let the others run that are ready; if there are none, go on. No call of the kernel. */
void thread_yield(void);

/* fs of the running thread: for its local storage. */
void thread_fs_set(uint64_t base);

/* Sleep until clock_ns() says so. */
void thread_sleep_until(uint64_t ns);
