/* SPDX-License-Identifier: MIT */
/*
 * wait.c - sleeping on a predicate, and waking who sleeps.
 *
 * Invariants are those of wait.h.
 * A sleeping context stands before its wait in its registers: waking is running it again. Each
 * clause has a place in the circle of what it waits for, in the context's own frame, so that
 * sleeping takes no memory and waking no search. test/model/wait.pml is a model of wait and wake.
 * Source  Engler, Kaashoek, O'Toole, SOSP '95 (wakeup predicates).
 */
#include "kernel/wait.h"
#include <stdatomic.h>
#include "abi/exposed.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/epoch.h"
#include "kernel/event.h"
#include "kernel/frame.h"
#include "kernel/slice.h"
#include "kernel/slot.h"
#include "plant.h"

enum { CLAUSE_STEPS = 2 };

/* By frame: clauses that wait for its words (exposed), and one of them (0: none). */
static _Atomic uint32_t *waiter_count;
static uint32_t *waiter_first;
static uint64_t joins;       /* clauses that ever joined a circle */
static uint32_t epoch_first; /* one of the clauses that wait for an epoch; 0: none */
static uint64_t epoch_mark;  /* those that joined by then are to look; 0: none */
static uint32_t backlog;     /* frame of the first events in the circle of W4; 0: none */

void
wait_init(uint64_t n_frames)
{
    uint64_t pages = (n_frames * sizeof(uint32_t) + FRAME_BYTES - 1) >> FRAME_SHIFT;

    void *count = frame_boot_alloc(pages);

    waiter_count = count;
    waiter_first = frame_boot_alloc(pages);
    exposed_map(EXPOSED_WAITERS, count, pages << FRAME_SHIFT);
}

/* ---- circles of clauses; a clause is named by its context's frame and its index ---- */

static uint32_t
clause_id(const struct context *context, uint32_t i)
{
    return context->self * WAIT_CLAUSES_MAX + i;
}

static struct context *
clause_context(uint32_t id)
{
    return arch_context_of(id / WAIT_CLAUSES_MAX);
}

static struct wait_link *
clause_link(uint32_t id)
{
    return &clause_context(id)->link[id % WAIT_CLAUSES_MAX];
}

/* Where the circle that clause i waits in begins; NULL: it waits in none. */
static uint32_t *
clause_head(const struct context *context, uint32_t i)
{
    const struct wait_clause *c = &context->clause[i];
    uint32_t object = context->link[i].object;

    if (c->kind == WAIT_EVENT)
        return &((struct events *)frame_address(object))->waiter[c->where];
    if (c->kind == WAIT_EPOCH)
        return &epoch_first;
    return c->kind == WAIT_WORD ? &waiter_first[object] : NULL;
}

static void
clause_join(struct context *context, uint32_t i)
{
    uint32_t *head = clause_head(context, i), id = clause_id(context, i);
    struct wait_link *link = &context->link[i];

    if (!head)
        return;
    link->joined = ++joins;
    if (!*head) {
        *head = link->next = link->prev = id;
    } else {
        struct wait_link *first = clause_link(*head);
        link->next = *head;
        link->prev = first->prev;
        clause_link(first->prev)->next = id;
        first->prev = id;
    }
    if (context->clause[i].kind == WAIT_WORD)
        atomic_fetch_add_explicit(&waiter_count[link->object], 1, memory_order_seq_cst); /* W2 */
}

static void
clause_leave(struct context *context, uint32_t i)
{
    uint32_t *head = clause_head(context, i), id = clause_id(context, i);
    const struct wait_link *link = &context->link[i];

    if (!head)
        return;
    clause_link(link->prev)->next = link->next;
    clause_link(link->next)->prev = link->prev;
    if (*head == id)
        *head = link->next == id ? 0 : link->next;
    if (context->clause[i].kind == WAIT_WORD)
        atomic_fetch_sub_explicit(&waiter_count[link->object], 1, memory_order_relaxed);
}

static void
clauses_leave(struct context *context)
{
    for (uint32_t i = 0; i < context->n_clauses; i++)
        clause_leave(context, i);
    context->n_clauses = 0;
}

/* ---- does a clause hold? ---- */

/* Checks a clause as the caller gave it; its object is noted. 0 or an error. */
static int
clause_check(struct context *context, uint32_t i)
{
    const struct wait_clause *c = &context->clause[i];
    const struct account *account;
    const struct events *events;
    int error = 0;

    switch (c->kind) {
    case WAIT_EVENT:
        events = slot_object(c->slot, KIND_EVENTS, RIGHT_READ, &error);
        if (error)
            return error;
        context->link[i].object = (uint32_t)frame_of(events);
        return c->where < EVENTS_PER_FRAME ? 0 : E_INVAL;
    case WAIT_WORD:
        account = slot_object(c->slot, KIND_ACCOUNT, RIGHT_MAP, &error);
        if (error)
            return error;
        context->link[i].object = (uint32_t)(c->where >> FRAME_SHIFT);
        return c->where % sizeof(uint32_t) ? E_INVAL
                                           : frame_check_words(account, c->where >> FRAME_SHIFT);
    case WAIT_CLOCK:
    case WAIT_EPOCH:
        return 0;
    default:
        return E_INVAL;
    }
}

static bool
clause_holds(const struct context *context, uint32_t i)
{
    const struct wait_clause *c = &context->clause[i];
    const void *object = frame_address(context->link[i].object);
    const _Atomic uint32_t *word;

    switch (c->kind) {
    case WAIT_EVENT:
        return ((const struct events *)object)->counter[c->where] > c->value;
    case WAIT_WORD: /* pairs with the writer's fence before it reads the count */
        word = (const _Atomic uint32_t *)object + c->where % FRAME_BYTES / sizeof(*word);
        return atomic_load_explicit(word, memory_order_seq_cst) != c->value;
    case WAIT_EPOCH:
        return epoch_has_passed(c->value);
    default:
        return clock_now() >= c->value;
    }
}

/* The first clause of n that holds, n: none; or *error. */
static uint32_t
clauses_look(struct context *context, uint32_t n, int *error)
{
    uint32_t holding = n;

    for (uint32_t i = 0; i < n && !*error; i++) {
        *error = clause_check(context, i);
        if (!*error && holding == n && clause_holds(context, i))
            holding = i;
    }
    return holding;
}

/* The first time at which a context that sleeps is to look again; 0: none. */
static uint64_t
clauses_time(const struct context *context, uint32_t n)
{
    uint64_t first = context->deadline_ns;

    for (uint32_t i = 0; i < n; i++) {
        const struct wait_clause *c = &context->clause[i];
        if (c->kind == WAIT_CLOCK && (!first || c->value < first))
            first = c->value;
    }
    return first;
}

/*
 * Joins all circles, then looks once more at the words, which change without the lock: the index of
 * one that holds by now, and it is in no circle any more; or n.
 */
static uint32_t
clauses_sleep(struct context *context, uint32_t n)
{
    context->n_clauses = n;
    for (uint32_t i = 0; i < n; i++)
        clause_join(context, i);
    for (uint32_t i = 0; i < n && !planted(PLANT_WAIT_LOOK); i++)
        if (context->clause[i].kind == WAIT_WORD && clause_holds(context, i)) {
            clauses_leave(context);
            return i;
        }
    return n;
}

struct result
wait(uint64_t clauses, uint64_t n)
{
    struct cpu *cpu = cpu_this();
    struct context *context = cpu->current;
    uint64_t absent = 0;
    uint32_t holding;
    int error = 0;

    if (n > WAIT_CLAUSES_MAX)
        return result_error(E_INVAL);
    if (n)
        absent = copy_in(context->clause, clauses, n * sizeof(context->clause[0]));
    if (absent)
        return result_error_at(E_FAULT, absent);
    holding = clauses_look(context, (uint32_t)n, &error);
    if (error)
        return result_error(error);
    if (holding < n)
        return result_ok(holding);
    if (context_interrupted(context))
        return result_error(E_INTR);
    holding = clauses_sleep(context, (uint32_t)n);
    if (holding < n)
        return result_ok(holding);
    context->wake_ns = clauses_time(context, (uint32_t)n);
    context->phase = CONTEXT_WAITING;
    context->overruns = 0;
    slice_sleeps(context);
    arch_context_restart(context);
    slice_schedule(cpu);
}

/* ---- waking ---- */

void
wait_end(struct context *context)
{
    clauses_leave(context);
    context->wake_ns = 0;
    context->phase = CONTEXT_READY;
    slice_ready(context);
}

void
wait_interrupt(struct context *context)
{
    arch_context_skip(context);
    arch_context_result(context, -E_INTR, 0);
    wait_end(context);
}

/*
 * Wakes those in a counter's circle that joined by `mark` and for which it holds; the others go to
 * the circle's end. At most *left are looked at. True: all were.
 */
static bool
counter_wake(struct events *events, uint32_t index, uint64_t mark, uint32_t *left)
{
    uint32_t id;

    while ((id = events->waiter[index]) && clause_link(id)->joined <= mark) {
        struct context *context = clause_context(id);
        uint32_t i = id % WAIT_CLAUSES_MAX;
        if (!*left)
            return false;
        (*left)--;
        if (events->counter[index] > context->clause[i].value) {
            wait_end(context);
        } else {
            clause_leave(context, i);
            clause_join(context, i);
        }
    }
    return true;
}

static struct events *
events_at(uint32_t frame)
{
    return frame_address(frame);
}

static void
backlog_add(struct events *events, uint32_t index)
{
    uint32_t self = (uint32_t)frame_of(events);

    events->backlog_mark = joins;
    if (events->backlog) {
        events->backlog |= (uint64_t)1 << index;
        return;
    }
    events->backlog = (uint64_t)1 << index; /* W4 */
    if (!backlog) {
        backlog = events->backlog_next = events->backlog_prev = self;
        return;
    }
    events->backlog_next = backlog;
    events->backlog_prev = events_at(backlog)->backlog_prev;
    events_at(events->backlog_prev)->backlog_next = self;
    events_at(backlog)->backlog_prev = self;
}

static void
backlog_remove(struct events *events)
{
    uint32_t self = (uint32_t)frame_of(events);

    events->backlog = 0;
    events_at(events->backlog_prev)->backlog_next = events->backlog_next;
    events_at(events->backlog_next)->backlog_prev = events->backlog_prev;
    if (backlog == self)
        backlog = events->backlog_next == self ? 0 : events->backlog_next;
}

void
wait_raise(struct events *events, uint32_t index)
{
    uint32_t left = WAKE_MAX;

    if (events->waiter[index] && !counter_wake(events, index, joins, &left))
        backlog_add(events, index);
}

/* True: all who waited have looked. */
static bool
epoch_wake(uint32_t *left)
{
    uint32_t id;

    while ((id = epoch_first) && clause_link(id)->joined <= epoch_mark) {
        if (!*left)
            return false;
        (*left)--;
        wait_end(clause_context(id)); /* W3: if it was not its epoch, it joins anew */
    }
    return true;
}

void
wait_epoch(void)
{
    uint32_t left = WAKE_MAX;

    epoch_mark = joins;
    if (epoch_wake(&left))
        epoch_mark = 0;
}

/* A round robin over events, so that a crowd at one does not hold up another's. */
void
wait_backlog(void)
{
    uint32_t left = WAKE_MAX;

    if (epoch_mark && epoch_wake(&left))
        epoch_mark = 0;
    while (backlog && left) {
        struct events *events = events_at(backlog);
        uint32_t index = (uint32_t)__builtin_ctzll(events->backlog);
        backlog = events->backlog_next;
        if (counter_wake(events, index, events->backlog_mark, &left))
            events->backlog &= events->backlog - 1;
        if (!events->backlog)
            backlog_remove(events);
    }
}

struct result
wake(struct account *account, uint64_t frame)
{
    uint32_t woken = 0, id;
    int error = frame_check_words(account, frame);

    if (error)
        return result_error(error);
    while (woken < WAKE_MAX && (id = waiter_first[frame])) {
        wait_end(clause_context(id));
        woken++;
    }
    return result_ok(woken);
}

/* ---- ends ---- */

static bool
circle_release(const uint32_t *head, uint64_t *steps)
{
    for (; *head && *steps; *steps -= *steps < CLAUSE_STEPS ? *steps : CLAUSE_STEPS)
        wait_end(clause_context(*head));
    return !*head;
}

bool
wait_release(struct events *events, uint64_t *steps)
{
    for (uint32_t i = 0; i < EVENTS_PER_FRAME; i++)
        if (!circle_release(&events->waiter[i], steps))
            return false;
    if (events->backlog)
        backlog_remove(events);
    events->backlog = 0;
    return true;
}

bool
wait_on_frame(uint64_t frame)
{
    return waiter_first[frame] != 0;
}

bool
wait_release_frame(uint64_t frame, uint64_t *steps)
{
    return circle_release(&waiter_first[frame], steps);
}
