/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/semaphore.h - what threads wait on: semaphores, and mutexes and conditions made of
 * them. Whoever waits longest is woken first. Not in an upcall's handler, but for semaphore_post in
 * one of events, of a revocation or of a timer.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "libos/exo/layout.h"

struct thread;

struct semaphore {
    uint32_t lock;       /* bit 0 */
    int32_t count;       /* below 0: so many wait */
    struct thread *head; /* they */
    struct thread **tail;
};
_Static_assert(offsetof(struct semaphore, lock) == SEMAPHORE_LOCK, "layout");
_Static_assert(offsetof(struct semaphore, count) == SEMAPHORE_COUNT, "layout");
_Static_assert(offsetof(struct semaphore, head) == SEMAPHORE_HEAD, "layout");
_Static_assert(offsetof(struct semaphore, tail) == SEMAPHORE_TAIL, "layout");

static inline void
semaphore_init(struct semaphore *s, int32_t count)
{
    *s = (struct semaphore){.count = count, .tail = &s->head};
}

/*
 * The registers that a switch does not keep are kept by the caller's compiler, which knows those
 * that matter.
 */
static inline void
semaphore_wait(struct semaphore *s)
{
    __asm__ volatile("call exo_semaphore_wait"
                     : "+D"(s)
                     :
                     : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13",
                       "r14", "r15", "memory", "cc");
}

static inline void
semaphore_post(struct semaphore *s)
{
    __asm__ volatile("call exo_semaphore_post"
                     : "+D"(s)
                     :
                     : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
}

/*
 * The last that the running thread does: post, and leave its stack for good. Whoever is woken by it,
 * or comes later, goes on when the stack is left.
 */
void semaphore_post_last(struct semaphore *s) __attribute__((noreturn));

/* The same, not beyond a time of the clock: false if that has passed first. */
bool semaphore_wait_until(struct semaphore *s, uint64_t ns);

/* Take one if there is one: true. Never waits for a post. */
bool semaphore_try(struct semaphore *s);

struct mutex {
    struct semaphore free;
    struct thread *holder;
};

void mutex_init(struct mutex *m);
/*
 * For as long as one likes, also while sleeping. Who takes one twice, drops another's, or ends with
 * one, ends the partition with a line that says so: so none is left behind by a thread. Semaphores
 * and mutexes are the threads' alone. Locks survive a context that is stopped (lock.h, roll.h);
 * of one that runs threads nobody should stop any, for those that it has ready stop with it.
 */
void mutex_take(struct mutex *m);
void mutex_drop(struct mutex *m);

struct condition_waiter;

/* With a mutex, which whoever calls a function below holds. */
struct condition {
    struct mutex *mutex;
    struct condition_waiter *first, **last;
};

void condition_init(struct condition *c, struct mutex *m);
void condition_wait(struct condition *c);
bool condition_wait_until(struct condition *c, uint64_t ns); /* false: the time has passed first */
void condition_signal(struct condition *c);
void condition_broadcast(struct condition *c);
