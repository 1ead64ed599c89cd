/* SPDX-License-Identifier: MIT */
/*
 * kernel/lock.h - the kernel's one lock, and the one order of things that processors share.
 *
 * It is taken on every way into C (each call that is not `lockless` in abi/calls.tbl, slow traps,
 * interrupts), with interrupts off, and left before the return to user level or the halt. Kernel
 * paths are bounded and short, so one lock costs less than many would (Peters et al., APSys 2015:
 * "For a microkernel, a big lock is fine").
 *
 * Whoever finds it free takes it, in whatever order, for a queue would stand still whenever the
 * host of a virtual machine takes the next in line off its processor. Fair it is by a bound: who
 * has seen LOCK_PATIENCE others go before claims it, and while there are claims only claimants take
 * it, in the order of processors. A claim is no reservation: a lock that stays free for LOCK_HONOUR
 * looks goes to whoever looks, claimants first, since the one whose turn it is does not run.
 *
 * Invariants
 *  L1 nobody waits for another processor while holding it, but by lock_quiesce.
 *  L2 what a processor uses without it is its own (its block, its current context's page and
 *     frame), or is cleared first and then waited out by lock_quiesce.
 *  L3 who waits and runs is overtaken, between looks of its own, at most LOCK_PATIENCE times and
 *     twice by each other processor (test/model/lock.pml).
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "kernel/arch.h"
#include "kernel/bound.h"

enum {
    LOCK_PATIENCE = 4,
    LOCK_HONOUR = 64,
    BESIDE_STEPS = STEPS_MAX * 5 / 8,
};

struct lock {
    _Atomic uint32_t turn;   /* odd: taken. Every taking and leaving adds 1 */
    _Atomic uint32_t last;   /* under the lock: the claimant that had it last */
    _Atomic uint64_t claims; /* a bit for each processor that has waited too long */
};
_Static_assert(CPUS_MAX == 64, "claims");

extern struct lock kernel_lock_word;

/*
 * Waits until every other processor has been seen off the paths that take no lock, each at most
 * some tens of instructions with interrupts off: what was cleared before nobody there uses any
 * more.
 */
void lock_quiesce(void);

/*
 * Elementary steps (kernel/bound.h) that are left for what is done beside what was asked, while the
 * lock is held once: by the timer, by a processor that goes on to the next. Whoever does some of
 * that takes from here, so that parts that meet are no longer together than the longest alone.
 */
uint64_t *lock_steps(void);

/* And steps that are counted down over such a stretch for one kind of work. */
struct stretch {
    uint64_t left;
    uint32_t turn; /* the lock's, in the stretch that `left` is of */
};

/* What is left of them: `most` where the lock was taken anew since. */
uint64_t *stretch_steps(struct stretch *stretch, uint64_t most);

/* The lock was not free, or others have claimed it. */
void lock_wait(void);

/* Takes it if it is free. Two instructions, in each call: not one more to get here. */
static inline __attribute__((always_inline)) bool
lock_try(void)
{
    /* pairs with kernel_unlock */
    return !(atomic_fetch_or_explicit(&kernel_lock_word.turn, 1, memory_order_acquire) & 1);
}

static inline void
kernel_lock(void)
{
    if (__builtin_expect(
            atomic_load_explicit(&kernel_lock_word.claims, memory_order_relaxed) || !lock_try(), 0))
        lock_wait();
}

static inline void
kernel_unlock(void)
{
    uint32_t turn = atomic_load_explicit(&kernel_lock_word.turn, memory_order_relaxed);

    atomic_store_explicit(&kernel_lock_word.turn, turn + 1, memory_order_release);
}
