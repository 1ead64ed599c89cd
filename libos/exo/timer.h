/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/timer.h - any number of times to be told at, on the one deadline of each context. With
 * threads only (libos/exo/thread.h).
 */
#pragma once
#include <stdint.h>
#include "lib/pairing.h"

struct timer;

/*
 * Called when the time has come, in an upcall or by the scheduler, the context busy: it may make
 * threads ready (semaphore_post) and set timers, this one again too, and must not wait. Where there are
 * no threads it is called by exo_on_event, which who sets another calls too.
 */
typedef void timer_fn(struct timer *t);

struct timer {
    struct pairing node; /* first: its key is the time */
    timer_fn *fn;
    struct context *context; /* on whose deadline it stands */
    uint32_t state;
    uint32_t reserved;
};

/*
 * Call fn(t) once, at that time of the clock; where that has passed, as soon as can be. It must not be
 * set already.
 */
void timer_set(struct timer *t, uint64_t ns, timer_fn *fn);

/*
 * Afterwards it is not set, and its function does not run; nothing, where it never was set (all
 * zeroes). Not in the function itself.
 */
void timer_cancel(struct timer *t);

/* For sched.c, the context busy: the deadline for the first timer and the tick; what is due, now. */
struct context;
void timers_arm(struct context *c);
void timers_run(struct context *c, uint64_t now);
