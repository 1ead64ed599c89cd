/* SPDX-License-Identifier: MIT */
/*
 * sync.c - semaphores with a time, and what is made of semaphores. The common paths, which take no
 * time, are in switch.S.
 */
#include "libos/exo/clock.h"
#include "libos/exo/report.h"
#include "libos/exo/semaphore.h"
#include "libos/exo/start.h"
#include "libos/exo/switch.h"

enum { SPINS = 1000 }; /* as in switch.S */

/*
 * The same lock word as in switch.S; the context is busy. Its holder is, too, and done in some
 * dozen instructions, unless the kernel has taken its processor: then ours is better given away.
 */
static void
semaphore_lock(struct semaphore *s)
{
    for (uint32_t spins = 1; __atomic_exchange_n(&s->lock, 1, __ATOMIC_ACQUIRE); spins++)
        if (spins % SPINS)
            __builtin_ia32_pause();
        else
            exo_yield();
}

static void
semaphore_unlock(struct semaphore *s)
{
    __atomic_store_n(&s->lock, 0, __ATOMIC_RELEASE);
}

bool
semaphore_try(struct semaphore *s)
{
    bool got;

    busy_enter();
    semaphore_lock(s);
    got = s->count > 0;
    s->count -= got;
    semaphore_unlock(s);
    busy_leave();
    return got;
}

void
semaphore_post_last(struct semaphore *s)
{
    struct thread *t;

    busy_enter();
    semaphore_lock(s);
    if (++s->count <= 0) {
        t = s->head;
        s->head = t->next;
        if (!s->head)
            s->tail = &s->head;
        thread_ready(t);
    }
    exo_leave(&s->lock); /* W2: nobody gets by the lock word before that */
}

/* Take a thread out of those that wait. False: it has been woken already. */
static bool
waiter_remove(struct semaphore *s, const struct thread *t)
{
    struct thread **at = &s->head;

    while (*at && *at != t)
        at = &(*at)->next;
    if (!*at)
        return false;
    *at = t->next;
    if (!*at)
        s->tail = at;
    s->count++;
    return true;
}

static void
wait_over(struct timer *timer)
{
    struct thread *t = (struct thread *)((char *)timer - offsetof(struct thread, timer));

    semaphore_lock(t->waits);
    t->timed_out = waiter_remove(t->waits, t);
    semaphore_unlock(t->waits);
    if (t->timed_out)
        thread_ready(t);
}

bool
semaphore_wait_until(struct semaphore *s, uint64_t ns)
{
    struct thread *t;

    if (semaphore_try(s))
        return true;
    if (ns <= clock_ns())
        return false;
    if (!thread_self()) { /* there are none yet: nobody posts but a handler */
        clock_sleep_here(ns);
        return semaphore_try(s);
    }
    busy_enter();
    t = thread_self();
    semaphore_lock(s);
    if (s->count > 0) {
        s->count--;
        semaphore_unlock(s);
        busy_leave();
        return true;
    }
    s->count--;
    t->next = NULL;
    *s->tail = t;
    s->tail = &t->next;
    t->waits = s;
    t->timed_out = 0;
    timer_set(&t->timer, ns, wait_over);
    thread_block(&s->lock);
    timer_cancel(&t->timer);
    return !t->timed_out;
}

/* ---- mutexes ---- */

static void __attribute__((noreturn)) mutex_fail(const char *why)
{
    enum { SIGNAL_ABORT = 6 };

    report_line(&exo_console, "died %d a mutex was misused: %s", SIGNAL_ABORT, why);
    exo_exit(128 + SIGNAL_ABORT);
}

void
mutex_init(struct mutex *m)
{
    semaphore_init(&m->free, 1);
    m->holder = NULL;
}

/* The first thread is the same before it has a record. */
static struct thread *
mutex_self(void)
{
    static struct thread first;
    struct thread *t = thread_self();

    return t && t->fn ? t : &first;
}

void
mutex_take(struct mutex *m)
{
    struct thread *self = mutex_self();

    if (m->holder == self)
        mutex_fail("its holder takes it again");
    semaphore_wait(&m->free);
    m->holder = self;
    self->n_mutexes++;
}

void
mutex_drop(struct mutex *m)
{
    struct thread *self = mutex_self();

    if (m->holder != self)
        mutex_fail("dropped by another than its holder");
    self->n_mutexes--;
    m->holder = NULL;
    semaphore_post(&m->free);
}

void
mutex_none(void)
{
    if (mutex_self()->n_mutexes)
        mutex_fail("its holder ends with it");
}

/* ---- conditions ---- */

struct condition_waiter {
    struct condition_waiter *next;
    struct semaphore wake;
};

void
condition_init(struct condition *c, struct mutex *m)
{
    *c = (struct condition){.mutex = m, .last = &c->first};
}

/* Not inlined: gcc does not see that who waits takes *w out again before it is gone. */
static void __attribute__((noinline))
condition_join(struct condition *c, struct condition_waiter *w)
{
    semaphore_init(&w->wake, 0);
    w->next = NULL;
    *c->last = w;
    c->last = &w->next;
}

void
condition_wait(struct condition *c)
{
    struct condition_waiter w;

    condition_join(c, &w);
    mutex_drop(c->mutex);
    semaphore_wait(&w.wake);
    mutex_take(c->mutex);
}

bool
condition_wait_until(struct condition *c, uint64_t ns)
{
    struct condition_waiter w, **at;
    bool woken;

    condition_join(c, &w);
    mutex_drop(c->mutex);
    woken = semaphore_wait_until(&w.wake, ns);
    mutex_take(c->mutex);
    if (woken)
        return true;
    for (at = &c->first; *at && *at != &w; at = &(*at)->next)
        ;
    if (!*at)
        return true; /* meanwhile */
    *at = w.next;
    if (!*at)
        c->last = at;
    return false;
}

void
condition_signal(struct condition *c)
{
    struct condition_waiter *w = c->first;

    if (!w)
        return;
    c->first = w->next;
    if (!c->first)
        c->last = &c->first;
    semaphore_post(&w->wake);
}

void
condition_broadcast(struct condition *c)
{
    while (c->first)
        condition_signal(c);
}
