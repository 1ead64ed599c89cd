/* SPDX-License-Identifier: MIT */
/* event.c - event counters: raised by holders and by the kernel, waited for in wait.c. */
#include "kernel/event.h"
#include <stdatomic.h>
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/slot.h"
#include "kernel/wait.h"
#include "kernel/work.h"
#include "plant.h"

/* Readers see single counters that only grow; nothing orders one after another. */
static void
window_show(const struct events *events, uint32_t index)
{
    _Atomic uint64_t *shown = frame_address(events->window.frame);

    atomic_store_explicit(&shown[index], events->counter[index] & ~EVENT_SOURCED,
                          memory_order_release);
}

/* By a holder, or the kernel (NULL). Another account's context is interrupted by holders only so often. */
static void
raise_by(const struct context *holder, struct events *events, uint32_t index, uint64_t n)
{
    struct context *told =
        context_soonest(events->context, events->n_contexts, (uint64_t)1 << index);

    events->counter[index] += n;
    if (events->window.frame)
        window_show(events, index);
    if (told && holder && frame_at(told->self)->owner != frame_at(holder->self)->owner)
        context_posted(told);
    else if (told)
        context_due(told, UPCALL_EVENT);
    wait_raise(events, index);
}

void
event_raise(struct events *events, uint32_t index, uint64_t n)
{
    raise_by(NULL, events, index, n);
}

struct result
event_post(struct events *events, uint64_t index, uint64_t n)
{
    if (index >= EVENTS_PER_FRAME || n < 1 || n > EVENT_POST_MAX)
        return result_error(planted(PLANT_ERROR) ? E_IO : E_INVAL);
    raise_by(context_current(), events, (uint32_t)index_masked(index, EVENTS_PER_FRAME), n);
    return result_ok(0);
}

struct result
event_start(struct events *events, uint64_t index, uint64_t value)
{
    uint32_t at = (uint32_t)index_masked(index, EVENTS_PER_FRAME);
    uint64_t now = events->counter[at] & ~EVENT_SOURCED;

    if (index >= EVENTS_PER_FRAME || value >> EVENT_START_BITS ||
        (value < now && !planted(PLANT_EVENT_BACK)))
        return result_error(E_INVAL);
    raise_by(context_current(), events, at, value - now);
    return result_ok(0);
}

struct result
event_read(struct events *events, uint64_t index)
{
    const uint64_t *counter = events->counter;
    uint64_t value;

    if (index >= EVENTS_PER_FRAME)
        return result_error(E_INVAL);
    counter += index_masked(index, EVENTS_PER_FRAME);
    value = *counter;
    if (value & EVENT_SOURCED) {
        work_serve();
        value = *counter & ~EVENT_SOURCED;
    }
    return result_ok((int64_t)value);
}

struct result
event_window(struct events *events, uint64_t account, uint64_t frame, uint64_t index)
{
    struct cell *cell = NULL;
    int error;

    if (!frame == !events->window.frame)
        return result_error(frame ? E_EXIST : E_NOENT);
    if (!frame) {
        pin_drop(&events->window);
        return result_ok(0);
    }
    if (index >= EVENTS_PER_FRAME)
        return result_error(E_INVAL);
    error = pin_check(frame_of(events), account, frame, &cell);
    error = error ? error : pin_hold(frame_of(events), frame, cell);
    if (error)
        return result_error(error);
    events->window_index = (uint32_t)index;
    for (uint32_t i = 0; i < EVENTS_PER_FRAME; i++)
        window_show(events, i);
    return result_ok(0);
}

void
event_source(struct events *events, uint32_t index)
{
    work_asked += planted(PLANT_UNASKED) || (events->waiter[index] && !events->sources[index]);
    events->sources[index]++;
    events->counter[index] |= EVENT_SOURCED;
    work_ask();
}

void
event_unsource(struct events *events, uint32_t index)
{
    if (planted(PLANT_SOURCED) || --events->sources[index])
        return;
    work_asked -= events->waiter[index] != 0;
    events->counter[index] &= ~EVENT_SOURCED;
}

struct events *
event_told(const struct leaf *leaf)
{
    return leaf->type ? frame_address(cell_at(leaf->cell)->object) : NULL;
}

void
event_tell(const struct leaf *leaf, uint32_t index)
{
    struct events *events = event_told(leaf);

    if (events)
        event_raise(events, index, 1);
}

int
event_join(struct cell *cell, struct context *context)
{
    struct events *events = frame_address(cell->object);
    const struct account *account = account_at(frame_at(context->self)->owner);
    bool own = account_covers(account, frame_at(cell->object)->owner) || planted(PLANT_PLACES);

    if (events->n_contexts >= (own ? EVENTS_CONTEXTS_MAX : EVENTS_STRANGERS_MAX))
        return E_NOSPC;
    events->context[events->n_contexts++] = context->self;
    leaf_hang(&context->events, cell, LEAF_EVENTS);
    return 0;
}

void
event_fall(struct leaf *leaf)
{
    struct events *events = frame_address(cell_at(leaf->cell)->object);
    uint32_t kept = 0;

    for (uint32_t i = 0; i < events->n_contexts; i++)
        if (events->context[i] != frame_of(leaf))
            events->context[kept++] = events->context[i];
    events->n_contexts = kept;
}

void
event_leave(struct context *context)
{
    if (context->events.type == LEAF_NONE)
        return;
    leaf_drop(&context->events);
    event_fall(&context->events);
}
