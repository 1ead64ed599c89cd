/* SPDX-License-Identifier: MIT */
/*
 * timer.c - timers, in a set for each context, whose deadline stands for the first of them.
 *
 * Invariants
 *  T1 a timer that is SET lies in the timers of its context; its state changes under their lock.
 *  T2 what the kernel was told (deadline_ns) is no later than the first timer and the tick.
 *  T3 a timer is not touched behind its function, which may have set it again: that it is under way
 *     is said by its context (`fires`), under the same lock.
 */
#include "libos/exo/timer.h"
#include "libos/exo/clock.h"
#include "libos/exo/context.h"
#include "libos/exo/upcall.h"
#include "call_stubs.h"

enum { TIMER_NONE, TIMER_SET };
enum { SPINS = 1000, SOON_NS = 50 * 1000 };

/* T2. A later deadline is not worth a call: it comes too early, and this is looked at again. */
void
timers_arm(struct context *c)
{
    uint64_t first = 0; /* nothing */

    lock_take(&c->timers_lock);
    if (c->timers)
        first = c->timers->key ? c->timers->key : 1;
    lock_drop(&c->timers_lock);
    if (c->tick_ns && (!first || c->tick_ns < first))
        first = c->tick_ns;
    if (!first || (c->deadline_ns && c->deadline_ns <= first))
        return;
    c->deadline_ns = first;
    call_deadline_set(first);
}

/* ---- on a context without threads, which has no scheduler to look ---- */

static upcall_handler *event_before;

static void
on_event(struct save_area *save)
{
    struct context *c = context_here();
    uint64_t now;

    event_before(save);
    if (c->ready_none || !c->deadline_ns || (now = clock_ns()) < c->deadline_ns)
        return;
    c->deadline_ns = 0;
    if (c->busy) { /* in the midst of the library's own: once more, soon */
        c->deadline_ns = now + SOON_NS;
        call_deadline_set(c->deadline_ns);
        return;
    }
    c->busy = 1;
    timers_run(c, now);
    timers_arm(c);
    c->busy = 0;
}

/* From the first timer on that is set there. */
static void
events_begin(void)
{
    static uint32_t begun;

    if (__atomic_exchange_n(&begun, 1, __ATOMIC_RELAXED))
        return;
    event_before = exo_on_event;
    __atomic_store_n(&exo_on_event, on_event, __ATOMIC_RELEASE);
}

void
timer_set(struct timer *t, uint64_t ns, timer_fn *fn)
{
    struct context *c;

    busy_enter();
    c = context_here();
    if (!c->ready_none)
        events_begin();
    *t = (struct timer){.node.key = ns, .fn = fn, .context = c, .state = TIMER_SET};
    lock_take(&c->timers_lock);
    pairing_add(&c->timers, &t->node);
    lock_drop(&c->timers_lock);
    timers_arm(c);
    busy_leave();
}

/* Takes it out. Does its function run? */
static bool
timer_remove(struct timer *t, struct context *c)
{
    bool fires;

    lock_take(&c->timers_lock);
    if (t->state == TIMER_SET) {
        pairing_remove(&c->timers, &t->node);
        t->state = TIMER_NONE;
    }
    fires = c->fires == t;
    lock_drop(&c->timers_lock);
    return fires;
}

/* The function that runs, on another context that is busy with it, may set it once more. */
void
timer_cancel(struct timer *t)
{
    struct context *c = t->context;

    while (c && timer_remove(t, c))
        for (uint32_t spins = 1; __atomic_load_n(&c->fires, __ATOMIC_ACQUIRE) == t; spins++)
            if (spins % SPINS)
                __builtin_ia32_pause();
            else
                call_yield(c->slot);
}

/* The first that is due, taken out; or null. */
static struct timer *
timer_due(struct context *c, uint64_t now)
{
    struct timer *t;

    lock_take(&c->timers_lock);
    t = (struct timer *)(void *)c->timers;
    if (t && t->node.key <= now) {
        pairing_remove(&c->timers, &t->node);
        t->state = TIMER_NONE;
    } else {
        t = NULL;
    }
    c->fires = t;
    lock_drop(&c->timers_lock);
    return t;
}

void
timers_run(struct context *c, uint64_t now)
{
    struct timer *t;

    while ((t = timer_due(c, now))) {
        t->fn(t);
        __atomic_store_n(&c->fires, NULL, __ATOMIC_RELEASE); /* T3; pairs with timer_cancel */
    }
}
