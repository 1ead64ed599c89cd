/* SPDX-License-Identifier: MIT */
/*
 * thread.c - threads begin and end. The record of one lies at the end of its stack, so that a
 * thread that does little touches one page.
 */
#include "libos/exo/thread.h"
#include "abi/error.h"
#include "abi/exposed.h"
#include "abi/memory.h"
#include "libos/exo/clock.h"
#include "libos/exo/console.h"
#include "libos/exo/contexts.h"
#include "libos/exo/sched.h"
#include "libos/exo/share.h"
#include "libos/exo/stack.h"
#include "libos/exo/start.h"

enum { IDLE_STACK_BYTES = 8192 };
_Static_assert(sizeof(struct thread) == THREAD_SAVE + SAVE_BYTES, "layout");

void exo_thread_run(void) __attribute__((noreturn));

static struct lock threads_lock;
static uint8_t idle_stack[IDLE_STACK_BYTES] __attribute__((aligned(16)));

/* ---- what changes for the library once there are threads ---- */

static struct semaphore output;

/* An upcall's handler cannot wait: what it says, it says at the end of all, or between pieces. */
static void
output_take(void)
{
    if (upcall_depth() == 0)
        semaphore_wait(&output);
}

static void
output_drop(void)
{
    if (upcall_depth() == 0)
        semaphore_post(&output);
}

/* ---- beginning and end ---- */

/* A record on a stack of its own. Null: no memory. */
static struct thread *
thread_make(thread_fn *fn, void *argument)
{
    uint64_t stack;
    struct thread *t;

    lock_take(&threads_lock);
    stack = stack_take();
    lock_drop(&threads_lock);
    if (!stack)
        return NULL;
    t = (struct thread *)(stack + THREAD_STACK_BYTES) - 1;
    *t = (struct thread){.fn = fn, .argument = argument, .vectors = (void *)stack};
    semaphore_init(&t->done, 0);
    return t;
}

/* The caller becomes the first thread; its stack is the one that it has. */
static bool
threads_begin(void)
{
    struct context *c = context_here();

    if (c->index) /* a context that is not for threads */
        return false;
    if (((const struct machine_page *)EXPOSED_MACHINE)->vector_bytes > FRAME_BYTES)
        return false;
    c->current = thread_make(NULL, NULL);
    if (!c->current)
        return false;
    c->ready_none = c->ready_tail = &c->ready;
    c->idle_stack = idle_stack + IDLE_STACK_BYTES;
    semaphore_init(&output, 1);
    exo_output_take = output_take;
    exo_output_drop = output_drop;
    exo_sleep_until = thread_sleep_until;
    sched_begin();
    busy_enter();
    sched_tick(c);
    timers_arm(c);
    busy_leave();
    return true;
}

struct thread *
thread_start(thread_fn *fn, void *argument)
{
    struct thread *t;
    uint64_t *stack;

    if (!thread_self() && !threads_begin())
        return NULL;
    t = thread_make(fn, argument);
    if (!t)
        return NULL;
    stack = (uint64_t *)(void *)t - 4;
    stack[0] = 0; /* rbp */
    stack[1] = (uintptr_t)exo_thread_first;
    t->rsp = (uintptr_t)stack;
    thread_ready(t);
    if (exo_hungry)
        sched_feed();
    return t;
}

/* What a further context does all its life: it has nothing to run but what others give it. */
static void __attribute__((noreturn)) context_serve(void *argument)
{
    struct context *c = context_here();

    (void)argument;
    c->ready_none = c->ready_tail = &c->ready;
    busy_enter();
    exo_leave(&c->nothing);
}

int
threads_spread(uint32_t n)
{
    int64_t r;

    if (n < 1 || n > CONTEXTS_MAX)
        return -E_INVAL;
    if (!thread_self() && !threads_begin())
        return -E_NOMEM;
    r = processor_keep(0);
    sched_several = true;
    for (uint32_t i = 1; i < n && r >= 0; i++) {
        struct context *c = context_add(context_serve, NULL);

        r = c ? context_place(c, i % cpu_count(), exo_start_page->slice_ns) : -E_NOMEM;
    }
    return r < 0 ? (int)r : 0;
}

void
exo_thread_run(void)
{
    struct thread *t = thread_self();

    t->fn(t->argument);
    thread_exit();
}

void
thread_exit(void)
{
    struct thread *t = thread_self();

    semaphore_post_last(&t->done);
}

void
thread_join(struct thread *t)
{
    semaphore_wait(&t->done);
    lock_take(&threads_lock);
    stack_give((uintptr_t)(t + 1) - THREAD_STACK_BYTES);
    lock_drop(&threads_lock);
}

void
thread_yield(void)
{
    sched_yield();
}

void
thread_fs_set(uint64_t base)
{
    __asm__ volatile("wrfsbase %0" ::"r"(base)); /* first: a preemption reads what is there */
    thread_self()->fs = base;
}

void
thread_sleep_until(uint64_t ns)
{
    struct semaphore never;

    semaphore_init(&never, 0);
    semaphore_wait_until(&never, ns);
}
