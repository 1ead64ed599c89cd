/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/lock.h - the library's own locks: short, held by a context, never over a sleep. Who
 * holds one is not preempted by the library, and does not fault on its stack.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct lock {
    uint32_t holder; /* the index of a context + 1; 0: free */
};

void lock_take(struct lock *l);
void lock_drop(struct lock *l);

/* Does the running context hold it? */
bool lock_held(const struct lock *l);

/* For roll.c: asked by who waits for a lock, with the index of its holder. */
extern void (*exo_on_stuck)(uint32_t index);

/* For roll.c: called by who has dropped its last lock while somebody runs it to the end. */
struct context;
extern void (*exo_on_rolled)(struct context *c);
