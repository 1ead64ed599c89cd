/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - protected control transfer: entries, and the calls, posts and returns that
 * kernel/x86/transfer.S does not settle itself. Who waits for whom, and who stops: chain.c.
 *
 * Invariants are those of transfer.h.
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
#include "plant.h"

bool transfer_unchecked; /* transfer.S, in the test build: any slot is called */

static struct entry *
entry_of(const struct context *context)
{
    return context->entry ? frame_address(context->entry) : NULL;
}

/* Nobody is in it any more: the next may call. It is off the processor, or about to be left. */
static void
entry_park(struct context *context)
{
    struct entry *entry = entry_of(context);

    context->on = context->stop_asked ? 0 : context->entry_cpu + 1; /* T3 */
    if (context->stop_asked) {
        context_end(context, CAUSE_STOPPED, 0);
        return;
    }
    context->hidden = context->due != 0;
    if (!context->hidden) /* pairs with entry_unpark and transfer.S */
        atomic_store_explicit(&entry->parked[context->entry_cpu], context, memory_order_release);
}

/* Takes the activation of (entry, cpu) if nobody is in it (T2); NULL: there is none, or it is busy.
 */
static struct context *
entry_unpark(struct entry *entry, uint64_t cpu)
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

void
entry_leave(struct context *context)
{
    entry_of(context)->holder[context->entry_cpu] = NULL;
    frame_unref(context->entry);
    context->entry = 0;
}

bool
transfer_retrieve(struct context *context)
{
    struct entry *entry = entry_of(context);

    if (!entry || !transfer_is_parked(context) || !entry_unpark(entry, context->entry_cpu))
        return false;
    context->on = 0;
    entry_leave(context);
    return true;
}

/* A parked activation is sent away: it runs on at its entry point, called by nobody. */
static void
withdraw(struct context *context)
{
    if (!context || !transfer_retrieve(context))
        return;
    arch_transfer_begin(context, NULL, 0);
    slice_ready(context);
}

void
entry_release(struct entry *entry)
{
    for (uint64_t cpu = 0; cpu < CPUS_MAX; cpu++)
        withdraw(entry->holder[cpu]);
    lock_quiesce(); /* T7: the slots have fallen before */
}

void
transfer_due(struct context *context)
{
    if (transfer_is_parked(context)) {
        (void)entry_unpark(entry_of(context), context->entry_cpu);
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

/* ---- entries ---- */

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
    if (context->entry || context->phase != CONTEXT_READY || chain_below(context) ||
        context->above || (context->on && context != context_current()))
        return E_BUSY;
    return entry->holder[index_masked(setup->cpu, CPUS_MAX)] ? E_EXIST : 0;
}

/* The current context is parked, and its slice over. */
static _Noreturn void
entry_leave_parked(struct cpu *cpu)
{
    struct context *context = cpu->current;

    context->overruns = 0;
    slice_settle(cpu, clock_now());
    slice_off(cpu);
    entry_park(context);
    slice_schedule(cpu);
}

struct result
transfer_serve(struct entry *entry, struct context *context, const struct transfer_setup *setup)
{
    struct cpu *cpu = cpu_this();
    bool again = serves(context, entry, setup);
    int error = serve_check(entry, context, setup);

    if (error)
        return result_error(error);
    if (!again) {
        context->entry = (uint32_t)frame_of(entry);
        context->entry_cpu = (uint32_t)index_masked(setup->cpu, CPUS_MAX);
        frame_ref(context->entry);
        entry->holder[context->entry_cpu] = context;
        for (struct account *a = account_at(frame_at(context->self)->owner); a;
             a = account_parent(a))
            a->serves = true;
    }
    arch_transfer_set(context, setup, &entry->parked[context->entry_cpu]);
    if (again)
        return result_ok(0);
    if (context == cpu->current)
        entry_leave_parked(cpu);
    entry_park(context);
    return result_ok(0);
}

/*
 * The activation that a call on this processor enters: its own, else the next one's that is free,
 * else one that is busy; NULL: there is none.
 */
static struct context *
entry_near(const struct entry *entry, uint32_t from)
{
    struct context *found = NULL;

    for (uint32_t i = 0; i < cpu_count(); i++) {
        struct context *context = entry->holder[(from + i) % cpu_count()];
        if (!context || context_dying(context))
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
    struct context *holder = entry ? entry_near(entry, cpu_this()->number) : NULL;

    if (!entry)
        return NULL;
    *error = holder && slice_can_run(transfer_top(holder, NULL)) ? 0 : E_AGAIN;
    return *error ? NULL : holder;
}

struct result
transfer_withdraw(struct entry *entry, uint64_t cpu)
{
    struct context *holder;

    if (cpu >= CPUS_MAX)
        return result_error(E_INVAL);
    cpu = index_masked(cpu, CPUS_MAX);
    holder = entry->holder[cpu];
    if (!holder)
        return result_error(E_NOENT);
    if (!transfer_is_parked(holder))
        return result_error_at(E_AGAIN, holder->self);
    withdraw(holder);
    return result_ok(0);
}

/* ---- calls, posts, returns ---- */

/*
 * The activation behind a slot, unparked and with the current context's message; or NULL, an error
 * and *detail, and nothing has changed.
 */
static struct context *
callee_begin(struct cpu *cpu, uint64_t slot, int *error, uint64_t *detail)
{
    struct entry *entry = slot_object(slot, KIND_ENTRY, RIGHT_RUN, error);
    struct context *callee = entry ? entry_near(entry, cpu->number) : NULL;

    if (!entry)
        return NULL;
    *error = E_NOENT;
    if (!callee)
        return NULL;
    *error = E_AGAIN;
    *detail = callee->self;
    callee = entry_unpark(entry, callee->entry_cpu);
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

    if (chain_depth(caller) >= TRANSFER_DEPTH_MAX && !planted(PLANT_CALL_DEPTH))
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
        chain_part(caller, context);
        slice_ready(caller);
    }
    entry_leave_parked(cpu);
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
    entry_park(context);
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
    plant_call_ends(-error);
    if (error)
        arch_context_result(cpu->current, -error, detail);
    if (cpu->current->due && !context_deliver(cpu->current))
        slice_schedule(cpu);
    transfer_room(cpu);
    slice_arm(cpu);
    arch_resume(cpu->current);
}
