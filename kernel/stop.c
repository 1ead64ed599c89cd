/* SPDX-License-Identifier: MIT */
/*
 * stop.c - a context in the hands of who holds it: stopped, its registers and memory read and
 * written, resumed. Invariants X1 and X2 of context.h.
 */
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/lock.h"
#include "kernel/pt.h"
#include "kernel/slice.h"
#include "kernel/transfer.h"
#include "plant.h"

/*
 * The processor that it is on is to stop it: E_INPROGRESS; or has enough to stop, and hears of that:
 * E_AGAIN; 0: it has parked meanwhile.
 */
static int
stop_ask(struct context *context)
{
    struct cpu *cpu = cpu_at(context->on - 1);
    bool asked = context->stop_asked;

    if (!asked && cpu->stops == CONTEXT_STOPS_MAX && !planted(PLANT_STOPS)) {
        slice_ask(cpu);
        return E_AGAIN;
    }
    context->stop_asked = 1;
    context->due |= DUE_STOP;
    lock_quiesce(); /* it may have been about to park, and have seen nothing due */
    if (transfer_retrieve(context))
        return 0;
    cpu->stops += !asked;
    slice_ask(cpu);
    return E_INPROGRESS;
}

struct result
context_stop(struct context *context)
{
    struct cpu *cpu = cpu_this();
    int error = 0;

    (void)transfer_retrieve(context);
    if (context->on && context != cpu->current)
        error = stop_ask(context);
    if (error)
        return result_error(error);
    context_end(context, CAUSE_STOPPED, 0);
    if (context == cpu->current) {
        arch_context_result(context, 0, 0); /* should it be resumed */
        slice_schedule(cpu);
    }
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

    return way == COPY_POKE && frame_check(account, frame_head(frame), FRAME_PLAIN) ? 0 : frame;
}

struct result
context_copy(struct context *context, uint64_t va, uint64_t ours, uint64_t n, enum copy_way way)
{
    uint64_t done = 0, absent = 0;

    if (n < 1 || n > FRAME_BYTES || va >= USER_TOP)
        return result_error(E_INVAL);
    (void)contexts_settle(0); /* whoever's it is, and wherever he runs */
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
