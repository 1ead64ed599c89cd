/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/lock.h - the library's own locks: short, held by a context, never over a sleep. Who
 * holds one is not preempted by the library, and does not fault on its stack.
 *
 * A lock that is free is taken and dropped here, in a dozen instructions each; the rest is lock.c.
 *
 * Invariants
 *  L1 lock[0 .. n_locks) of a context (context.h) are those that it holds, and at most the last of
 *     them one that it is about to take or has just dropped: so that who finds the context dead
 *     knows.
 *  L2 a lock's holder is a context that names it so, or 0.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "libos/exo/layout.h"

struct lock {
    uint32_t holder; /* the index of a context + 1; 0: free */
};

enum { CONTEXT_LOCKS_MAX = 8, LOCK_STACK_BYTES = 4096 };

/* Called with a phrase where a lock is misused, and where that was; set by exo_start, returns not. */
struct save_area;
extern void (*exo_on_misuse)(const char *why, const struct save_area *where);

/* For roll.c: asked by who waits for a lock, with the index of its holder. */
extern void (*exo_on_stuck)(uint32_t index);

/* For roll.c: called by who has dropped its last lock while somebody runs it to the end. */
struct context;
extern void (*exo_on_rolled)(struct context *c);

/* ---- what is out of the ordinary: lock.c ---- */
void lock_wait(struct lock *l, uint32_t self); /* it is not free: until it is taken */
void lock_rolled(void);                        /* the last one, while another runs us */
void lock_preempt(void);                       /* what was put off meanwhile is due */
void lock_fail(const char *why) __attribute__((noreturn));

/* Of the running context: how many locks it has or is about to have, and what it is as a holder. */
static inline uint32_t
locks_here(void)
{
    uint32_t n;

    __asm__ volatile("movl %%gs:%c1, %0" : "=r"(n) : "i"(HERE_N_LOCKS));
    return n;
}

static inline uint32_t
lock_self(void)
{
    uint32_t self;

    __asm__ volatile("movl %%gs:%c1, %0" : "=r"(self) : "i"(HERE_HOLDER));
    return self;
}

/*
 * Waits as long as another context holds it, some dozen instructions if none does. A context takes a
 * lock once, at most CONTEXT_LOCKS_MAX at a time, and drops the last that it took first: else the
 * partition ends with a line that says so. Meanwhile its thread stays on it, and must not sleep.
 */
static inline void
lock_take(struct lock *l)
{
    uint32_t n, self, none = 0;

    /* The stack of who holds a lock is present as far down as its work needs. */
    __asm__ volatile("testb $0, -%c0(%%rsp)" ::"i"(LOCK_STACK_BYTES) : "cc");
    __asm__ volatile("incl %%gs:%c0" ::"i"(HERE_BUSY) : "memory", "cc");
    n = locks_here();
    if (__builtin_expect(n >= CONTEXT_LOCKS_MAX, 0))
        lock_fail("it holds too many locks");
    __asm__ volatile("movq %0, %%gs:%c2(, %q1, 8)\n\tincl %%gs:%c3" /* L1 */
                     ::"r"(l),
                     "r"(n), "i"(HERE_LOCKS), "i"(HERE_N_LOCKS)
                     : "memory", "cc");
    self = lock_self();
    if (__builtin_expect(!__atomic_compare_exchange_n(&l->holder, &none, self, 0, __ATOMIC_ACQUIRE,
                                                      __ATOMIC_RELAXED),
                         0))
        lock_wait(l, self);
}

/* From here on others may have it. A preemption that was put off meanwhile happens in here. */
static inline void
lock_drop(struct lock *l)
{
    uint32_t n = locks_here();
    uint8_t is, last;

    __asm__ volatile("cmpq %1, %%gs:%c3 - 8(, %q2, 8)"
                     : "=@ccz"(is)
                     : "r"(l), "r"(n), "i"(HERE_LOCKS)
                     : "memory");
    if (__builtin_expect(!is, 0))
        lock_fail("it drops a lock that it did not take last");
    __atomic_store_n(&l->holder, 0, __ATOMIC_RELEASE);
    __asm__ volatile("decl %%gs:%c1" : "=@ccz"(last) : "i"(HERE_N_LOCKS) : "memory");
    if (last) {
        __asm__ volatile("cmpq $0, %%gs:%c1" : "=@ccz"(last) : "i"(HERE_ROLLER) : "memory");
        if (__builtin_expect(!last, 0))
            lock_rolled();
    }
    __asm__ volatile("decl %%gs:%c1" : "=@ccz"(last) : "i"(HERE_BUSY) : "memory");
    if (last) {
        __asm__ volatile("cmpl $0, %%gs:%c1" : "=@ccz"(last) : "i"(HERE_PREEMPT) : "memory");
        if (__builtin_expect(!last, 0))
            lock_preempt();
    }
}

/* Does the running context hold it? */
static inline bool
lock_held(const struct lock *l)
{
    return __atomic_load_n(&l->holder, __ATOMIC_RELAXED) == lock_self();
}
