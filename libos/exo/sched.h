/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/sched.h - who runs next: for thread.c alone.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "libos/exo/context.h"

/* Let the others run that are ready. */
void sched_yield(void);

/* The scheduler begins: the caller's upcalls are its own from here on. */
void sched_begin(void);

/* From now on the running thread has a tick. The context is busy. */
void sched_tick(struct context *c);

/* Where contexts have nothing to run: what waits here beside the next thread goes to them. */
void sched_feed(void);

/* Threads run on several contexts. */
extern bool sched_several;
