/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/share.h - threads that any context may run, and contexts that have none: for sched.c
 * alone. Called with the context busy.
 */
#pragma once
#include <stdbool.h>
#include "libos/exo/switch.h"

/*
 * The contexts that have nothing to run, 1 << index. Changes under the list's lock; semaphore_post
 * looks at it without (switch.S), and a look that comes too early is made up for at the next tick.
 */
extern uint32_t exo_hungry;

/* Its registers are kept and its stack is left: behind all others. A hungry context is told. */
void share_put(struct thread *t);

/* The first of all, to the end of those that are ready on c. False: there is none. */
bool share_take(struct context *c);

/* The same for a context that has nothing else: if there is none, it is hungry from here on. */
bool share_want(struct context *c);

/* It has something to run. */
void share_done(struct context *c);
