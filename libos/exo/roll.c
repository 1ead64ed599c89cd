/* SPDX-License-Identifier: MIT */
/*
 * roll.c - a dead context's critical section is run to its end.
 *
 * Invariants
 *  A1 a context is in a critical section while one of lock[0 .. n_locks) names it as holder, or
 *     while `rolls` names another that is in one. n_locks counts a lock before it is taken and
 *     after it is dropped (L1 of lock.h), so nothing is missed in between.
 *  A2 `roller` of a dead context is set by who wins it, and stays until the section is over. If
 *     the roller dies too, whoever finds that out rolls the roller: its registers are then those
 *     of the first one's section, and gs names the first; when that is over they are its own
 *     again.
 *  A3 a roller takes no upcall that can be held back until gs names it again: switch.S and
 *     sched.c would take the dead one's page for theirs.
 * Source  DESIGN section 8; Anderson et al., SOSP '91 (critical sections run on after preemption).
 */
#include "libos/exo/roll.h"
#include "libos/exo/contexts.h"
#include "libos/exo/lock.h"
#include "libos/exo/upcall.h"
#include "call_stubs.h"

enum { HELD_BACK = 1 << UPCALL_SLICE_END | 1 << UPCALL_EVENT | 1 << UPCALL_REVOKE };

/* roll.S: as *regs and with that gs, until exo_roll_return; the caller's place is kept in *dead. */
void exo_roll(const struct save_area *regs, struct context *dead);

uint64_t exo_rolled;

bool
roll_needed(const struct context *dead)
{
    for (const struct context *c = dead; c; c = c->rolls)
        for (uint32_t i = 0; i < c->n_locks && i < CONTEXT_LOCKS_MAX; i++)
            if (__atomic_load_n(&c->lock[i]->holder, __ATOMIC_ACQUIRE) == c->index + 1)
                return true;
    return false;
}

/* As the dead one; back when it has no lock any more. The caller has won it. */
static void
run(struct context *here, struct context *dead)
{
    struct context_state state;
    uint32_t mask = here->page.mask;

    __atomic_fetch_or(&here->page.mask, HELD_BACK, __ATOMIC_SEQ_CST); /* A3 */
    if (call_context_read(dead->slot, (uintptr_t)&state).value == 0 && roll_needed(dead)) {
        exo_roll(&state.save, dead);
        __atomic_fetch_add(&exo_rolled, 1, __ATOMIC_RELAXED);
    } else {
        __atomic_store_n(&dead->roller, NULL, __ATOMIC_RELEASE); /* it was done meanwhile */
    }
    __atomic_store_n(&here->page.mask, mask, __ATOMIC_SEQ_CST);
    upcalls_take_pending();
}

bool
roll_forward(struct context *dead)
{
    struct context *here, *nobody = NULL;
    bool won = false;

    busy_enter();
    here = context_here();
    while (dead->roller)
        dead = dead->roller; /* A2 */
    if (context_stopped(dead) && roll_needed(dead)) {
        here->rolls = dead; /* before it is won: A1 */
        won = __atomic_compare_exchange_n(&dead->roller, &nobody, here, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED);
        if (won)
            run(here, dead);
        here->rolls = NULL;
    }
    busy_leave();
    if (here->roller && here->n_locks == 0) /* we are being rolled ourselves, and this was all */
        exo_roll_return(here);
    return won;
}

void
roll_finish(struct context *dead)
{
    while (roll_needed(dead) || __atomic_load_n(&dead->roller, __ATOMIC_ACQUIRE))
        if (!roll_forward(dead))
            call_yield(SLOT_NOTHING);
}

/* Whoever waits for a lock asks: its holder is dead, or it runs somewhere, or wants to. */
void
roll_stuck(uint32_t index)
{
    struct context *holder = context_at(index);

    if (!holder || !context_stopped(holder))
        call_yield(holder ? holder->slot : SLOT_NOTHING);
    else if (!roll_forward(holder))
        call_yield(SLOT_NOTHING);
}
