/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/context.h - what the library knows of one of its contexts, in the rest of the frame
 * that is its upcall page. gs names it, always: a thread finds the context it runs on there, and
 * nothing else may change gs.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/context.h"
#include "lib/pairing.h"
#include "libos/exo/layout.h"
#include "libos/exo/lock.h"

struct thread;
struct timer;

struct context {
    struct upcall_page page;
    struct context *self;
    uint32_t index;             /* among ours, 0 first */
    uint32_t busy;              /* not to be preempted now: locks held, and the like */
    uint32_t preempt;           /* it was to be meanwhile */
    uint32_t nothing;           /* a lock word that nobody looks at */
    struct thread *current;     /* null: none, or the context idles */
    struct thread *ready;       /* threads to run, first to last; only this context touches them */
    struct thread **ready_tail; /* where the next is hung: last->next, or &ready */
    struct thread **ready_none; /* &ready */
    void *idle_stack;           /* its end */
    struct context *rolls;      /* whose critical section it runs to the end: roll.c */
    struct context *roller;     /* who does that for this one, which is dead; null: nobody */
    uint64_t roller_rsp;        /* where that one goes on */
    uint32_t held;              /* events are, until the lowest handler is left: upcall.c */
    uint32_t slice_over;        /* its slice has ended, and it did not give way yet: sched.c */
    uint64_t deadline_ns;       /* as told to the kernel; 0: none */
    uint64_t tick_ns;           /* when the running thread is to be preempted; 0: never */
    struct pairing *timers;     /* those that are set here */
    struct lock timers_lock;
    uint32_t n_locks;                     /* held or about to be taken */
    uint32_t slot;                        /* of the kernel's object */
    uint32_t holder;                      /* index + 1: what it is as the holder of a lock */
    struct lock *lock[CONTEXT_LOCKS_MAX]; /* these */
    void (*fn)(void *argument);           /* what it began with */
    void *argument;
    uint64_t frame, vector_frame; /* of the kernel's object */
    uint64_t stops;               /* its counter of stops, when it was made */
    uint32_t cpu, position;       /* where it has a slice; position SLOT_NOTHING: nowhere */
    struct timer *fires;          /* whose function runs: timer.c */
    uint32_t revoked;             /* something is asked back, and its handler was not called yet */
    uint32_t reserved;
};
_Static_assert(offsetof(struct context, roller) == HERE_ROLLER, "layout");
_Static_assert(offsetof(struct context, roller_rsp) == HERE_ROLLER_RSP, "layout");
_Static_assert(offsetof(struct context, held) == HERE_HELD, "layout");
_Static_assert(offsetof(struct context, holder) == HERE_HOLDER, "layout");
_Static_assert(offsetof(struct context, n_locks) == HERE_N_LOCKS, "layout");
_Static_assert(offsetof(struct context, lock) == HERE_LOCKS, "layout");
_Static_assert(offsetof(struct save_area, rip) == SAVE_RIP, "layout");
_Static_assert(offsetof(struct save_area, rflags) == SAVE_RFLAGS, "layout");
_Static_assert(offsetof(struct save_area, rsp) == SAVE_RSP, "layout");
_Static_assert(offsetof(struct save_area, gs_base) == SAVE_GS, "layout");
_Static_assert(sizeof(struct context) <= 4096, "one frame");
_Static_assert(offsetof(struct context, self) == HERE_SELF, "layout");
_Static_assert(offsetof(struct context, busy) == HERE_BUSY, "layout");
_Static_assert(offsetof(struct context, preempt) == HERE_PREEMPT, "layout");
_Static_assert(offsetof(struct context, current) == HERE_CURRENT, "layout");
_Static_assert(offsetof(struct context, ready) == HERE_READY, "layout");
_Static_assert(offsetof(struct context, ready_tail) == HERE_READY_TAIL, "layout");
_Static_assert(offsetof(struct context, ready_none) == HERE_READY_NONE, "layout");
_Static_assert(offsetof(struct context, idle_stack) == HERE_IDLE_STACK, "layout");

extern struct context exo_context; /* the first: crt0.S. Its page is exo_upcall_page too */

static inline struct context *
context_here(void)
{
    struct context *here;

    __asm__ volatile("mov %%gs:%c1, %0" : "=r"(here) : "i"(HERE_SELF));
    return here;
}

/* How many upcalls' handlers we are in. In one instruction: a thread may change its context. */
static inline uint32_t
upcall_depth(void)
{
    uint32_t depth;

    __asm__ volatile("movl %%gs:%c1, %0" : "=r"(depth) : "i"(PAGE_DEPTH));
    return depth;
}

/* Is it busy? In one instruction, likewise. */
static inline bool
busy_here(void)
{
    uint8_t none;

    __asm__ volatile("cmpl $0, %%gs:%c1" : "=@ccz"(none) : "i"(HERE_BUSY) : "memory");
    return !none;
}

/* From here on the running thread stays on this context, and keeps it. May be nested. */
static inline void
busy_enter(void)
{
    __asm__ volatile("incl %%gs:%c0" ::"i"(HERE_BUSY) : "memory", "cc");
}

/* Called where a preemption was put off: nothing, until threads begin. */
extern void (*exo_on_preempt)(void);

static inline void
busy_leave(void)
{
    uint8_t last;

    __asm__ volatile("decl %%gs:%c1" : "=@ccz"(last) : "i"(HERE_BUSY) : "memory");
    if (last && __builtin_expect(context_here()->preempt != 0, 0))
        exo_on_preempt();
}

/* Make *c what gs names. For what begins on a context: begin.c, contexts.c, child.c. */
void context_begin(struct context *c, uint32_t index);
