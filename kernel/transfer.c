/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - protected control transfer: entries, calls and returns that kernel/x86/transfer.S
 * does not settle itself, and what becomes of a chain when one of it stops.
 *
 * Invariants are T1 to T6 of transfer.h.
 * The return record of a call is the calling context itself: its rip and rsp in its own frame, the
 * link in the callee's. So there is no stack to overflow or to supply, and a record lives exactly
 * as long as the one that it would wake.
 */
#include "kernel/transfer.h"
#include "abi/transfer.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/lock.h"
#include "kernel/slice.h"
#include "kernel/slot.h"
#include "kernel/step.h"
#include "plant.h"

bool transfer_unchecked; /* transfer.S, in the test build: any slot is called */

static struct context *
below(const struct context *context)
{
    return context->caller ? context->caller : context->held;
}

static bool
dying(const struct context *context)
{
    return account_dying(frame_at(context->self)->owner);
}

/* How many wait for it, one for the other. */
static uint32_t
depth_of(const struct context *context)
{
    uint32_t n = 0;

    while ((context = below(context)))
        n++;
    return n;
}

const struct context *
transfer_base(const struct context *context)
{
    const struct context *next;

    while ((next = below(context)))
        context = next;
    return context;
}

/* ---- parking ---- */

static struct entry *
entry_of(const struct context *context)
{
    return context->entry ? frame_address(context->entry) : NULL;
}

/* Nobody is in it any more: the next may call. It is off the processor, or about to be left. */
static void
park(struct context *context)
{
    struct entry *entry = entry_of(context);

    context->on = context->entry_cpu + 1; /* T3 */
    context->hidden = context->due != 0;
    if (!context->hidden) /* pairs with unpark and transfer.S */
        atomic_store_explicit(&entry->parked[context->entry_cpu], context, memory_order_release);
}

/* Takes the activation of (entry, cpu) if nobody is in it (T2); NULL: there is none, or it is busy.
 */
static struct context *
unpark(struct entry *entry, uint64_t cpu)
{
    struct context *context =
        atomic_exchange_explicit(&entry->parked[cpu], NULL, memory_order_acq_rel);

    if (!context && entry->holder[cpu] && entry->holder[cpu]->hidden)
        context = entry->holder[cpu];
    if (context)
        context->hidden = false;
    return context;
}

bool
transfer_is_parked(const struct context *context)
{
    const struct entry *entry = entry_of(context);

    return entry && (context->hidden || atomic_load_explicit(&entry->parked[context->entry_cpu],
                                                             memory_order_relaxed) == context);
}

/* It serves no entry any more. */
static void
leave_entry(struct context *context)
{
    entry_of(context)->holder[context->entry_cpu] = NULL;
    frame_unref(context->entry);
    context->entry = 0;
}

void
transfer_retrieve(struct context *context)
{
    struct entry *entry = entry_of(context);

    if (!entry || !transfer_is_parked(context) || !unpark(entry, context->entry_cpu))
        return;
    context->on = 0;
    leave_entry(context);
}

/* A parked activation is sent away: it runs on at its entry point, called by nobody. */
static void
withdraw(struct entry *entry, uint64_t cpu)
{
    struct context *context = unpark(entry, cpu);

    if (!context)
        return;
    context->on = 0;
    leave_entry(context);
    arch_transfer_begin(context, NULL, 0);
    slice_ready(context);
}

void
entry_release(struct entry *entry)
{
    for (uint64_t cpu = 0; cpu < CPUS_MAX; cpu++)
        withdraw(entry, cpu);
    lock_quiesce(); /* T7: the slots have fallen before */
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

/* `caller` waits for nobody any more: the one above has returned, died or been lost. */
static void
part(struct context *caller, struct context *callee)
{
    callee->caller = callee->held = NULL;
    caller->above = NULL;
    caller->phase = CONTEXT_READY;
}

/* The callee will never return. Both are on no processor. */
static void
fail(struct context *caller, struct context *callee)
{
    part(caller, callee);
    arch_transfer_fail(caller, planted(PLANT_CALL_DEAD) ? 0 : -E_OWNERDEAD);
    slice_ready(caller);
}

struct context *
transfer_top(struct context *named)
{
    struct context *x = named;

    if (cpu_this()->payer == named) /* T3: the links are those of current */
        return context_current();
    while (x->above) {
        struct context *next = x->above;
        if (dying(next) && !next->on)
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

/* T8. On a processor that is not its home an activation's return is looked at, for T3. */
void
transfer_room(struct cpu *cpu)
{
    uint32_t depth = depth_of(cpu->current);
    bool settle =
        !planted(PLANT_IDENTITY) && (!accounts_dying || planted(PLANT_CALL_DYING)); /* T8 */

    if (planted(PLANT_ENTRY_SLOT))
        transfer_unchecked = true;

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

    for (; context; context = context->caller) {
        if (context->deadline_ns && (!first || context->deadline_ns < first))
            first = context->deadline_ns;
        if (context->post_ns && (!first || context->post_ns < first))
            first = context->post_ns;
    }
    return first;
}

void
transfer_due(struct context *context)
{
    if (transfer_is_parked(context)) {
        (void)unpark(entry_of(context), context->entry_cpu);
        context->hidden = true; /* the next call looks at it */
        return;
    }
    if (context->on == cpu_this()->number + 1)
        return;
    lock_quiesce(); /* it may have been about to park, and have seen nothing due */
    if (transfer_is_parked(context))
        transfer_due(context);
    else
        slice_ask(cpu_at(context->on - 1));
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
        return; /* it is current, and about to leave */
    above->caller = NULL;
    cpu->payer = NULL;
    slice_hurry();
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
        slice_ready(transfer_top(above));
    }
    caller = below(context);
    if (caller)
        fail(caller, context);
    if (context->entry)
        leave_entry(context);
}

void
transfer_tick(struct cpu *cpu, uint64_t now_ns)
{
    struct context *next;

    for (struct context *x = cpu->current->caller; x; x = next) {
        next = x->caller;
        if (x->stop_asked)
            context_end(x, CAUSE_STOPPED, 0);
        else if (dying(x))
            transfer_end(x);
        else if (x->deadline_ns && now_ns >= x->deadline_ns) {
            x->deadline_ns = 0;
            context_due(x, UPCALL_EVENT);
        }
        if (now_ns >= x->post_ns)
            x->post_ns = 0;
    }
}

/* ---- the calls ---- */

/* Is it an activation there already, which only wants to begin elsewhere? */
static bool
serves(const struct context *context, const struct entry *entry, const struct transfer_setup *setup)
{
    return context == context_current() && context->entry == frame_of(entry) &&
           context->entry_cpu == setup->cpu;
}

static int
serve_check(const struct entry *entry, const struct context *context,
            const struct transfer_setup *setup)
{
    if (setup->cpu >= cpu_count() || setup->reserved)
        return E_INVAL;
    if ((setup->rip >= USER_TOP || setup->rsp >= USER_TOP) && !planted(PLANT_ENTRY_POINT))
        return E_INVAL;
    if (frame_at(frame_of(entry))->owner != frame_at(context->self)->owner)
        return E_PERM;
    if (serves(context, entry, setup))
        return 0;
    if (context->entry || context->phase != CONTEXT_READY || below(context) || context->above ||
        (context->on && context != context_current()))
        return E_BUSY;
    return entry->holder[index_masked(setup->cpu, CPUS_MAX)] ? E_EXIST : 0;
}

/* The current context is parked, and its slice over. */
static _Noreturn void
leave_parked(struct cpu *cpu)
{
    struct context *context = cpu->current;

    context->overruns = 0;
    slice_settle(cpu, clock_now());
    slice_off(cpu);
    park(context);
    slice_schedule(cpu);
}

struct result
transfer_serve(struct entry *entry, struct context *context, uint64_t setup_va)
{
    struct cpu *cpu = cpu_this();
    struct transfer_setup setup;
    uint64_t absent = copy_in(&setup, setup_va, sizeof(setup));
    bool self = context == cpu->current;
    int error;

    if (absent)
        return result_error_at(E_FAULT, absent);
    error = serve_check(entry, context, &setup);
    if (error)
        return result_error(error);
    if (serves(context, entry, &setup)) {
        arch_transfer_set(context, &setup, &entry->parked[context->entry_cpu]);
        return result_ok(0);
    }
    context->entry = (uint32_t)frame_of(entry);
    context->entry_cpu = (uint32_t)index_masked(setup.cpu, CPUS_MAX);
    frame_ref(context->entry);
    entry->holder[context->entry_cpu] = context;
    arch_transfer_set(context, &setup, &entry->parked[context->entry_cpu]);
    if (self)
        leave_parked(cpu);
    park(context);
    return result_ok(0);
}

/*
 * The activation that a call on this processor enters: its own, else the next one's that is free,
 * else one that is busy; NULL: there is none.
 */
static struct context *
activation_near(const struct entry *entry, uint32_t from)
{
    struct context *found = NULL;

    for (uint32_t i = 0; i < cpu_count(); i++) {
        struct context *context = entry->holder[(from + i) % cpu_count()];
        if (!context || dying(context))
            continue;
        if (transfer_is_parked(context))
            return context;
        found = found ? found : context;
        if (i == 0)
            break; /* who has one here waits for that */
    }
    return found;
}

struct context *
transfer_holder(uint64_t slot, int *error)
{
    const struct entry *entry = slot_object(slot, KIND_ENTRY, RIGHT_RUN, error);
    struct context *holder = entry ? activation_near(entry, cpu_this()->number) : NULL;

    if (!entry)
        return NULL;
    *error = holder && slice_can_run(transfer_top(holder)) ? 0 : E_AGAIN;
    return *error ? NULL : holder;
}

struct result
transfer_withdraw(struct entry *entry, uint64_t cpu)
{
    const struct context *holder;

    if (cpu >= CPUS_MAX)
        return result_error(E_INVAL);
    cpu = index_masked(cpu, CPUS_MAX);
    holder = entry->holder[cpu];
    if (!holder)
        return result_error(E_NOENT);
    if (!transfer_is_parked(holder))
        return result_error_at(E_AGAIN, holder->self);
    withdraw(entry, cpu);
    return result_ok(0);
}

/*
 * The activation behind a slot, unparked and with the current context's message; or NULL, an error
 * and *detail, and nothing has changed.
 */
static struct context *
callee_begin(struct cpu *cpu, uint64_t slot, int *error, uint64_t *detail)
{
    struct entry *entry = slot_object(slot, KIND_ENTRY, RIGHT_RUN, error);
    struct context *callee = entry ? activation_near(entry, cpu->number) : NULL;

    if (!entry)
        return NULL;
    *error = E_NOENT;
    if (!callee)
        return NULL;
    *error = E_AGAIN;
    *detail = callee->self;
    callee = unpark(entry, callee->entry_cpu);
    if (callee)
        arch_transfer_begin(callee, cpu->current, slot_cell(slot));
    return callee;
}

/* 0, or an error with *detail. */
static int
call(struct cpu *cpu, uint64_t slot, uint64_t *detail)
{
    struct context *caller = cpu->current, *callee;
    int error = 0;

    if (depth_of(caller) >= TRANSFER_DEPTH_MAX && !planted(PLANT_CALL_DEPTH))
        return E_LOOP; /* T5 */
    callee = callee_begin(cpu, slot, &error, detail);
    if (!callee)
        return error;
    callee->caller = caller;
    callee->on = cpu->number + 1;
    arch_transfer_hand(cpu, callee);
    return 0;
}

/* The callee gets the rest of the slice, and the caller no answer: an error, or it does not return.
 */
static int
post(struct cpu *cpu, uint64_t slot, uint64_t *detail)
{
    int error = 0;
    struct context *callee = callee_begin(cpu, slot, &error, detail);

    if (!callee)
        return error;
    arch_transfer_vectors(callee);
    callee->on = 0;
    slice_donate(cpu, callee);
}

/* The current context returns where nobody waits on this processor: the slice is another's. */
static _Noreturn void
return_alone(struct cpu *cpu)
{
    struct context *context = cpu->current, *caller = context->held;

    if (caller) {
        arch_transfer_answer(caller, context);
        arch_transfer_vectors(caller);
        part(caller, context);
        slice_ready(caller);
    }
    leave_parked(cpu);
}

static int
answer(struct cpu *cpu, uint64_t slot, uint64_t *detail)
{
    struct context *context = cpu->current, *caller = context->caller;

    (void)slot;
    (void)detail;
    if (!context->entry && !planted(PLANT_STRANGER))
        return E_PERM;
    if (!caller)
        return_alone(cpu);
    arch_transfer_answer(caller, context);
    context->caller = NULL;
    arch_transfer_hand(cpu, caller);
    park(context);
    return 0;
}

/* A call that transfer.S, which has saved the current context's registers, has left to us. */
_Noreturn void transfer_slow(uint64_t slot, uint64_t what);
void
transfer_slow(uint64_t slot, uint64_t what)
{
    static int (*const calls[])(struct cpu *, uint64_t, uint64_t *) = {call, post, answer};
    struct cpu *cpu = cpu_this();
    uint64_t detail = 0;
    int error;

    kernel_lock();
    context_settle(cpu->current); /* root.S may have changed its root */
    error = calls[what](cpu, slot, &detail);
    if (error)
        arch_context_result(cpu->current, -error, detail);
    if (cpu->current->due && !context_deliver(cpu->current))
        slice_schedule(cpu);
    transfer_room(cpu);
    slice_arm(cpu);
    arch_resume(cpu->current);
}
