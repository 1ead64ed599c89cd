/* SPDX-License-Identifier: MIT */
/*
 * share.c - threads that any context may run, first come, first served.
 *
 * Invariant  H1 a context becomes hungry only while the list is empty, under its lock; who hangs
 * something there takes it out of the hungry and pokes it: so nobody sleeps over a thread here.
 */
#include "libos/exo/share.h"
#include "libos/exo/contexts.h"
#include "libos/exo/lock.h"

uint32_t exo_hungry;

static struct lock share_lock;
static struct thread *first, **last = &first;

static uint32_t
bit_of(const struct context *c)
{
    return (uint32_t)1 << c->index;
}

/* Whom to tell; share_lock is held. */
static const struct context *
hungry_take(void)
{
    uint32_t hungry = exo_hungry;

    if (!hungry)
        return NULL;
    exo_hungry = hungry & (hungry - 1);
    return context_at((uint32_t)__builtin_ctz(hungry));
}

void
share_put(struct thread *t)
{
    const struct context *told;

    lock_take(&share_lock);
    t->next = NULL;
    *last = t;
    last = &t->next;
    told = hungry_take();
    lock_drop(&share_lock);
    if (told)
        context_poke(told);
}

/* share_lock is held. */
static bool
take(struct context *c)
{
    struct thread *t = first;

    if (!t)
        return false;
    first = t->next;
    if (!first)
        last = &first;
    thread_ready(t);
    exo_hungry &= ~bit_of(c);
    return true;
}

bool
share_take(struct context *c)
{
    bool taken;

    if (!__atomic_load_n(&first, __ATOMIC_RELAXED))
        return false;
    lock_take(&share_lock);
    taken = take(c);
    lock_drop(&share_lock);
    return taken;
}

bool
share_want(struct context *c)
{
    bool taken;

    lock_take(&share_lock);
    taken = take(c);
    if (!taken)
        exo_hungry |= bit_of(c);
    lock_drop(&share_lock);
    return taken;
}

void
share_done(struct context *c)
{
    if (!(__atomic_load_n(&exo_hungry, __ATOMIC_RELAXED) & bit_of(c)))
        return;
    lock_take(&share_lock);
    exo_hungry &= ~bit_of(c);
    lock_drop(&share_lock);
}
