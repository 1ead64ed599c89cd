/* SPDX-License-Identifier: MIT */
/*
 * sched.c - who runs next, and when: threads in turn, a tick each; a context with none sleeps.
 *
 * Invariants (those of switch.S, and)
 *  Q1 what happens to a context in an upcall touches its ready list only where the upcall has
 *     interrupted a thread at large (at_large); else it is put off: within another handler to the
 *     end of that, else for SOON_NS, or to the end of what keeps the context busy if that is
 * earlier.
 */
#include "libos/exo/sched.h"
#include "abi/cap.h"
#include "abi/event.h"
#include "libos/exo/clock.h"
#include "libos/exo/switch.h"
#include "libos/exo/upcall.h"
#include "libos/exo/wait.h"
#include "libos/exo/waiters.h"
#include "call_stubs.h"

enum { SOON_NS = 50 * 1000, EVENT = 1 << UPCALL_EVENT };

void exo_idle(void) __attribute__((noreturn));
void exo_slice_end(struct save_area *save);
void exo_feed(void);
void exo_yield(void);

/* Contexts that have nothing to run: read at each semaphore_post. */
uint32_t exo_hungry;

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

void
exo_feed(void)
{
}

void
sched_yield(void)
{
    struct context *c;

    busy_enter();
    c = context_here();
    if (!c->ready) {
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

/*
 * The interrupted thread to the end of the list; the save area becomes that of the first of it. So
 * the handler is left as ever, and what came meanwhile is not missed.
 */
static void
preempt(struct context *c, struct save_area *save)
{
    struct thread *t = c->current, *next;

    if (!c->ready)
        return;
    t->save = *save;
    __asm__ volatile("xsave64 (%0)" ::"r"(t->vectors), "a"(-1), "d"(-1) : "memory");
    __asm__ volatile("rdfsbase %0" : "=r"(t->fs));
    t->preempted[1] = (uintptr_t)exo_thread_resume;
    t->rsp = (uintptr_t)t->preempted;
    thread_ready(t);
    next = c->ready;
    c->ready = next->next; /* t at least */
    c->current = next;
    __asm__ volatile("wrfsbase %0" ::"r"(next->fs));
    if (next->rsp == (uintptr_t)next->preempted) {
        *save = next->save;
        __asm__ volatile("xrstor64 (%0)" ::"r"(next->vectors), "a"(-1), "d"(-1) : "memory");
    } else {
        save->rip = (uintptr_t)exo_switch_return;
        save->rsp = next->rsp;
        save->rflags = FLAGS_START;
    }
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
    c->busy = c->preempt = 0;
    if (over)
        preempt(c, save);
}

static void
on_event(struct save_area *save)
{
    struct context *c = context_here();

    if (save && save != &c->page.save[0]) {
        upcalls_hold_event(); /* to the end of the handler that it interrupts */
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
    context_here()->slice_over = 1;
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
    look(c);
    c->preempt = 0;
    busy_leave();
    if (c->current)
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
        event_before(NULL);
    look(c);
}

/* On the context's idle stack, busy by one. Events are held back, so that each ends the sleep. */
void
exo_idle(void)
{
    struct context *c = context_here();

    __atomic_fetch_or(&c->page.mask, EVENT, __ATOMIC_SEQ_CST);
    look(c);
    while (!c->ready)
        sleep(c);
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
    exo_on_preempt = on_preempt;
    exo_wait = waiters_wait;
}
