/* SPDX-License-Identifier: MIT */
/* event.c - event counters: raised by holders and by the kernel, waited for in wait.c. */
#include "kernel/event.h"
#include <stdatomic.h>
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/wait.h"
#include "kernel/work.h"
#include "plant.h"

/* Who is told: by name in order, first one that runs, then one that waits, then any. */
static struct context *
event_context(const struct events *events, uint32_t index)
{
    struct context *waiting = NULL, *any = NULL;

    for (uint32_t i = 0; i < events->n_contexts; i++) {
        struct context *context = arch_context_of(events->context[i]);
        if (!(context->event_mask >> index & 1))
            continue;
        if (context->on)
            return context;
        if (!waiting && context->phase == CONTEXT_WAITING)
            waiting = context;
        if (!any && context->phase != CONTEXT_STOPPED)
            any = context;
    }
    return waiting ? waiting : any;
}

/* Readers see single counters that only grow; nothing orders one after another. */
static void
window_show(const struct events *events, uint32_t index)
{
    _Atomic uint64_t *shown = frame_address(events->window.frame);

    atomic_store_explicit(&shown[index], events->counter[index] & INT64_MAX, memory_order_release);
}

/* By a holder, or the kernel (NULL). Another account's context is interrupted by holders only so often. */
static void
raise_by(const struct context *holder, struct events *events, uint32_t index, uint64_t n)
{
    struct context *told = event_context(events, index);

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

    if (index >= EVENTS_PER_FRAME || value >> EVENT_START_BITS ||
        (value < events->counter[at] && !planted(PLANT_EVENT_BACK)))
        return result_error(E_INVAL);
    raise_by(context_current(), events, at, value - events->counter[at]);
    return result_ok(0);
}

struct result
event_read(struct events *events, uint64_t index)
{
    if (index >= EVENTS_PER_FRAME)
        return result_error(E_INVAL);
    if (events->sourced >> index & 1)
        work_serve();
    return result_ok((int64_t)(events->counter[index_masked(index, EVENTS_PER_FRAME)] & INT64_MAX));
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
    work_asked +=
        planted(PLANT_UNASKED) || (events->waiter[index] && !(events->sourced >> index & 1));
    events->sourced |= (uint64_t)1 << index;
    work_ask();
}

struct events *
event_find(uint32_t frame, uint64_t generation)
{
    struct events *events = frame_address(frame);

    return frame_at(frame)->type == FRAME_EVENTS && events->cell.generation == generation ? events
                                                                                          : NULL;
}

int
event_join(struct events *events, struct context *context)
{
    if (events->n_contexts == EVENTS_CONTEXTS_MAX)
        return E_NOSPC;
    events->context[events->n_contexts++] = context->self;
    context->events = (uint32_t)frame_of(events);
    return 0;
}

void
event_leave(struct context *context)
{
    struct events *events = frame_address(context->events);
    uint32_t kept = 0;

    if (!context->events)
        return;
    for (uint32_t i = 0; i < events->n_contexts; i++)
        if (events->context[i] != context->self)
            events->context[kept++] = events->context[i];
    events->n_contexts = kept;
    context->events = 0;
}

void
event_release(struct events *events)
{
    while (events->n_contexts)
        event_leave(arch_context_of(events->context[0]));
    pin_drop(&events->window);
}
