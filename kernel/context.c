/* SPDX-License-Identifier: MIT */
/*
 * context.c - what runs: made, given its upcalls, stopped, read and written.
 * Invariants are those of context.h.
 */
#include "kernel/context.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/epoch.h"
#include "kernel/event.h"
#include "kernel/frame.h"
#include "kernel/pt.h"
#include "kernel/revoke.h"
#include "kernel/slice.h"
#include "kernel/slot.h"
#include "kernel/transfer.h"
#include "kernel/trace.h"
#include "kernel/wait.h"
#include "plant.h"

enum { MASKABLE = 1 << UPCALL_SLICE_END | 1 << UPCALL_EVENT | 1 << UPCALL_REVOKE };

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

static bool
start_is_users(const struct context_start *start)
{
    return (start->rip < USER_TOP && start->rsp < USER_TOP) || planted(PLANT_START);
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
    const struct events *stop_events;
    int error;

    if (absent)
        return result_error_at(E_FAULT, absent);
    stop_events = slot_optional(start.stop_slot, KIND_EVENTS, RIGHT_POST, &error);
    error = error ? error : frame_check_unused(account, frame);
    error = error ? error : frame_check_unused(account, start.vector_frame);
    error = error ? error : slot_check_empty(into);
    if (!error && (!start_is_users(&start) || start.stop_index >= EVENTS_PER_FRAME ||
                   start.vector_frame == frame))
        error = E_INVAL;
    if (error)
        return epoch_error(error);
    if (planted(PLANT_FETCH))
        (void)copy_in(&start, start_va, sizeof(start));
    context = context_create(env, frame_of(env), frame, &start);
    if (stop_events) {
        context->stop_events = (uint32_t)frame_of(stop_events);
        frame_ref(context->stop_events);
    }
    slot_fill(into, &context->cell);
    return result_ok(0);
}

struct result
upcalls_set(struct account *account, const struct upcall_setup *setup)
{
    struct context *context = context_current();
    struct events *events;
    int error;

    if (context->upcall_frame)
        return result_error(E_EXIST);
    events = slot_optional(setup->events_slot, KIND_EVENTS, RIGHT_READ, &error);
    if (!error && (frame_check(account, setup->frame, FRAME_PLAIN) ||
                   frame_at(setup->frame)->owner != frame_at(context->self)->owner ||
                   frame_at(setup->frame)->flags & FRAME_SIZE))
        error = E_PERM;
    if (!error && events)
        error = event_join(events, context->self);
    if (error)
        return result_error(error);
    error = pin_hold(context->self, 0, setup->frame, NULL);
    if (!error && (error = arch_upcalls_set(context, setup)) != 0)
        pin_drop(&context->upcall_pin);
    if (error) {
        if (events)
            event_leave(events, context->self);
        return result_error(error);
    }
    context->upcall_frame = (uint32_t)setup->frame;
    context->event_mask = setup->event_mask;
    for (int i = 0; i < UPCALL_COUNT; i++)
        context->entries |= (setup->entry[i] != 0) << i;
    if (events) {
        context->events = (uint32_t)frame_of(events);
        frame_ref(context->events);
    }
    return result_ok(0);
}

void
context_release(struct context *context)
{
    context_end(context, CAUSE_DESTROYED, 0);
    revoke_deafen(context);
    if (context->events) {
        event_leave(frame_address(context->events), context->self);
        frame_unref(context->events);
    }
    if (context->stop_events)
        frame_unref(context->stop_events);
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
    trace(TRACE_STOP, context->self, cause);
    context->phase = CONTEXT_STOPPED;
    context->cause = cause;
    context->status = status;
    transfer_end(context);
    if (context->stop_events)
        event_raise(frame_address(context->stop_events), context->stop_index, 1);
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

struct result
context_stop(struct context *context)
{
    struct cpu *cpu = cpu_this();

    (void)transfer_retrieve(context);
    if (context->on && context != cpu->current) {
        context->stop_asked = 1;
        slice_ask(cpu_at(context->on - 1));
        return result_error(E_INPROGRESS);
    }
    context_end(context, CAUSE_STOPPED, 0);
    if (context == cpu->current)
        slice_schedule(cpu);
    return result_ok(0);
}

struct result
context_read(struct context *context, struct context_state *out)
{
    out->phase = transfer_is_parked(context) ? CONTEXT_PARKED : context->phase;
    out->cause = context->cause;
    out->status = context->status;
    out->charged_cycles = context->charged_cycles;
    arch_context_registers(context, &out->save);
    return result_ok(0);
}

/*
 * The frame at va of a context's memory, 0: none. Only its own account's are written, so that what
 * others show it read-only stays as it is; its own read-only pages are a debugger's to change.
 */
static uint64_t
context_frame(const struct context *context, uint64_t va, enum copy_way way)
{
    uint64_t frame = pt_translate(context->root, va);
    const struct account *account = account_at(frame_at(context->self)->owner);

    return way == COPY_POKE && frame_check(account, frame, FRAME_PLAIN) ? 0 : frame;
}

struct result
context_copy(struct context *context, uint64_t va, uint64_t ours, uint64_t n, enum copy_way way)
{
    uint64_t done = 0, absent = 0;

    if (n < 1 || n > FRAME_BYTES || va >= USER_TOP)
        return result_error(E_INVAL);
    context_settle(context_current());
    while (done < n && !absent) {
        uint64_t offset = (va + done) % FRAME_BYTES, frame = context_frame(context, va + done, way);
        uint64_t part = FRAME_BYTES - offset < n - done ? FRAME_BYTES - offset : n - done;
        char *at = (char *)frame_address(frame) + offset;
        if (!frame)
            break;
        absent =
            way == COPY_POKE ? copy_in(at, ours + done, part) : copy_out(ours + done, at, part);
        done += absent ? 0 : part;
    }
    return done ? result_ok((int64_t)done) : result_error_at(E_FAULT, absent ? absent : va);
}

struct result
context_write(struct context *context, const struct save_area *in)
{
    if (context->phase != CONTEXT_STOPPED)
        return result_error(E_BUSY);
    return arch_context_set_registers(context, in) ? result_error(E_INVAL) : result_ok(0);
}

struct result
context_resume(struct context *context)
{
    if (context->phase != CONTEXT_STOPPED || context->cause != CAUSE_STOPPED)
        return result_error(E_INVAL);
    context->phase = CONTEXT_READY;
    context->cause = CAUSE_NONE;
    slice_ready(context);
    return result_ok(0);
}

/* ---- time ---- */

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

/* ---- upcalls that the kernel begins ---- */

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
