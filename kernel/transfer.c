/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - protected control transfer: the calls, posts and returns that kernel/x86/transfer.S
 * does not settle itself. Where activations lie: entry.c; who waits for whom: chain.c.
 *
 * Invariants are those of transfer.h.
 * The return record of a call is the calling context itself: its rip and rsp in its own frame, the
 * link in the callee's. So there is no stack to overflow or to supply, and a record lives exactly
 * as long as the one that it would wake.
 */
#include "kernel/transfer.h"
#include "abi/error.h"
#include "abi/transfer.h"
#include "kernel/arch.h"
#include "kernel/chain.h"
#include "kernel/context.h"
#include "kernel/lock.h"
#include "kernel/slice.h"
#include "kernel/slot.h"
#include "kernel/step.h"
#include "plant.h"

bool transfer_unchecked; /* transfer.S, in the test build: any slot is called */

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
    if (error)
        arch_context_result(cpu->current, -error, detail);
    if (cpu->current->due && !context_deliver(cpu->current))
        slice_schedule(cpu);
    transfer_room(cpu);
    slice_arm(cpu);
    arch_resume(cpu->current);
}
