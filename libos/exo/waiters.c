/* SPDX-License-Identifier: MIT */
/*
 * waiters.c - threads that wait for counters of the kernel. They are looked at whenever the context
 * is told of something, and at each tick; a context with nothing to do sleeps on all of them.
 */
#include "libos/exo/context.h"
#include "libos/exo/semaphore.h"
#include "libos/exo/switch.h"
#include "libos/exo/wait.h"
#include "libos/exo/waiters.h"
#include "call_stubs.h"

struct waiter {
    struct waiter *next;
    struct wait_clause clause;
    struct semaphore wake;
};

static struct lock waiters_lock;
static struct waiter *waiters;

void
waiters_wait(const struct wait_clause *clause)
{
    struct waiter w = {.clause = *clause};

    if (upcall_depth() > 0 || busy_here() || !thread_self()) { /* no thread to put off */
        wait_here(clause);
        return;
    }
    semaphore_init(&w.wake, 0);
    lock_take(&waiters_lock);
    w.next = waiters;
    waiters = &w;
    lock_drop(&waiters_lock);
    semaphore_wait(&w.wake); /* whoever ends this has taken w out */
} /* NOLINT(clang-analyzer-core.StackAddressEscape) */

static bool
holds(const struct wait_clause *c)
{
    int64_t now = call_event_read(c->slot, c->where).value;

    return now < 0 || (uint64_t)now > c->value;
}

void
waiters_look(void)
{
    struct waiter **at = &waiters, *w;

    if (!__atomic_load_n(&waiters, __ATOMIC_RELAXED))
        return;
    lock_take(&waiters_lock);
    while ((w = *at)) {
        if (holds(&w->clause)) {
            *at = w->next;
            semaphore_post(&w->wake);
        } else {
            at = &w->next;
        }
    }
    lock_drop(&waiters_lock);
}

uint32_t
waiters_clauses(struct wait_clause *out, uint32_t max, bool *all)
{
    uint32_t n = 0;

    *all = true;
    lock_take(&waiters_lock);
    for (const struct waiter *w = waiters; w; w = w->next) {
        uint32_t i = 0;

        while (i < n && (out[i].slot != w->clause.slot || out[i].where != w->clause.where))
            i++;
        if (i == max) {
            *all = false;
        } else if (i == n) {
            out[n++] = w->clause;
        } else if (w->clause.value < out[i].value) {
            out[i].value = w->clause.value;
        }
    }
    lock_drop(&waiters_lock);
    return n;
}
