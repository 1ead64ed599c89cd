/* SPDX-License-Identifier: MIT */
/* event.c - event counters: raised by holders and by the kernel, waited for in wait.c. */
#include "kernel/event.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/slice.h"
#include "kernel/step.h"
#include "kernel/wait.h"
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

void
event_raise(struct events *events, uint32_t index, uint64_t n)
{
    struct context *told = event_context(events, index);

    events->counter[index] += n;
    if (told)
        context_due(told, UPCALL_EVENT);
    wait_raise(events, index);
}

struct result
event_post(struct events *events, uint64_t index, uint64_t n)
{
    if (index >= EVENTS_PER_FRAME || n < 1 || n > UINT32_MAX)
        return result_error(planted(PLANT_ERROR) ? E_IO : E_INVAL);
    event_raise(events, (uint32_t)index_masked(index, EVENTS_PER_FRAME), n);
    return result_ok(0);
}

struct result
event_read(struct events *events, uint64_t index)
{
    if (index >= EVENTS_PER_FRAME)
        return result_error(E_INVAL);
    return result_ok((int64_t)(events->counter[index_masked(index, EVENTS_PER_FRAME)] & INT64_MAX));
}

int
event_join(struct events *events, uint32_t context)
{
    if (events->n_contexts == EVENTS_CONTEXTS_MAX)
        return E_NOSPC;
    events->context[events->n_contexts++] = context;
    return 0;
}

void
event_leave(struct events *events, uint32_t context)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < events->n_contexts; i++)
        if (events->context[i] != context)
            events->context[kept++] = events->context[i];
    events->n_contexts = kept;
}
