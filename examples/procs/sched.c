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
 * Invariants
 *  S1 a task is in one place: in the list, current on one context, or with what it waits for. It
 *     changes places in one section, its registers having been kept before; in the same section the
 *     next one becomes current.
 *  S2 the registers in the save area are those of here.on, and of nobody while a switch is under
 * way.
 */
#include "libos/exo/clock.h"
#include "examples/procs/procs.h"

enum { QUANTUM_NS = 1000 * 1000 };
enum { EVENT = 1 << UPCALL_EVENT };

struct lock run_lock;
uint64_t sched_interrupted; /* run_lock */
static struct task *first, *last;
static uint64_t idle; /* contexts, 1 << index */
struct here here[CONTEXTS_MAX];
static struct task nobody; /* here.on, while there is none */

void
task_forget(uint32_t context)
{
    here[context].current = NULL;
    here[context].on = &nobody;
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

/* The first of the list becomes the context's; null: there is none. */
static struct task *
pop(struct here *h, uint32_t context)
{
    struct task *t = first;

    h->current = t;
    if (t) {
        first = t->next;
        t->state = TASK_RUNNING;
        t->context = context;
    }
    return t;
}

bool
sched_all_idle(void)
{
    uint64_t all = 0;

    for (uint32_t i = 0; i < n_runners; i++)
        all |= (uint64_t)1 << runners[i]->index;
    return __atomic_load_n(&idle, __ATOMIC_RELAXED) == all;
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
    if (c)
        context_poke(c); /* P5 */
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
    if (c)
        context_poke(c); /* P5 */
    lock_drop(&run_lock);
}

uint64_t
sched_hand(struct task *from, struct task **place, uint64_t n)
{
    uint8_t *bytes = from->hand;
    const struct context *c = NULL;
    struct task *t;

    lock_take(&run_lock);
    t = *place;
    if (t) {
        from->hand = t->hand;
        t->hand = bytes;
        n = n < t->wanted ? n : t->wanted;
        t->handed = (uint32_t)n;
        t->again = AGAIN_HANDED;
        append(t);
        *place = NULL;
        c = sleeper();
    }
    if (c)
        context_poke(c); /* P5 */
    lock_drop(&run_lock);
    return t ? n : 0;
}

uint64_t
sched_stir(struct proc *p)
{
    uint64_t poke = 0;

    for (struct task *t = p->tasks; t; t = t->sibling) {
        __asm__ volatile("" ::: "memory"); /* mostly there is one: the list stays in memory */
        if (t->state == TASK_WAITING && t->place) {
            *t->place = NULL;
            append(t);
            poke |= idle;
        } else if (t->state == TASK_RUNNING) {
            poke |= (uint64_t)1 << t->context;
            sched_interrupted += t->context != context_here()->index;
        }
    }
    if (poke) {
        poke &= ~((uint64_t)1 << context_here()->index);
        idle &= ~poke;
    }
    return poke;
}

void
sched_poke(uint64_t contexts)
{
    for (; contexts; contexts &= contexts - 1) {
        const struct context *c = context_at((uint32_t)__builtin_ctzll(contexts));

        if (c)
            context_poke(c);
    }
}

void
sched_rouse(struct proc *p)
{
    uint64_t poke;

    lock_take(&run_lock);
    poke = sched_stir(p);
    sched_poke(poke);
    lock_drop(&run_lock);
}

/* ---- registers ---- */

void
registers_keep(struct task *t, const struct save_area *save)
{
    vectors_keep(t->vectors);
    registers_move(&t->save, save);
    __asm__ volatile("rdfsbase %0" : "=r"(t->fs));
}

void
registers_load(const struct task *t, struct save_area *save)
{
    registers_move(save, &t->save);
    __asm__ volatile("wrfsbase %0" ::"r"(t->fs));
    vectors_load(t->vectors);
}

/* ---- the time that tasks have had ---- */

/* From here on it is the next one's. */
static void
clock_begin(const struct upcall_page *page, struct here *h)
{
    h->since = clock_counter();
    h->on_since = page->on_since;
    h->charged = page->charged_cycles;
}

/* The context itself was off meanwhile: what the kernel says that it had, before and after. */
static __attribute__((noinline)) uint64_t
cycles_between(const struct upcall_page *page, const struct here *h, uint64_t now)
{
    const struct machine_page *m = (const struct machine_page *)EXPOSED_MACHINE;
    uint64_t on = m->counter_base + page->on_since * (m->counter_hz / 1000) / 1000000;
    uint64_t before = h->since - m->counter_base - h->on_since * (m->counter_hz / 1000) / 1000000;
    uint64_t charged = page->charged_cycles - h->charged;

    return (charged > before ? charged - before : 0) + (now > on ? now - on : 0);
}

/* What the current task had since then is its own; from here on it is the next one's. */
static inline void
clock_turn(const struct upcall_page *page, struct here *h, struct proc *p)
{
    uint64_t now = clock_counter();

    if (__builtin_expect(page->on_since == h->on_since, 1)) {
        p->ran += now - h->since;
        h->since = now;
        return;
    }
    p->ran += cycles_between(page, h, now);
    clock_begin(page, h);
}

/* ---- on and off ---- */

static inline void
put_off(const struct context *c, struct here *h, struct task *t, const struct save_area *save)
{
    h->on = &nobody; /* S2 */
    clock_turn(&c->page, h, t->proc);
    registers_keep(t, save);
}

static inline void
stand(struct here *h, uint64_t root)
{
    if (h->root != root)
        call_context_root(SLOT_ACCOUNT, root);
    h->root = root;
}

static __attribute__((noinline)) void
quantum(struct context *c)
{
    c->deadline_ns = clock_ns() + QUANTUM_NS;
    call_deadline_set(c->deadline_ns);
}

/* A quantum begins where none is running: so a switch in the midst of one costs no call. */
static inline void
put_on(struct context *c, struct here *h, struct task *t, struct save_area *save)
{
    stand(h, t->proc->table[0]);
    registers_load(t, save);
    t->proc->turns++;
    h->on = t;
    if (__builtin_expect(!c->deadline_ns, 0))
        quantum(c);
}

int64_t
sched_sleep(struct task *t, struct save_area *save, struct task **place, const uint64_t *some)
{
    struct context *c = context_here();
    struct here *h = here_of(c);
    uint64_t up;

    save->rip -= SYSCALL_BYTES; /* where a signal's handler returns to */
    t->again = AGAIN_CALL;
    put_off(c, h, t, save);
    lock_take(&run_lock);
    up = (uintptr_t)*place | t->ends | t->proc->killed;
    if (some)
        up |= *(const volatile uint64_t *)some;
    if (__builtin_expect(up || signal_due(t->proc), 0)) {
        append(t); /* somebody else sleeps there, or something came up: it will ask again */
    } else {
        t->state = TASK_WAITING;
        t->place = place;
        *place = t;
    }
    if (__builtin_expect(!c->preempt, 1))
        pop(h, c->index);
    else
        h->current = NULL;
    lock_drop(&run_lock);
    return AGAIN;
}

/* The first of the list, or null: there is none, and the context is noted as idle. */
static struct task *
take(struct here *h, uint32_t context)
{
    struct task *t;

    lock_take(&run_lock);
    t = pop(h, context);
    if (t) {
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

/* A task, where the context has none; in the next slice, if this one is over. */
static __attribute__((noinline)) void
next(struct context *c, struct here *h)
{
    if (__atomic_exchange_n(&c->preempt, 0, __ATOMIC_RELAXED) & SLICE_OVER) {
        c->deadline_ns = 0; /* what is left of the quantum would pass meanwhile */
        call_deadline_set(0);
        call_yield(SLOT_NOTHING);
    }
    while (!take(h, c->index))
        sleep(c, h);
    clock_begin(&c->page, h);
}

/* The current task to the end of the list; a slice that is over is given up before another. */
static __attribute__((noinline)) void
give_way(struct context *c, struct here *h, const struct save_area *save)
{
    struct task *t = h->current;

    put_off(c, h, t, save);
    lock_take(&run_lock);
    append(t);
    h->current = NULL;
    if (__atomic_fetch_and(&c->preempt, ~(uint32_t)TASK_OVER, __ATOMIC_RELAXED) == TASK_OVER)
        pop(h, c->index);
    lock_drop(&run_lock);
}

/* The current task, which is not on yet, has its turn later, and before the others. */
static __attribute__((noinline)) void
give_back(struct here *h)
{
    struct task *t = h->current;

    lock_take(&run_lock);
    t->state = TASK_READY;
    t->next = first;
    if (!first)
        last = t;
    first = t;
    h->current = NULL;
    lock_drop(&run_lock);
}

/* The call in which it slept, once more. */
static void
call_again(struct task *t, struct save_area *save)
{
    int64_t r;

    t->again = AGAIN_NOT;
    save->rip += SYSCALL_BYTES;
    r = call_serve(t, save);
    if (r != AGAIN)
        save->rax = (uint64_t)r;
}

/* The call in which it slept is over: what it was given. A fault there is the process' own. */
static inline void
hand_over(struct task *t, struct save_area *save)
{
    t->again = AGAIN_NOT;
    save->rip += SYSCALL_BYTES;
    save->rax = t->handed;
    bytes_move((void *)save->rsi, t->hand, t->handed);
}

/* One thing that is due. */
static __attribute__((noinline)) void
settle_one(struct context *c, struct here *h, struct save_area *save)
{
    struct task *t = h->current;

    if (!t)
        next(c, h);
    else if (t->proc->killed || t->ends)
        task_end(t);
    else if (t != h->on)
        give_back(h);
    else if (c->preempt)
        give_way(c, h, save);
    else if (signal_due(t->proc))
        signal_deliver(t, save);
    else if (t->again)
        call_again(t, save);
}

/* With signals, but none that is due, all is settled too. */
static bool
settled(const struct context *c, const struct here *h)
{
    const struct task *t = h->current;

    return t && t == h->on && !(t->due | c->preempt | t->proc->killed) && !signal_due(t->proc);
}

FLAT void
sched_settle(struct context *c, struct here *h, struct save_area *save)
{
    do {
        struct task *t = h->current;

        if (!t || t == h->on || c->preempt) {
            settle_one(c, h, save);
            continue;
        }
        put_on(c, h, t, save);
        if (t->again == AGAIN_HANDED)
            hand_over(t, save);
        if (t->proc->signals && !t->proc->killed)
            signal_deliver(t, save);
    } while (!settled(c, h));
}

void
sched_enter(void *argument)
{
    struct context *c = context_here();

    (void)argument;
    c->argument = &here[c->index]; /* here_of */
    here[c->index].on = &nobody;
    *(volatile uint32_t *)&c->page.depth = 1; /* as if in an upcall */
    sched_settle(c, here_of(c), &c->page.save[0]);
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
    exo_context.argument = &here[0]; /* here_of: main is about nothing */
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
