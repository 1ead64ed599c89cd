/* SPDX-License-Identifier: MIT */
/*
 * context.c - what runs: made, put on another root, ended. Invariants are those of context.h.
 */
#include "kernel/context.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/epoch.h"
#include "kernel/event.h"
#include "kernel/frame.h"
#include "kernel/revoke.h"
#include "kernel/slice.h"
#include "kernel/slot.h"
#include "kernel/transfer.h"
#include "kernel/trace.h"
#include "kernel/wait.h"
#include "plant.h"

struct context *
context_current(void)
{
    return cpu_this()->current;
}

void
context_settle(struct context *context)
{
    uint32_t root = arch_context_stands(context);

    if (root == context->root)
        return;
    frame_ref(root);
    frame_unref(context->root);
    context->root = root;
}

bool
contexts_settle(uint64_t root)
{
    bool stands = false;

    for (uint32_t i = 0; i < cpu_count() && !planted(PLANT_ROOT); i++) {
        struct context *context = cpu_at(i)->current;
        if (!context)
            continue;
        context_settle(context);
        stands |= context->root == root;
    }
    return stands;
}

struct context *
context_create(struct env *env, uint64_t env_frame, uint64_t frame,
               const struct context_start *start)
{
    struct context *context =
        frame_become_part(frame, FRAME_CONTEXT, offsetof(struct context, clause));

    frame_become_part(start->vector_frame, FRAME_VECTOR, 0); /* arch_context_init fills it */
    frame_ref(start->vector_frame);
    frame_ref(env_frame);
    frame_ref(env->root);
    context->self = (uint32_t)frame;
    context->env = (uint32_t)env_frame;
    context->root = env->root;
    context->slots = frame_address(env->slots);
    context->own = account_at(frame_at(frame)->owner);
    context->root_word = frame_at(frame)->owner | (uint64_t)FRAME_PT4 << 32;
    context->root_slot_at = slot_find(context->slots, 0);
    context->vector_frame = (uint32_t)start->vector_frame;
    context->stop_index = start->stop_index;
    arch_context_init(context, start);
    cell_init(&context->cell, frame, KIND_CONTEXT);
    trace_context(context);
    return context;
}

struct result
context_make(struct env *env, uint64_t frame, uint64_t into, uint64_t start_va)
{
    struct account *account = account_at(env->account);
    struct context_start start;
    uint64_t absent = copy_in(&start, start_va, sizeof(start));
    struct context *context;
    struct cell *stop = NULL;
    int error = 0;

    if (absent)
        return result_error_at(E_FAULT, absent);
    if (start.stop_slot != SLOT_NOTHING)
        stop = slot_bound(start.stop_slot, KIND_EVENTS, RIGHT_POST, &error);
    error = error ? error : frame_check_unused(account, frame);
    error = error ? error : frame_check_unused(account, start.vector_frame);
    if (!error && frame_at(frame)->owner != frame_at(start.vector_frame)->owner)
        error = E_PERM; /* or one that ends would wait for the other */
    error = error ? error : slot_check_empty(into);
    if ((start.rip >= USER_TOP || start.rsp >= USER_TOP) && !planted(PLANT_START))
        error = error ? error : E_INVAL;
    if (!error && (start.stop_index >= EVENTS_PER_FRAME || start.vector_frame == frame))
        error = E_INVAL;
    if (error)
        return epoch_error(error);
    if (planted(PLANT_FETCH))
        (void)copy_in(&start, start_va, sizeof(start));
    context = context_create(env, frame_of(env), frame, &start);
    if (stop)
        leaf_hang(&context->stop, stop, LEAF_TOLD);
    slot_fill(into, &context->cell);
    return result_ok(0);
}

void
context_release(struct context *context)
{
    context_end(context, CAUSE_DESTROYED, 0);
    revoke_deafen(context);
    event_leave(context);
    leaf_drop(&context->stop);
    pin_drop(&context->upcall_pin);
    frame_unref(context->vector_frame);
    frame_retire(context->vector_frame);
    frame_unref(context->root);
    frame_unref(context->env);
}

void
context_end(struct context *context, enum context_cause cause, int64_t status)
{
    if (context->phase == CONTEXT_STOPPED)
        return; /* X1 */
    if (context->phase == CONTEXT_WAITING)
        wait_end(context);
    context->stop_asked = 0;
    context->due &= ~(uint32_t)DUE_STOP;
    trace(TRACE_STOP, context->self, cause);
    context->phase = CONTEXT_STOPPED;
    context->cause = cause;
    context->status = status;
    transfer_end(context);
    event_tell(&context->stop, context->stop_index);
}

struct result
context_exit(uint64_t status)
{
    struct cpu *cpu = cpu_this();

    context_end(cpu->current, CAUSE_EXIT, (int64_t)status);
    slice_schedule(cpu);
}

struct result
context_root(struct account *account, uint64_t root, uint64_t slot)
{
    struct context *context = context_current();
    int error = frame_check(account, root, FRAME_PT4);

    if (error)
        return result_error(error);
    if (frame_at(root)->owner != frame_at(context->self)->owner)
        return result_error(E_PERM);
    arch_context_root(context, root);
    context_settle(context);
    epoch_meet(cpu_this());
    if (account == context->own) {
        context->root_slot = slot;
        context->root_slot_at = slot_find(context->slots, slot);
    }
    return result_ok(0);
}

/* The rest of the slice goes to another context of the caller's choice, or to the next slice. */
struct result
yield(uint64_t to)
{
    struct cpu *cpu = cpu_this();
    int error;
    struct context *target = slot_optional(to, KIND_CONTEXT, RIGHT_RUN, &error);

    if (target && !slice_can_run(target))
        error = E_AGAIN;
    if (error == E_BADF)
        target = transfer_holder(to, &error);
    if (error)
        return result_error(error);
    arch_context_result(cpu->current, 0, 0);
    if (target)
        slice_donate(cpu, target);
    cpu->current->overruns = 0;
    slice_schedule(cpu);
}
