/* SPDX-License-Identifier: MIT */
/*
 * sched.c - who runs next: a list of tasks that all contexts take from, each for a slice.
 *
 * All here runs in upcalls, on the context's stack for them: a task's registers are in the save
 * area, and to go on with another is to put other registers there, and another root under the
 * context. A task runs for a quantum, which is a deadline: a context that has a processor for
 * itself has no end of a slice. Where slices end, the task goes to the end of the list too, since
 * its context leaves the processor.
 *
 * Invariants S1 a task is in one place: in the list, current on one context, or with what it waits
 * for. It changes places in one section, its registers having been kept before.
 */
#include "libos/exo/clock.h"
#include "examples/procs/procs.h"

enum { QUANTUM_NS = 1000 * 1000 };
enum { EVENT = 1 << UPCALL_EVENT };

static struct lock run_lock;
static struct task *first, *last;
static uint64_t idle; /* contexts, 1 << index */
static struct here {
    struct task *current;
    uint64_t root;              /* on which it stands */
    uint64_t pokes;             /* the counter when it went idle */
    uint64_t since;             /* cycles, when the current task was put on */
    uint64_t on_since, charged; /* what the kernel told of the context then */
} here[CONTEXTS_MAX];

struct task *
task_current(uint32_t context)
{
    return here[context].current;
}

void
task_forget(uint32_t context)
{
    here[context].current = NULL;
    here[context].root = 0;
    __atomic_fetch_and(&idle, ~((uint64_t)1 << context), __ATOMIC_SEQ_CST);
}

/* ---- the list; run_lock is held ---- */

static void
append(struct task *t)
{
    t->state = TASK_READY;
    t->place = NULL;
    t->next = NULL;
    if (first)
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

/* ---- for others ---- */

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
sched_rouse(struct proc *p)
{
    uint64_t poke = 0;

    lock_take(&procs_lock);
    lock_take(&run_lock);
    for (struct task *t = p->tasks; t; t = t->sibling) {
        if (t->state == TASK_RUNNING)
            poke |= (uint64_t)1 << t->context;
        if (t->state != TASK_WAITING || !t->place)
            continue;
        *t->place = NULL;
        append(t);
        poke |= idle;
    }
    poke &= ~((uint64_t)1 << context_here()->index);
    idle &= ~poke;
    lock_drop(&run_lock);
    lock_drop(&procs_lock);
    for (; poke; poke &= poke - 1) {
        const struct context *c = context_at((uint32_t)__builtin_ctzll(poke));

        if (c)
            context_poke(c);
    }
}

/* ---- registers ---- */

static uint64_t
cycles(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

void
registers_keep(struct task *t, const struct save_area *save)
{
    t->save = *save;
    __asm__ volatile("rdfsbase %0" : "=r"(t->fs));
    __asm__ volatile("xsave64 (%0)" ::"r"(t->vectors), "a"(-1), "d"(-1) : "memory");
}

void
registers_load(const struct task *t, struct save_area *save)
{
    *save = t->save;
    __asm__ volatile("wrfsbase %0" ::"r"(t->fs));
    __asm__ volatile("xrstor64 (%0)" ::"r"(t->vectors), "a"(-1), "d"(-1) : "memory");
}

/* What the task had of the processor since it was put on: not while the context itself was off. */
static uint64_t
cycles_had(const struct upcall_page *page, const struct here *h)
{
    const struct machine_page *m = (const struct machine_page *)EXPOSED_MACHINE;
    uint64_t now = cycles(), on, before;

    if (page->on_since == h->on_since)
        return now - h->since;
    on = (clock_ns() - page->on_since) * (m->counter_hz / 1000) / 1000000;
    before = h->since - m->counter_base - h->on_since * (m->counter_hz / 1000) / 1000000;
    return page->charged_cycles - h->charged + on - before;
}

static void
put_off(struct here *h, struct task *t, const struct save_area *save)
{
    t->proc->ran += cycles_had(&context_here()->page, h);
    registers_keep(t, save);
}

static void
stand(struct here *h, uint64_t root)
{
    if (h->root != root)
        call_context_root(SLOT_ACCOUNT, root);
    h->root = root;
}

static void
put_on(struct here *h, struct task *t, struct save_area *save)
{
    const struct upcall_page *page = &context_here()->page;

    stand(h, t->proc->table[0]);
    registers_load(t, save);
    t->proc->turns++;
    h->since = cycles();
    h->on_since = page->on_since;
    h->charged = page->charged_cycles;
}

/* ---- on and off ---- */

int64_t
sched_sleep(struct task *t, struct save_area *save, struct task **place)
{
    struct here *h = &here[context_here()->index];

    save->rip -= SYSCALL_BYTES; /* where a signal's handler returns to */
    t->again = 1;
    put_off(h, t, save);
    lock_take(&run_lock);
    if (*place || t->ends || t->proc->killed || signal_due(t->proc)) {
        append(t); /* somebody else sleeps there, or something came up: it will ask again */
    } else {
        t->state = TASK_WAITING;
        t->place = place;
        *place = t;
    }
    h->current = NULL;
    lock_drop(&run_lock);
    return AGAIN;
}

/* The first of the list becomes the context's; null: there is none, and it is noted as idle. */
static struct task *
take(struct here *h, uint32_t context)
{
    struct task *t;

    lock_take(&run_lock);
    t = first;
    if (t) {
        first = t->next;
        t->state = TASK_RUNNING;
        t->context = context;
        h->current = t;
        idle &= ~((uint64_t)1 << context);
    } else { /* whoever takes us out of idle pokes us afterwards */
        idle |= (uint64_t)1 << context;
        h->pokes = (uint64_t)call_event_read(SLOT_EVENTS, COUNTER_CONTEXT + context).value;
    }
    lock_drop(&run_lock);
    return t;
}

/* Until somebody pokes us; what came before the call ends it at once. */
static void
sleep(struct context *c, struct here *h)
{
    struct wait_clause poked = {SLOT_EVENTS, WAIT_EVENT, COUNTER_CONTEXT + c->index, h->pokes};

    stand(h, exo_space.root);
    __atomic_fetch_or(&c->page.mask, EVENT, __ATOMIC_SEQ_CST);
    call_wait((uintptr_t)&poked, 1);
    __atomic_fetch_and(&c->page.pending, ~(uint32_t)EVENT, __ATOMIC_SEQ_CST);
    __atomic_fetch_and(&c->page.mask, ~(uint32_t)EVENT, __ATOMIC_SEQ_CST);
    c->deadline_ns = 0;
}

/* It begins where none is running: so a switch in the midst of one costs no call. */
static void
quantum(struct context *c)
{
    if (c->deadline_ns)
        return;
    c->deadline_ns = clock_ns() + QUANTUM_NS;
    call_deadline_set(c->deadline_ns);
}

/* Another task, where the context has none; in the next slice, if this one is over. */
static void
next(struct context *c, struct here *h, struct save_area *save)
{
    bool over = c->preempt & SLICE_OVER;
    struct task *t;

    c->preempt = 0;
    if (over) { /* what is left of the quantum would pass meanwhile: the next has one of its own */
        c->deadline_ns = 0;
        call_deadline_set(0);
        call_yield(SLOT_NOTHING);
    }
    while (!(t = take(h, c->index)))
        sleep(c, h);
    put_on(h, t, save);
    quantum(c);
}

/* The current task to the end of the list. */
static void
give_way(struct here *h, const struct save_area *save)
{
    struct task *t = h->current;

    put_off(h, t, save);
    lock_take(&run_lock);
    append(t);
    h->current = NULL;
    lock_drop(&run_lock);
}

/* The call in which it slept, once more. */
static void
call_again(struct task *t, struct save_area *save)
{
    int64_t r;

    t->again = 0;
    save->rip += SYSCALL_BYTES;
    r = call_serve(t, save);
    if (r != AGAIN)
        save->rax = (uint64_t)r;
}

void
sched_leave(struct save_area *save)
{
    struct context *c = context_here();
    struct here *h = &here[c->index];

    for (;;) {
        struct task *t = h->current;

        if (!t)
            next(c, h, save);
        else if (t->proc->killed || t->ends)
            task_end(t);
        else if (c->preempt)
            give_way(h, save);
        else if (signal_due(t->proc))
            signal_deliver(t, save);
        else if (t->again)
            call_again(t, save);
        else
            return;
    }
}

void
sched_enter(void *argument)
{
    struct context *c = context_here();

    (void)argument;
    *(volatile uint32_t *)&c->page.depth = 1; /* as if in an upcall */
    sched_leave(&c->page.save[0]);
    exo_resume(&c->page.save[0]);
}

/* ---- upcalls ---- */

static upcall_handler *event_before;

/* A poke, or the end of a quantum. In the midst of our own work it is put off to its end (P4). */
static void
on_event(struct save_area *save)
{
    struct context *c = context_here();

    if (c->index == 0) {
        event_before(save); /* main's: the host's signals */
        return;
    }
    if (save != &c->page.save[0]) {
        upcalls_hold_event();
        return;
    }
    if (c->deadline_ns && clock_ns() >= c->deadline_ns) {
        c->deadline_ns = 0;
        c->preempt |= TASK_OVER;
    }
    sched_leave(save);
}

void procs_slice_end(struct save_area *save);

void
procs_slice_end(struct save_area *save)
{
    struct context *c = context_here();

    if (c->index == 0) {
        call_yield(SLOT_NOTHING);
        return;
    }
    c->preempt |= SLICE_OVER;
    on_event(save);
}

void
sched_begin(void)
{
    event_before = exo_on_event;
    exo_on_event = on_event;
}

/* What the kernel enters at the end of a slice: as crt0.S for other upcalls. */
__asm__(".text\n"
        "procs_upcall_slice_end:\n\t"
        "mov %rdi, %rbx\n\t"
        "xor %ebp, %ebp\n\t"
        "call procs_slice_end\n\t"
        "lea exo_resume_distance(%rbx), %rax\n\t"
        "jmp *%rax\n"
        ".section .rodata\n\t"
        ".balign 8\n\t"
        ".globl exo_slice_end_entry\n"
        "exo_slice_end_entry: .quad procs_upcall_slice_end\n\t"
        ".text\n");
