/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/roll.h - locks that survive their holder. A context may be stopped anywhere, also by
 * the kernel, also while it holds a lock over data that is half changed. Its registers are complete
 * then, and its stack lies in memory that all contexts share: so whoever waits for the lock, or
 * cleans up, takes on its registers and runs its code to the point where it holds no lock any more.
 *
 * What it takes: stacks, data and code of critical sections are mapped alike for all our contexts,
 * on whatever root they stand; a section does not sleep and does not end with exo_exit.
 *
 * This is on from the first context_add on.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "libos/exo/context.h"

/* Is it in a critical section, its own or one that it was running to the end? It has stopped. */
bool roll_needed(const struct context *dead);

/*
 * Run a stopped context to the end of its critical section. True: so it was done; false: there was
 * none, or another does it. The caller holds no lock that such a section takes.
 */
bool roll_forward(struct context *dead);

/* Until nothing of a stopped context is left to be run, by whomever. Then it may be removed. */
void roll_finish(struct context *dead);

/* For lock.c: a lock that the context of that index holds does not come. */
void roll_stuck(uint32_t index);

/* For lock.c: the roller of *dead goes on; returns nowhere. */
void exo_roll_return(struct context *dead) __attribute__((noreturn));

/* How often that was done, by whomever. */
extern uint64_t exo_rolled;
