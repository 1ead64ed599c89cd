/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the library's own locks.
 *
 * Invariants
 *  L1 lock[0 .. n_locks) of a context are those that it holds, and at most the last of them one
 * that it is about to take or has just dropped: so that who finds the context dead knows. L2 a
 * lock's holder is a context that names it so, or 0.
 */
#include "libos/exo/lock.h"
#include "libos/exo/context.h"
#include "libos/exo/start.h"
#include "libos/exo/report.h"
#include "call_stubs.h"

static void
stuck(uint32_t index)
{
    (void)index;
    call_yield(SLOT_NOTHING);
}

static void
rolled(struct context *c)
{
    (void)c;
}

void (*exo_on_stuck)(uint32_t index) = stuck;
void (*exo_on_rolled)(struct context *c) = rolled;

enum { SPINS = 100, STACK_READY_BYTES = 4096, SIGNAL_ABORT = 6 };

/* The stack of who holds a lock is present as far down as its work needs. */
static void
stack_ready(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    (void)*(volatile uint8_t *)(here - STACK_READY_BYTES);
}

static void __attribute__((noreturn)) lock_fail(const char *why)
{
    struct save_area here = {.rip = (uintptr_t)__builtin_return_address(0),
                             .rbp = (uintptr_t)__builtin_frame_address(0)};

    report_line(&exo_console, "died %d the library OS failed: %s", SIGNAL_ABORT, why);
    report_frames(&exo_console, &here);
    exo_exit(128 + SIGNAL_ABORT);
}

/* Somebody has it: wait a moment, then let others run. */
static void
lock_wait(const struct lock *l, uint32_t self)
{
    uint32_t holder = 0;

    for (int i = 0; i < SPINS; i++) {
        holder = __atomic_load_n(&l->holder, __ATOMIC_RELAXED);
        if (!holder)
            return;
        if (holder == self)
            lock_fail("it takes a lock twice");
        __builtin_ia32_pause();
    }
    exo_on_stuck(holder - 1);
}

void
lock_take(struct lock *l)
{
    struct context *c;
    uint32_t none = 0;

    stack_ready();
    busy_enter();
    c = context_here();
    if (c->n_locks == CONTEXT_LOCKS_MAX)
        lock_fail("it holds too many locks");
    c->lock[c->n_locks] = l;
    __atomic_store_n(&c->n_locks, c->n_locks + 1, __ATOMIC_RELEASE); /* L1 */
    while (!__atomic_compare_exchange_n(&l->holder, &none, c->index + 1, 0, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
        lock_wait(l, c->index + 1);
        none = 0;
    }
}

void
lock_drop(struct lock *l)
{
    struct context *c = context_here();

    if (c->lock[c->n_locks - 1] != l)
        lock_fail("it drops a lock that it did not take last");
    __atomic_store_n(&l->holder, 0, __ATOMIC_RELEASE);
    c->n_locks--;
    if (c->roller && c->n_locks == 0)
        exo_on_rolled(c);
    busy_leave();
}

bool
lock_held(const struct lock *l)
{
    return __atomic_load_n(&l->holder, __ATOMIC_RELAXED) == context_here()->index + 1;
}
