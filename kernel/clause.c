/* SPDX-License-Identifier: MIT */
/*
 * clause.c - the clauses of predicates that contexts sleep on: do they hold, and who is told when
 * what they compare changes.
 *
 * Each clause has a place in the circle of what it waits for, in the context's own frame, so that
 * sleeping takes no memory and waking no search. It is named by its context's frame and its index.
 * Source  Engler, Kaashoek, O'Toole, SOSP '95 (wakeup predicates).
 */
#include <stdatomic.h>
#include "abi/exposed.h"
#include "kernel/context.h"
#include "kernel/epoch.h"
#include "kernel/event.h"
#include "kernel/frame.h"
#include "kernel/slot.h"
#include "kernel/wait.h"
#include "kernel/work.h"
#include "plant.h"

/* By frame: clauses that wait for its words (exposed), and one of them (0: none). */
static _Atomic uint32_t *waiter_count;
static uint32_t *waiter_first;
uint64_t clause_joins;
static uint32_t epoch; /* the circle of those that wait for an epoch */

void
wait_init(uint64_t n_frames)
{
    uint64_t pages = (n_frames * sizeof(uint32_t) + FRAME_BYTES - 1) >> FRAME_SHIFT;
    void *count = frame_boot_alloc(pages);

    waiter_count = count;
    waiter_first = frame_boot_alloc(pages);
    exposed_map(EXPOSED_WAITERS, count, pages << FRAME_SHIFT);
}

/* ---- circles ---- */

static struct circle_link *
clause_link(uint32_t id)
{
    return &clause_context(id)->link[id % WAIT_CLAUSES_MAX].place;
}

struct context *
clause_context(uint32_t id)
{
    return arch_context_of(id / WAIT_CLAUSES_MAX);
}

uint32_t *
clause_circle(enum wait_kind kind, uint32_t object, uint64_t index)
{
    if (kind == WAIT_EVENT)
        return &((struct events *)frame_address(object))->waiter[index];
    if (kind == WAIT_EPOCH)
        return &epoch;
    return kind == WAIT_WORD ? &waiter_first[object] : NULL;
}

uint32_t
clause_first(const uint32_t *circle, uint64_t mark)
{
    uint32_t id = *circle;

    return id && clause_context(id)->link[id % WAIT_CLAUSES_MAX].joined <= mark ? id : 0;
}

/* The circle that clause i waits in; NULL: none. */
static uint32_t *
clause_place(const struct context *context, uint32_t i)
{
    const struct wait_clause *c = &context->clause[i];

    return clause_circle((enum wait_kind)c->kind, context->link[i].object, c->where);
}

/* Is it on a counter that a source raises? Where that has a sleeper, the work is asked for. */
static bool
clause_sourced(const struct context *context, uint32_t i)
{
    const struct events *events = frame_address(context->link[i].object);

    return context->clause[i].kind == WAIT_EVENT && events->sources[context->clause[i].where];
}

static void
clause_join(struct context *context, uint32_t i)
{
    uint32_t *circle = clause_place(context, i);

    if (!circle)
        return;
    work_asked += !*circle && clause_sourced(context, i);
    context->link[i].joined = ++clause_joins;
    circle_join(circle, context->self * WAIT_CLAUSES_MAX + i, clause_link);
    if (context->clause[i].kind == WAIT_WORD) /* W2 */
        atomic_fetch_add_explicit(&waiter_count[context->link[i].object], 1, memory_order_seq_cst);
}

static void
clause_leave(struct context *context, uint32_t i)
{
    uint32_t *circle = clause_place(context, i);

    if (!circle)
        return;
    circle_leave(circle, context->self * WAIT_CLAUSES_MAX + i, clause_link);
    work_asked -= !*circle && clause_sourced(context, i);
    if (context->clause[i].kind == WAIT_WORD)
        atomic_fetch_sub_explicit(&waiter_count[context->link[i].object], 1, memory_order_relaxed);
}

void
clause_behind(uint32_t id)
{
    clause_leave(clause_context(id), id % WAIT_CLAUSES_MAX);
    clause_join(clause_context(id), id % WAIT_CLAUSES_MAX);
}

void
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
        context->link[i].object = (uint32_t)index_masked(c->where >> FRAME_SHIFT, frame_count);
        return c->where % sizeof(uint32_t) ? E_INVAL
                                           : frame_check_words(account, c->where >> FRAME_SHIFT);
    case WAIT_CLOCK:
    case WAIT_EPOCH:
        return 0;
    default:
        return E_INVAL;
    }
}

bool
clause_holds(const struct context *context, uint32_t i)
{
    const struct wait_clause *c = &context->clause[i];
    const void *object = frame_address(context->link[i].object);
    const struct events *events;
    const _Atomic uint32_t *word;

    switch (c->kind) {
    case WAIT_EVENT:
        events = object;
        return (events->counter[index_masked(c->where, EVENTS_PER_FRAME)] & ~EVENT_SOURCED) >
               c->value;
    case WAIT_WORD: /* pairs with the writer's fence before it reads the count */
        word = (const _Atomic uint32_t *)object + c->where % FRAME_BYTES / sizeof(*word);
        return atomic_load_explicit(word, memory_order_seq_cst) != c->value;
    case WAIT_EPOCH:
        return epoch_has_passed(c->value);
    default:
        return clock_now() >= c->value;
    }
}

uint32_t
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

uint64_t
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

uint32_t
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
