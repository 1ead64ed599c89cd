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
#include "libos/exo/space.h"
#include "libos/exo/stack.h"
#include "libos/exo/start.h"

enum { IDLE_STACK_BYTES = 16 << 10 };
_Static_assert(sizeof(struct thread) == THREAD_SAVE + SAVE_BYTES, "layout");

void exo_thread_run(void) __attribute__((noreturn));

static struct lock threads_lock;
static struct {
    uint8_t guard[FRAME_BYTES], stack[IDLE_STACK_BYTES];
} idle __attribute__((aligned(FRAME_BYTES)));

/* ---- what changes for the library once there are threads ---- */

static struct semaphore
    output; /* threads among themselves; then all of them with contexts that have none */

/*
 * Who is no thread cannot wait, nor one that holds a lock: what a handler says, it says at the end of
 * all, or between pieces.
 */
static bool
in_thread(void)
{
    return upcall_depth() == 0 && !busy_here() && thread_self();
}

/* A context that is not for threads: it waits as a whole. */
static bool
in_context(void)
{
    return !context_here()->ready_none;
}

static void
output_take(void)
{
    if (in_context()) {
        contexts_output_take();
    } else if (in_thread()) {
        semaphore_wait(&output);
        while (!contexts_output_try(OUTPUT_THREAD))
            thread_sleep_until(clock_ns() + OUTPUT_PAUSE_NS);
    }
}

static void
output_drop(void)
{
    bool thread = in_thread();

    if (in_context() || thread)
        contexts_output_drop();
    if (thread)
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

static uint64_t
fs_read(void)
{
    uint64_t base;

    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

/* On a context that runs threads; the handler of an event may find that it runs none just now. */
static bool
threads_begun(void)
{
    return context_here()->ready_none != NULL;
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
    c->current->fs = fs_read();
    space_release(&exo_space, (uintptr_t)idle.guard, 1);
    semaphore_init(&output, 1);
    exo_output_take = output_take;
    exo_output_drop = output_drop;
    exo_sleep_until = thread_sleep_until;
    sched_begin();
    busy_enter(); /* from here on the end of a slice is the scheduler's */
    c->idle_stack = idle.stack + IDLE_STACK_BYTES;
    c->ready_none = c->ready_tail = &c->ready;
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

    if (!threads_begun() && !threads_begin())
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
    if (!threads_begun() && !threads_begin())
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
    mutex_none();
    semaphore_post_last(&thread_self()->done);
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
    if (thread_self())
        thread_self()->fs = base;
}

void
thread_sleep_until(uint64_t ns)
{
    struct semaphore never;

    semaphore_init(&never, 0);
    semaphore_wait_until(&never, ns);
}
