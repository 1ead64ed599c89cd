/* SPDX-License-Identifier: MIT */
/*
 * contexts.c - further contexts of our environment.
 *
 * What one needs lies in a block of addresses: a copy of the page with the resume sequence, as far
 * from the upcall page as in our image (crt0.S finds the save areas by distance); the upcall page;
 * the stacks of its upcalls and its own, each with an absent page below. A block stays when its
 * context goes, for the next one of that index.
 */
#include "libos/exo/contexts.h"
#include "abi/cap.h"
#include "abi/event.h"
#include "abi/exposed.h"
#include "abi/memory.h"
#include "abi/slice.h"
#include "lib/string.h"
#include "libos/exo/clock.h"
#include "libos/exo/console.h"
#include "libos/exo/lock.h"
#include "libos/exo/roll.h"
#include "libos/exo/space.h"
#include "libos/exo/start.h"
#include "libos/exo/upcall.h"
#include "call_stubs.h"

enum {
    STACKS = UPCALL_DEPTH_MAX + 1,
    STACK_PAGES = 4,
    STACK_BYTES = STACK_PAGES * FRAME_BYTES,
    STACK_SPACE = STACK_BYTES + FRAME_BYTES,
    RW = MAP_READ | MAP_WRITE,
};

void exo_resume_start(void) __attribute__((visibility("hidden")));

static struct context *contexts[CONTEXTS_MAX] = {&exo_context};
static struct context *blocks[CONTEXTS_MAX]; /* where the context of that index lies */
static struct lock contexts_lock;

uint32_t
cpu_count(void)
{
    return ((const struct machine_page *)EXPOSED_MACHINE)->n_cpus;
}

struct context *
context_at(uint32_t index)
{
    return index < CONTEXTS_MAX ? __atomic_load_n(&contexts[index], __ATOMIC_ACQUIRE) : NULL;
}

/* ---- in the new context ---- */

static uint64_t
stack_end(const struct context *c, uint32_t i)
{
    return (uintptr_t)c + FRAME_BYTES + (uint64_t)(i + 1) * STACK_SPACE;
}

static void __attribute__((noreturn)) context_enter(struct context *c)
{
    uint64_t stack[UPCALL_DEPTH_MAX];

    context_begin(c, c->index);
    for (uint32_t i = 0; i < UPCALL_DEPTH_MAX; i++)
        stack[i] = stack_end(c, i);
    if (upcalls_register(c, stack, (uint64_t)1 << (COUNTER_CONTEXT + c->index)) == 0)
        c->fn(c->argument);
    for (;;)
        call_context_exit(0);
}

/* ---- the end of all ---- */

static int end_status;

static void
on_end(struct save_area *save)
{
    (void)save;
    if (context_here() == &exo_context)
        call_context_exit((uint64_t)end_status);
}

/* Whoever ends us: it is the first context that init waits for. */
static void
end_from_any(int status)
{
    if (context_here() == &exo_context)
        call_context_exit((uint64_t)status);
    end_status = status;
    __atomic_store_n(&exo_on_event, on_end, __ATOMIC_SEQ_CST);
    context_poke(&exo_context);
    call_yield(SLOT_CONTEXT);
}

/* ---- output of contexts that have no threads ---- */

static uint32_t
    output_holder; /* index + 1: who writes a piece; a thread: OUTPUT_THREAD; 0: nobody */

bool
contexts_output_try(uint32_t self)
{
    uint32_t holder = 0;

    while (!__atomic_compare_exchange_n(&output_holder, &holder, self, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
        const struct context *c = context_at(holder - 1);

        if (holder == OUTPUT_THREAD || (c && !context_stopped(c)))
            return false;
    } /* who has died has it not: it is taken from that one */
    return true;
}

/* Who has it may sleep until the host reads: that is slept through, too. */
void
contexts_output_take(void)
{
    if (upcall_depth() > 0) /* it may have interrupted whoever has it */
        return;
    while (!contexts_output_try(context_here()->index + 1)) {
        struct wait_clause soon = {0, WAIT_CLOCK, 0, clock_ns() + OUTPUT_PAUSE_NS};

        call_wait((uintptr_t)&soon, 1);
    }
}

void
contexts_output_drop(void)
{
    if (upcall_depth() == 0)
        __atomic_store_n(&output_holder, 0, __ATOMIC_RELEASE);
}

/* ---- making one ---- */

/* A block. Null: no memory. */
static struct context *
block_make(void)
{
    uint64_t resume = (uintptr_t)exo_resume_start & ~(uint64_t)(FRAME_BYTES - 1);
    uint64_t n = ((uintptr_t)&exo_context - resume) >> FRAME_SHIFT;
    uint64_t pages = n + 1 + (uint64_t)STACKS * (STACK_PAGES + 1), va = room_take(pages);
    struct context *c = (struct context *)(va + (n << FRAME_SHIFT));
    int error;

    if (!va || space_fill(&exo_space, va, 1, RW))
        return NULL;
    memcpy((void *)va, (const void *)resume, FRAME_BYTES);
    error = space_protect(&exo_space, va, 1, MAP_READ | MAP_EXEC);
    if (!error)
        error = space_fill(&exo_space, (uintptr_t)c, 1, RW);
    for (uint32_t i = 0; i < STACKS && !error; i++)
        error = space_fill(&exo_space, stack_end(c, i) - STACK_BYTES, STACK_PAGES, RW);
    if (error)
        space_release(&exo_space, va, pages);
    return error ? NULL : c;
}

/* The kernel's object for c, in two frames. 0, or an error. */
static int64_t
object_make(struct context *c)
{
    struct context_start start = {
        .rip = (uintptr_t)context_enter,
        .rsp = stack_end(c, UPCALL_DEPTH_MAX) - sizeof(uint64_t),
        .rdi = (uintptr_t)c,
        .stop_slot = SLOT_EVENTS,
        .stop_index = COUNTER_STOPPED + c->index,
    };
    uint64_t frames[2];
    int64_t r = pool_take_all(&exo_pool, frames, 2);

    if (r < 0)
        return r;
    c->frame = frames[0];
    c->vector_frame = start.vector_frame = frames[1];
    r = call_context_make(SLOT_ENV, c->frame, c->slot, (uintptr_t)&start).value;
    if (r < 0) {
        pool_give(&exo_pool, c->frame, 1);
        pool_give(&exo_pool, c->vector_frame, 1);
    }
    return r;
}

struct context *
context_add(void (*fn)(void *argument), void *argument)
{
    struct context *c = NULL;
    uint32_t i = 1;

    exo_on_stuck = roll_stuck;
    exo_on_rolled = exo_roll_return;
    exo_end = end_from_any;
    if (!exo_context.ready_none) { /* else there are threads, which have a way of their own */
        exo_output_take = contexts_output_take;
        exo_output_drop = contexts_output_drop;
    }
    exo_context.slot = SLOT_CONTEXT;
    lock_take(&contexts_lock);
    while (i < CONTEXTS_MAX && contexts[i])
        i++;
    if (i < CONTEXTS_MAX && !blocks[i])
        blocks[i] = block_make();
    if (i < CONTEXTS_MAX && blocks[i]) {
        c = blocks[i];
        *c = (struct context){.index = i,
                              .slot = CONTEXT_SLOT + i,
                              .fn = fn,
                              .argument = argument,
                              .idle_stack = (void *)stack_end(c, UPCALL_DEPTH_MAX),
                              .position = SLOT_NOTHING};
        c->stops = (uint64_t)call_event_read(SLOT_EVENTS, COUNTER_STOPPED + i).value;
        if (object_make(c) < 0)
            c = NULL;
        __atomic_store_n(&contexts[i], c, __ATOMIC_RELEASE);
    }
    lock_drop(&contexts_lock);
    return c;
}

/* ---- running it ---- */

/* A free position of a processor, ours from now on; SLOT_NOTHING: none. */
static uint32_t
position_take(uint32_t cpu)
{
    for (uint32_t i = CONTEXT_POSITION; i < SLICE_POSITIONS; i++)
        if (call_slice_take(SLOT_ACCOUNT, cpu, i, 1).value == 1)
            return i;
    return SLOT_NOTHING;
}

int
context_place(struct context *c, uint32_t cpu, uint64_t slice_ns)
{
    uint32_t position = position_take(cpu);
    int64_t r;

    if (position == SLOT_NOTHING)
        return -E_BUSY;
    r = call_slice_set(SLOT_ACCOUNT, cpu, position, c->slot, SLOT_NOTHING, slice_ns).value;
    if (r < 0) {
        call_slice_give(SLOT_ACCOUNT, cpu, position, 1);
        return (int)r;
    }
    c->cpu = cpu;
    c->position = position;
    return 0;
}

void
context_poke(const struct context *c)
{
    call_event_post(SLOT_EVENTS, COUNTER_CONTEXT + c->index, 1);
}

bool
context_stopped(const struct context *c)
{
    return (uint64_t)call_event_read(SLOT_EVENTS, COUNTER_STOPPED + c->index).value > c->stops;
}

int
context_stop(const struct context *c)
{
    struct wait_clause stopped = {SLOT_EVENTS, WAIT_EVENT, COUNTER_STOPPED + c->index, c->stops};
    int64_t r;

    while ((r = call_context_stop(c->slot).value) == -E_AGAIN)
        call_yield(SLOT_NOTHING); /* its processor has many to stop, and is about to */
    while (r == -E_INPROGRESS && !context_stopped(c))
        call_wait((uintptr_t)&stopped, 1);
    return r == -E_INPROGRESS ? 0 : (int)r;
}

int
context_remove(struct context *c)
{
    uint32_t holder = c->index + 1; /* of the output: it goes with it */
    int error;

    lock_take(&contexts_lock);
    if (c->position != SLOT_NOTHING)
        call_slice_give(SLOT_ACCOUNT, c->cpu, c->position, 1);
    call_slot_clear(SLOT_SLOTS, c->slot);
    (void)__atomic_compare_exchange_n(&output_holder, &holder, 0, false, __ATOMIC_RELEASE,
                                      __ATOMIC_RELAXED);
    error = pool_give(&exo_pool, c->frame, 1);
    if (!error)
        error = pool_give(&exo_pool, c->vector_frame, 1);
    __atomic_store_n(&contexts[c->index], NULL, __ATOMIC_RELEASE);
    lock_drop(&contexts_lock);
    return error;
}
