/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the library's own locks, where one is not free, and what else is out of the ordinary.
 * Invariants L1 and L2 stand in lock.h.
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

enum { SPINS = 100, SIGNAL_ABORT = 6 };

void
lock_fail(const char *why)
{
    struct save_area here = {.rip = (uintptr_t)__builtin_return_address(0),
                             .rbp = (uintptr_t)__builtin_frame_address(0)};

    report_line(&exo_console, "died %d the library OS failed: %s", SIGNAL_ABORT, why);
    report_frames(&exo_console, &here);
    exo_exit(128 + SIGNAL_ABORT);
}

/* Somebody has it: wait a moment, then let others run. */
static void
wait_once(const struct lock *l, uint32_t self)
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
lock_wait(struct lock *l, uint32_t self)
{
    uint32_t none;

    do {
        wait_once(l, self);
        none = 0;
    } while (!__atomic_compare_exchange_n(&l->holder, &none, self, 0, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
}

void
lock_rolled(void)
{
    struct context *c = context_here();

    if (c->roller)
        exo_on_rolled(c);
}

void
lock_preempt(void)
{
    exo_on_preempt();
}
