/* SPDX-License-Identifier: MIT */
/*
 * upcall.c - what the kernel tells a context: entry points registered, upcalls due, masked, brought.
 *
 * Invariant X3 of context.h. The registers of an upcall are kernel/x86's.
 */
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/event.h"
#include "kernel/frame.h"
#include "kernel/slice.h"
#include "kernel/slot.h"
#include "kernel/transfer.h"
#include "kernel/wait.h"
#include "plant.h"

enum { MASKABLE = 1 << UPCALL_SLICE_END | 1 << UPCALL_EVENT | 1 << UPCALL_REVOKE };

struct result
upcalls_set(struct account *account, const struct upcall_setup *setup)
{
    struct context *context = context_current();
    struct cell *events = NULL;
    int error = 0;

    if (context->upcall_frame)
        return result_error(E_EXIST);
    if (setup->events_slot != SLOT_NOTHING)
        events = slot_bound(setup->events_slot, KIND_EVENTS, RIGHT_READ, &error);
    if (!error && (frame_check(account, setup->frame, FRAME_PLAIN) ||
                   frame_at(setup->frame)->owner != frame_at(context->self)->owner ||
                   frame_at(setup->frame)->flags & FRAME_SIZE))
        error = E_PERM;
    if (!error && events)
        error = event_join(events, context);
    error = error ? error : pin_hold(context->self, setup->frame, NULL);
    error = error ? error : arch_upcalls_set(context, setup);
    if (error) {
        pin_drop(&context->upcall_pin);
        event_leave(context);
        return result_error(error);
    }
    context->upcall_frame = (uint32_t)setup->frame;
    context->event_mask = setup->event_mask;
    for (int i = 0; i < UPCALL_COUNT; i++)
        context->entries |= (setup->entry[i] != 0) << i;
    return result_ok(0);
}

bool
context_interrupted(struct context *context)
{
    if (context->due & MASKABLE || arch_upcall_pending(context) & MASKABLE)
        return true;
    if (!context->deadline_ns || clock_now() < context->deadline_ns)
        return false;
    context->deadline_ns = 0;
    return true;
}

struct result
deadline_set(uint64_t time_ns)
{
    struct cpu *cpu = cpu_this();

    cpu->current->deadline_ns = time_ns;
    slice_arm(cpu);
    return result_ok(0);
}

/* ---- upcalls that the kernel begins ---- */

/* How soon it would see an upcall; 0: never. */
static int
readiness(const struct context *context)
{
    if (context->phase == CONTEXT_STOPPED)
        return 0;
    if (context->on && (cpu_at(context->on - 1)->current == context || planted(PLANT_SOONEST)))
        return 3;
    return context->phase == CONTEXT_WAITING ? 2 : 1;
}

struct context *
context_soonest(const uint32_t *frames, uint32_t n, uint64_t mask)
{
    struct context *best = NULL;

    for (uint32_t i = 0; i < n; i++) {
        struct context *context = arch_context_of(frames[i]);
        if ((context->event_mask & mask) == mask &&
            readiness(context) > (best ? readiness(best) : 0))
            best = context;
    }
    return best;
}

void
context_due(struct context *context, enum upcall kind)
{
    if (!(context->entries >> kind & 1)) {
        if (!(1u << kind & MASKABLE))
            return;
        arch_upcall_pend(context, kind);
        if (context->phase == CONTEXT_WAITING)
            wait_interrupt(context);
        return;
    }
    context->due |= 1u << kind;
    if (context == context_current())
        arch_timer_set(1); /* as soon as it is back in a library */
    else if (context->on)
        transfer_due(context);
    else if (context->phase == CONTEXT_WAITING && 1u << kind & MASKABLE)
        wait_interrupt(context);
}

void
context_posted(struct context *context)
{
    uint64_t now = clock_now();
    bool told = context->entries >> UPCALL_EVENT & 1;

    if (told && context->on && now < context->post_ns && !transfer_is_parked(context) &&
        !planted(PLANT_POST_RATE)) {
        context->due |= 1u << UPCALL_EVENT; /* the timer is set for post_ns */
        return;
    }
    context->post_ns = now + EVENT_POST_GAP_NS;
    context_due(context, UPCALL_EVENT);
}

bool
context_deliver(struct context *context)
{
    for (int kind = 0; kind < UPCALL_COUNT; kind++) {
        enum context_cause cause;
        if (!(context->due >> kind & 1))
            continue;
        context->due &= ~(1u << kind);
        if ((1u << kind & MASKABLE) && arch_upcall_masked(context, (enum upcall)kind)) {
            arch_upcall_pend(context, (enum upcall)kind);
        } else if (!arch_upcall(context, (enum upcall)kind, &cause)) {
            if (cause == CAUSE_DEPTH) { /* not the library's doing: it may be deep in its work */
                arch_upcall_pend(context, (enum upcall)kind);
                continue;
            }
            context_end(context, cause, 0);
            return false;
        }
    }
    return true;
}
