/* SPDX-License-Identifier: MIT */
/* event.c - event counters: raised by holders and by the kernel, waited for in context.c. */
#include "kernel/event.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/slice.h"
#include "kernel/step.h"

void
event_raise(struct events *events, uint32_t index, uint64_t n)
{
    events->counter[index] += n;
    for (uint32_t i = 0; i < events->n_contexts; i++) {
        struct context *context = arch_context_of(events->context[i]);
        if (context->event_mask >> index & 1)
            context_due(context, UPCALL_EVENT);
    }
    slice_look();
}

struct result
event_post(struct events *events, uint64_t index, uint64_t n)
{
    if (index >= EVENTS_PER_FRAME || n < 1 || n > UINT32_MAX)
        return result_error(E_INVAL);
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
    for (uint32_t i = 0; i < events->n_contexts; i++)
        if (events->context[i] == context)
            events->context[i--] = events->context[--events->n_contexts];
}
