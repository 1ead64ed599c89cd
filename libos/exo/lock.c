/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the library's own locks, where one is not free, and what else is out of the ordinary.
 * Invariants L1 and L2 stand in lock.h.
 */
#include "libos/exo/lock.h"
#include "abi/x86/save.h"
#include "libos/exo/context.h"
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

static void
misused(const char *why, const struct save_area *where)
{
    (void)why;
    (void)where;
}

void (*exo_on_misuse)(const char *why, const struct save_area *where) = misused;
void (*exo_on_stuck)(uint32_t index) = stuck;
void (*exo_on_rolled)(struct context *c) = rolled;

enum { SPINS = 100 };

void
lock_fail(const char *why)
{
    struct save_area here = {.rip = (uintptr_t)__builtin_return_address(0),
                             .rbp = (uintptr_t)__builtin_frame_address(0)};

    exo_on_misuse(why, &here);
    __builtin_trap(); /* before there is anybody to say it to */
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
