/* SPDX-License-Identifier: MIT */
/*
 * chain.c - who waits for whose return, on a processor and off it, and what becomes of the others
 * when one of a chain stops. Invariants are T1 to T6 of transfer.h.
 */
#include "kernel/transfer.h"
#include "abi/error.h"
#include "abi/transfer.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/slice.h"
#include "kernel/steps.h"
#include "plant.h"

struct context *
chain_below(const struct context *context)
{
    return context->caller ? context->caller : context->held;
}

bool
context_dying(const struct context *context)
{
    return account_dying(frame_at(context->self)->owner);
}

uint32_t
chain_depth(const struct context *context)
{
    uint32_t n = 0;

    while ((context = chain_below(context)))
        n++;
    return n;
}

const struct context *
transfer_base(const struct context *context)
{
    const struct context *next;

    while ((next = chain_below(context)))
        context = next;
    return context;
}

/* ---- chains that run and chains that do not ---- */

void
transfer_off(struct context *current)
{
    for (struct context *x = current; x; x = x->caller) {
        x->on = 0;
        if (!x->caller)
            break;
        x->caller->above = x; /* T4 */
        x->caller->phase = CONTEXT_CALLING;
    }
}

void
chain_part(struct context *caller, struct context *callee)
{
    callee->caller = callee->held = NULL;
    caller->above = NULL;
    caller->phase = CONTEXT_READY;
}

/* The callee will never return. Both are on no processor. */
static void
fail(struct context *caller, struct context *callee)
{
    chain_part(caller, callee);
    arch_transfer_fail(caller, planted(PLANT_CALL_DEAD) ? 0 : -E_OWNERDEAD);
    slice_ready(caller);
}

struct context *
transfer_top(struct context *named, uint64_t *steps)
{
    struct context *x = named;

    if (cpu_this()->payer == named) /* T3: the links are those of current */
        return context_current();
    while (x->above) {
        struct context *next = x->above;
        if (steps)
            steps_use(steps, accounts_dying ? 2 : 1);
        if (context_dying(next) && !next->on)
            fail(x, next);
        else
            x = next;
    }
    return x;
}

struct context *
transfer_on(struct cpu *cpu, struct context *named)
{
    struct context *x = named, *next;

    if (x->caller) { /* a slice of its own: who waits for it neither pays nor runs in it */
        x->held = x->caller;
        x->caller = NULL;
    }
    for (; (next = x->above); x = next) {
        next->caller = x;
        next->held = NULL;
        x->above = NULL;
        x->phase = CONTEXT_READY;
        x->on = cpu->number + 1;
    }
    x->on = cpu->number + 1;
    return x;
}

/*
 * T8. On a processor that is not its home an activation's return is looked at, for T3. Who may call
 * and return without a look is where its root says: root.S had taken that from it.
 */
void
transfer_room(struct cpu *cpu)
{
    uint32_t depth = chain_depth(cpu->current);
    bool settle =
        !planted(PLANT_IDENTITY) && (!accounts_dying || planted(PLANT_CALL_DYING)); /* T8 */

    if (planted(PLANT_ENTRY_SLOT))
        transfer_unchecked = true;
    if (!planted(PLANT_ROOM))
        context_settle(cpu->current);
    for (const struct context *x = cpu->current; x; x = x->caller)
        settle = settle && (!x->entry || x->entry_cpu == cpu->number);
    if (planted(PLANT_CALL_DEPTH))
        depth = 0;
    arch_transfer_room(cpu, depth < TRANSFER_DEPTH_MAX ? TRANSFER_DEPTH_MAX - depth : 0, settle);
}

uint64_t
transfer_deadline(const struct context *context)
{
    uint64_t first = 0;

    for (; context; context = context->caller)
        first = earlier(first, earlier(context->deadline_ns, context->post_ns));
    return first;
}

/* ---- ends ---- */

/* Is it one of those that wait for the current context of this processor, or that itself? */
static bool
in_running(const struct context *context)
{
    const struct context *x = context_current();

    while (x && x != context)
        x = x->caller;
    return x;
}

/*
 * The chain that runs is cut above `context`: what is above runs on, on its own, and no more in
 * this slice; `context` is the top of what is left, which is off the processor.
 */
static void
cut_running(struct context *context)
{
    struct cpu *cpu = cpu_this();
    struct context *above = NULL;

    for (struct context *x = cpu->current; x != context; x = x->caller)
        above = x;
    transfer_off(context);
    if (!above)
        return;                           /* it is current, and about to leave */
    arch_transfer_fail(context, -E_INTR); /* should it be resumed */
    above->caller = NULL;
    cpu->payer = NULL;
    arch_timer_set(1); /* as soon as it is back in a library */
}

void
transfer_end(struct context *context)
{
    struct context *above, *caller;

    if (in_running(context))
        cut_running(context);
    above = context->above;
    if (above && !planted(PLANT_CALL_LOST)) { /* lost: it runs to its return in its own slices */
        context->above = NULL;
        above->caller = above->held = NULL;
        arch_transfer_fail(context, -E_INTR); /* should it be resumed */
        slice_ready(transfer_top(above, NULL));
    }
    caller = chain_below(context);
    if (caller)
        fail(caller, context);
    if (context->entry)
        entry_leave(context);
}

/* Something is due to one that waits, if the time of it has come. */
static void
tick_time(struct context *x, uint64_t now_ns)
{
    if (x->deadline_ns && now_ns >= x->deadline_ns) {
        x->deadline_ns = 0;
        context_due(x, UPCALL_EVENT);
    }
    if (now_ns >= x->post_ns)
        x->post_ns = 0;
}

/*
 * Of those that end the one next to the base is first: so each that waits is made ready once, as the
 * top of what it is in from then on, and no link is followed for one that is above.
 */
void
transfer_tick(struct cpu *cpu, uint64_t now_ns)
{
    struct context *ends[TRANSFER_DEPTH_MAX]; /* T5 */
    uint32_t n = 0;

    for (struct context *x = cpu->current->caller; x; x = x->caller) {
        bool over = (x->stop_asked || context_dying(x)) && n < TRANSFER_DEPTH_MAX;
        if (over)
            ends[n++] = x;
        else
            tick_time(x, now_ns);
    }
    cpu->stops = 0;
    while (n-- > 0) {
        if (ends[n]->stop_asked)
            context_end(ends[n], CAUSE_STOPPED, 0);
        else
            transfer_end(ends[n]);
    }
}
