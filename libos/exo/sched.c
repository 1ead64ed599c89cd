/* SPDX-License-Identifier: MIT */
/*
 * sched.c - who runs next, and when: threads in turn, a tick each; a context with none sleeps.
 *
 * Each context has a list of its own, which needs no lock and from which a thread that waits is
 * followed; so a hand-off from one to another stays where it is. Where there are several contexts
 * (threads_spread), each tick exchanges the thread that had it for the first of those that any may
 * run (share.c): so all that do not wait take turns among all contexts. A context that has nothing
 * is hungry, and given what waits on others: by whoever wakes or starts a thread while another one
 * waits to run, and at the latest at his next tick.
 *
 * Invariants (those of switch.S, and)
 *  Q1 what happens to a context in an upcall touches its ready list only where the upcall has
 *     interrupted a thread at large (at_large); else it is put off: within another handler to the
 *     end of that, else for SOON_NS, or to the end of what keeps the context busy if that is
 *     earlier.
 *  Q2 a thread leaves its context only from the ready list or by a tick, its registers kept and its
 *     stack left; so whoever is busy stays.
 */
#include "libos/exo/sched.h"
#include "abi/cap.h"
#include "abi/event.h"
#include "libos/exo/clock.h"
#include "libos/exo/share.h"
#include "libos/exo/switch.h"
#include "libos/exo/upcall.h"
#include "libos/exo/wait.h"
#include "libos/exo/waiters.h"
#include "call_stubs.h"

enum { SOON_NS = 50 * 1000, EVENT = 1 << UPCALL_EVENT };

void exo_idle(void) __attribute__((noreturn));
void exo_slice_end(struct save_area *save);
void exo_feed(void);

bool sched_several;

static upcall_handler *event_before; /* takes the host's signals */

void
sched_tick(struct context *c)
{
    c->tick_ns = clock_ns() + THREAD_TICK_NS;
}

void
exo_yield(void)
{
    call_yield(SLOT_NOTHING);
}

/* ---- the list of a context that is busy ---- */

static struct thread *
pop(struct context *c)
{
    struct thread *t = c->ready;

    c->ready = t->next;
    if (!c->ready)
        c->ready_tail = &c->ready;
    return t;
}

/* What waits here beside `keep` threads goes to contexts that have none. */
static void
feed(struct context *c, uint32_t keep)
{
    while (exo_hungry && c->ready && (!keep || c->ready->next))
        share_put(pop(c));
}

/* In semaphore_post: whoever was woken first goes on here, in a moment as likely as not. */
void
exo_feed(void)
{
    feed(context_here(), 1);
}

void
sched_feed(void)
{
    busy_enter();
    exo_feed();
    busy_leave();
}

void
sched_yield(void)
{
    struct context *c;

    busy_enter();
    c = context_here();
    if (!c->ready && !(sched_several && share_take(c))) {
        busy_leave();
        return;
    }
    thread_ready(c->current);
    thread_block(&c->nothing);
}

/* ---- upcalls ---- */

/* Did the upcall interrupt a thread that may be preempted, and nothing of the library's? */
static bool
at_large(const struct context *c, const struct save_area *save)
{
    return save == &c->page.save[0] && c->busy == 0 && c->current &&
           save->rip - (uintptr_t)exo_switch_start >= (uint64_t)(exo_switch_end - exo_switch_start);
}

/* Be told again shortly. */
static void
soon(struct context *c)
{
    c->deadline_ns = clock_ns() + SOON_NS;
    call_deadline_set(c->deadline_ns);
}

/* Where the slice has ended: before the grace does. */
static void
give_way(struct context *c)
{
    if (!c->slice_over)
        return;
    c->slice_over = 0;
    call_yield(SLOT_NOTHING);
}

/*
 * Times that have come, counters that have grown. Should another run? After a tick, or where what a
 * thread waited for has happened. The context is busy.
 */
static bool
look(struct context *c)
{
    uint64_t now = clock_ns();
    struct thread **tail = c->ready_tail;
    bool over = c->tick_ns && now >= c->tick_ns;

    if (c->revoked) {
        c->revoked = 0;
        exo_on_revoke(NULL);
    }
    if (c->deadline_ns && now >= c->deadline_ns)
        c->deadline_ns = 0;
    timers_run(c, now);
    waiters_look();
    over = over || c->ready_tail != tail;
    if (over)
        sched_tick(c);
    timers_arm(c);
    return over;
}

static void
thread_keep(struct thread *t, const struct save_area *save)
{
    t->save = *save;
    __asm__ volatile("xsave64 (%0)" ::"r"(t->vectors), "a"(-1), "d"(-1) : "memory");
    __asm__ volatile("rdfsbase %0" : "=r"(t->fs));
    t->preempted[1] = (uintptr_t)exo_thread_resume;
    t->rsp = (uintptr_t)t->preempted;
}

static void
thread_load(const struct thread *t, struct save_area *save)
{
    __asm__ volatile("wrfsbase %0" ::"r"(t->fs));
    if (t->rsp == (uintptr_t)t->preempted) {
        *save = t->save;
        __asm__ volatile("xrstor64 (%0)" ::"r"(t->vectors), "a"(-1), "d"(-1) : "memory");
    } else {
        save->rip = (uintptr_t)exo_switch_return;
        save->rsp = t->rsp;
        save->rflags = FLAGS_START;
    }
}

/*
 * The interrupted thread to the end of the list, that of all contexts if there are several, in
 * exchange for the first of it; the save area becomes that of the first here. So the handler is left
 * as ever, and what came meanwhile is not missed. The context is busy.
 */
static void
preempt(struct context *c, struct save_area *save)
{
    struct thread *t = c->current;

    if (sched_several)
        (void)share_take(c);
    if (!c->ready)
        return;
    thread_keep(t, save);
    c->current = pop(c);
    if (sched_several)
        share_put(t);
    else
        thread_ready(t);
    feed(c, 0);
    thread_load(c->current, save);
}

/* A slice or a tick that may be over, in the interrupted thread's place. */
static void
attend(struct context *c, struct save_area *save)
{
    bool over = c->slice_over;

    c->busy = 1;
    event_before(save);
    give_way(c);
    over |= look(c);
    if (over)
        preempt(c, save);
    c->busy = c->preempt = 0;
}

static void
on_event(struct save_area *save)
{
    struct context *c = context_here();

    if (save && save != &c->page.save[0]) {
        upcalls_hold_event(); /* to the end of the handler that it interrupts */
    } else if (!c->ready_none) {
        event_before(save); /* no threads run here */
    } else if (!save || !at_large(c, save)) {
        c->preempt = c->busy > 0;
        soon(c);
    } else {
        attend(c, save);
    }
}

void
exo_slice_end(struct save_area *save)
{
    struct context *c = context_here();

    if (!c->ready_none) {
        call_yield(SLOT_NOTHING);
        return;
    }
    c->slice_over = 1;
    on_event(save);
}

/* Its handler may wake threads, so it waits for a moment when that is well. */
static void
on_revoke(struct save_area *save)
{
    struct context *c = context_here();

    if (!c->ready_none) {
        exo_on_revoke(save);
        return;
    }
    c->revoked = 1;
    on_event(save);
}

/* What was put off while the context was busy. */
static void
on_preempt(void)
{
    struct context *c;

    busy_enter();
    c = context_here();
    c->preempt = 0;
    if (c->page.depth > 0) { /* an upcall's handler */
        upcalls_hold_event();
        busy_leave();
        return;
    }
    give_way(c);
    (void)look(c);
    c->preempt = 0;
    busy_leave();
    if (thread_self())
        sched_yield();
}

/* ---- nothing to run ---- */

static void
sleep(struct context *c)
{
    struct wait_clause clauses[WAIT_CLAUSES_MAX];
    bool all;
    uint32_t n = waiters_clauses(clauses, WAIT_CLAUSES_MAX, &all);

    c->tick_ns = all ? 0 : clock_ns() + THREAD_TICK_NS;
    c->slice_over = 0;
    timers_arm(c);
    call_wait((uintptr_t)clauses, n);
    if (__atomic_fetch_and(&c->page.pending, ~(uint32_t)EVENT, __ATOMIC_SEQ_CST) & EVENT)
        (exo_on_event == on_event ? event_before : exo_on_event)(NULL);
    look(c);
}

/* On the context's idle stack, busy by one. Events are held back, so that each ends the sleep. */
void
exo_idle(void)
{
    struct context *c = context_here();

    __atomic_fetch_or(&c->page.mask, EVENT, __ATOMIC_SEQ_CST);
    look(c);
    while (!c->ready && !(sched_several && share_want(c)))
        sleep(c);
    if (sched_several)
        share_done(c);
    sched_tick(c);
    timers_arm(c);
    __atomic_fetch_and(&c->page.mask, ~(uint32_t)EVENT, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&c->page.pending, __ATOMIC_SEQ_CST) & EVENT)
        soon(c);
    exo_leave(&c->nothing);
}

void
sched_begin(void)
{
    event_before = exo_on_event;
    exo_on_event = on_event;
    exo_revoke_comes = on_revoke;
    exo_on_preempt = on_preempt;
    exo_wait = waiters_wait;
}
