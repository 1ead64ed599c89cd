/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/context.h - what the library knows of one of its contexts, in the rest of the frame
 * that is its upcall page. gs names it, always: a thread finds the context it runs on there, and
 * nothing else may change gs.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "abi/context.h"

enum { CONTEXT_LOCKS_MAX = 8 };

struct lock;

struct context {
    struct upcall_page page;
    struct context *self;
    uint32_t index;                       /* among ours, 0 first */
    uint32_t busy;                        /* not to be preempted now: locks held, and the like */
    uint32_t preempt;                     /* it was to be meanwhile */
    uint32_t n_locks;                     /* held or about to be taken */
    struct lock *lock[CONTEXT_LOCKS_MAX]; /* these */
};
_Static_assert(sizeof(struct context) <= 4096, "one frame");
_Static_assert(offsetof(struct context, self) == 1280, "context_here");

extern struct context exo_context; /* the first: crt0.S. Its page is exo_upcall_page too */

static inline struct context *
context_here(void)
{
    struct context *here;

    __asm__ volatile("mov %%gs:1280, %0" : "=r"(here));
    return here;
}

enum context_offset { CONTEXT_BUSY = 1292, CONTEXT_PREEMPT = 1296 };
_Static_assert(offsetof(struct context, busy) == CONTEXT_BUSY, "busy_enter");
_Static_assert(offsetof(struct context, preempt) == CONTEXT_PREEMPT, "busy_leave");

/* From here on the running thread stays on this context, and keeps it. May be nested. */
static inline void
busy_enter(void)
{
    __asm__ volatile("incl %%gs:%c0" ::"i"(CONTEXT_BUSY) : "memory", "cc");
}

/* Called where a preemption was put off: nothing, until threads begin. */
extern void (*exo_on_preempt)(void);

static inline void
busy_leave(void)
{
    uint8_t free;

    __asm__ volatile("decl %%gs:%c1" : "=@ccz"(free) : "i"(CONTEXT_BUSY) : "memory");
    if (free && __builtin_expect(context_here()->preempt != 0, 0))
        exo_on_preempt();
}

/* Called by exo_start alone: make *c what gs names. */
void context_begin(struct context *c, uint32_t index);
