/* SPDX-License-Identifier: MIT */
/*
 * sched.c - who runs next: a list of tasks that all contexts take from, each for a quantum.
 *
 * All here runs in upcalls, on the context's stack for them: a task's registers are in the save
 * area, and to go on with another is to put other registers there, and another root under the
 * context. Invariants S1 a task is in one place: in the list, current on one context, or with what
 * it waits for. It changes places in one section, its registers having been kept before.
 */
#include "libos/exo/clock.h"
#include "examples/procs/procs.h"

enum { EVENT = 1 << UPCALL_EVENT };

static struct lock run_lock;
static struct task *first, *last;
static uint64_t idle; /* contexts, 1 << index */
static struct task *current[CONTEXTS_MAX];
static uint64_t standing[CONTEXTS_MAX]; /* on which root */
static uint64_t pokes[CONTEXTS_MAX];    /* the counter when it went idle */

struct task *
task_current(uint32_t context)
{
    return current[context];
}

void
task_forget(uint32_t context)
{
    current[context] = NULL;
    standing[context] = 0;
    __atomic_fetch_and(&idle, ~((uint64_t)1 << context), __ATOMIC_SEQ_CST);
}

bool
sched_quiet(void)
{
    return !first;
}

/* ---- the list; run_lock is held ---- */

static void
append(struct task *t)
{
    t->state = TASK_READY;
    t->place = NULL;
    t->next = NULL;
    if (last)
        last->next = t;
    else
        first = t;
    last = t;
}

/* A context that sleeps, or null; it is told by the caller. */
static const struct context *
sleeper(void)
{
    uint32_t i;

    if (!idle)
        return NULL;
    i = (uint32_t)__builtin_ctzll(idle);
    idle &= idle - 1;
    return context_at(i);
}

void
sched_ready(struct task *t)
{
    const struct context *c;

    lock_take(&run_lock);
    append(t);
    c = sleeper();
    lock_drop(&run_lock);
    if (c)
        context_poke(c);
}

void
sched_sleep(struct task *t, struct task **place)
{
    lock_take(&run_lock);
    if (*place) {
        append(t); /* somebody else sleeps there: it will ask again */
    } else {
        t->state = TASK_WAITING;
        t->place = place;
        *place = t;
    }
    current[context_here()->index] = NULL;
    lock_drop(&run_lock);
}

void
sched_wake(struct task **place)
{
    const struct context *c = NULL;

    lock_take(&run_lock);
    if (*place) {
        append(*place);
        *place = NULL;
        c = sleeper();
    }
    lock_drop(&run_lock);
    if (c)
        context_poke(c);
}

void
sched_rouse(const struct proc *p)
{
    uint64_t poke = 0;

    lock_take(&run_lock);
    for (uint32_t i = 0; i < TASKS_MAX; i++)
        if (tasks[i].proc == p && tasks[i].state == TASK_WAITING && tasks[i].place) {
            *tasks[i].place = NULL;
            tasks[i].place = NULL;
            append(&tasks[i]);
        }
    for (uint32_t i = 0; i < CONTEXTS_MAX; i++)
        if (current[i] && current[i]->proc == p)
            poke |= (uint64_t)1 << i;
    poke = (poke | idle) & ~((uint64_t)1 << context_here()->index);
    idle &= ~poke;
    lock_drop(&run_lock);
    for (; poke; poke &= poke - 1) {
        const struct context *c = context_at((uint32_t)__builtin_ctzll(poke));

        if (c)
            context_poke(c);
    }
}

/* The first of the list becomes the context's; null: there is none, and the context is noted as
 * idle. */
static struct task *
take(uint32_t context)
{
    struct task *t;

    lock_take(&run_lock);
    t = first;
    if (t) {
        first = t->next;
        if (!first)
            last = NULL;
        t->state = TASK_RUNNING;
        current[context] = t;
        idle &= ~((uint64_t)1 << context);
    } else { /* whoever takes us out of idle pokes us afterwards */
        idle |= (uint64_t)1 << context;
        pokes[context] = (uint64_t)call_event_read(SLOT_EVENTS, COUNTER_CONTEXT + context).value;
    }
    lock_drop(&run_lock);
    return t;
}

/* ---- registers ---- */

void
task_put_off(struct task *t, const struct save_area *save)
{
    t->save = *save;
    __asm__ volatile("rdfsbase %0" : "=r"(t->fs));
    __asm__ volatile("xsave64 (%0)" ::"r"(t->vectors), "a"(-1), "d"(-1) : "memory");
}

static void
stand(uint64_t root)
{
    uint32_t i = context_here()->index;

    if (standing[i] == root)
        return;
    call_context_root(SLOT_ACCOUNT, root);
    standing[i] = root;
}

void
sched_stand_aside(void)
{
    stand(exo_space.root);
}

/* ---- on and off ---- */

/* Until somebody pokes us, or a deadline; what came before the call ends it at once. */
static void
sleep(struct context *c)
{
    struct wait_clause poked = {SLOT_EVENTS, WAIT_EVENT, COUNTER_CONTEXT + c->index,
                                pokes[c->index]};

    sched_stand_aside();
    __atomic_fetch_or(&c->page.mask, EVENT, __ATOMIC_SEQ_CST);
    call_wait((uintptr_t)&poked, 1);
    __atomic_fetch_and(&c->page.pending, ~(uint32_t)EVENT, __ATOMIC_SEQ_CST);
    __atomic_fetch_and(&c->page.mask, ~(uint32_t)EVENT, __ATOMIC_SEQ_CST);
    c->deadline_ns = 0;
}

/* Its quantum begins where none is running: so that a switch does not always cost a call. */
static void
quantum(struct context *c)
{
    if (c->deadline_ns)
        return;
    c->deadline_ns = clock_ns() + QUANTUM_NS;
    call_deadline_set(c->deadline_ns);
}

void
sched_next(struct save_area *save)
{
    struct context *c = context_here();
    struct task *t;

    for (;;) {
        t = take(c->index);
        if (!t)
            sleep(c);
        else if (t->proc->killed || t->ends)
            task_end(t);
        else
            break;
    }
    t->proc->turns++;
    stand(t->proc->table[0]);
    *save = t->save;
    __asm__ volatile("wrfsbase %0" ::"r"(t->fs));
    __asm__ volatile("xrstor64 (%0)" ::"r"(t->vectors), "a"(-1), "d"(-1) : "memory");
    quantum(c);
}

void
sched_yield(struct save_area *save)
{
    uint32_t i = context_here()->index;
    struct task *t = current[i];

    task_put_off(t, save);
    lock_take(&run_lock);
    append(t);
    current[i] = NULL;
    lock_drop(&run_lock);
    sched_next(save);
}

void
sched_leave(struct save_area *save)
{
    struct context *c = context_here();

    for (;;) {
        struct task *t = current[c->index];

        if (t->proc->killed || t->ends) {
            task_end(t);
            sched_next(save);
        } else if (c->preempt) {
            c->preempt = 0;
            sched_yield(save);
        } else if (t->proc->signals) {
            signal_deliver(t, save);
        } else {
            return;
        }
    }
}

/* A poke, or the end of a quantum. In the midst of our own work it is put off to its end. */
static void
on_event(struct save_area *save)
{
    struct context *c = context_here();

    if (save != &c->page.save[0]) {
        upcalls_hold_event();
        return;
    }
    if (c->deadline_ns && clock_ns() >= c->deadline_ns) {
        c->deadline_ns = 0;
        c->preempt = 1;
    }
    sched_leave(save);
}

void
sched_enter(void *argument)
{
    struct context *c = context_here();

    (void)argument;
    c->page.depth = 1; /* as if in an upcall */
    sched_next(&c->page.save[0]);
    exo_resume(&c->page.save[0]);
}

static upcall_handler *event_before;

static void
on_any_event(struct save_area *save)
{
    if (context_here()->index == 0)
        event_before(save); /* main's: the host's signals */
    else
        on_event(save);
}

void
sched_begin(void)
{
    (void)*(const volatile uint8_t *)&exo_events_held;
    event_before = exo_on_event;
    exo_on_event = on_any_event;
}
