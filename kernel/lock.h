/* SPDX-License-Identifier: MIT */
/*
 * kernel/lock.h - the kernel's one lock, and the one order of things that processors share.
 *
 * A ticket lock, so that processors enter in the order in which they asked. It is taken on every
 * way into C (each call that is not `lockless` in abi/calls.tbl, slow traps, interrupts), with
 * interrupts off, and left before the return to user level or the halt. Kernel paths are bounded
 * and short, so one lock costs less than many would (Peters et al., APSys 2015: "For a microkernel,
 * a big lock is fine").
 *
 * Invariants
 *  L1 nobody waits for another processor while holding it, but by lock_quiesce.
 *  L2 what a processor uses without it is its own (its block, its current context's page and
 *     frame), or is cleared first and then waited out by lock_quiesce.
 */
#pragma once
#include <stdatomic.h>
#include <stdint.h>
#include "kernel/arch.h"

struct lock {
    _Atomic uint32_t next;    /* the ticket that the next who asks gets */
    _Atomic uint32_t serving; /* whose turn it is */
};

extern struct lock kernel_lock_word;

/*
 * Waits until every other processor has been seen off the paths that take no lock, each at most
 * some tens of instructions with interrupts off: what was cleared before nobody there uses any
 * more.
 */
void lock_quiesce(void);

static inline void
kernel_lock(void)
{
    uint32_t mine = atomic_fetch_add_explicit(&kernel_lock_word.next, 1, memory_order_relaxed);

    /* pairs with kernel_unlock */
    if (__builtin_expect(
            atomic_load_explicit(&kernel_lock_word.serving, memory_order_acquire) == mine, 1))
        return;
    while (atomic_load_explicit(&kernel_lock_word.serving, memory_order_acquire) != mine)
        arch_pause();
}

static inline void
kernel_unlock(void)
{
    uint32_t turn = atomic_load_explicit(&kernel_lock_word.serving, memory_order_relaxed);

    atomic_store_explicit(&kernel_lock_word.serving, turn + 1, memory_order_release);
}
