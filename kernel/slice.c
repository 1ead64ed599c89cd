/* SPDX-License-Identifier: MIT */
/*
 * slice.c - a processor's time: a vector of positions, run one after the other.
 *
 * Invariants
 *  S1 used has a bit for each position that is not empty; such a position names a context's frame.
 *  S2 the timer is set for the first of slice end, end of grace and deadline of what runs.
 *  S3 time whose owner cannot run goes to the next position that can; when none can, the
 *     processor halts until the first deadline or an interrupt.
 * Source  Engler, Kaashoek, O'Toole, SOSP '95: slices as a vector; upcall, grace, forced switch.
 */
#include "kernel/slice.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/transfer.h"
#include "kernel/trace.h"
#include "plant.h"

static struct context *
slice_context(const struct cpu *cpu, uint64_t position)
{
    return arch_context_of(cpu->slice[position].context);
}

/*
 * The first used position from `from` on, cyclically and `from` itself last; SLICE_POSITIONS: none.
 */
static uint64_t
position_after(const struct cpu *cpu, uint64_t from)
{
    enum { WORDS = SLICE_POSITIONS / 64 };
    uint64_t at = (from + 1) % SLICE_POSITIONS;
    uint64_t bits = cpu->used[at / 64] >> at % 64;

    if (bits)
        return at + (uint64_t)__builtin_ctzll(bits);
    for (uint64_t i = 1; i <= WORDS; i++) {
        uint64_t word = (at / 64 + i) % WORDS;
        if (cpu->used[word])
            return word * 64 + (uint64_t)__builtin_ctzll(cpu->used[word]);
    }
    return SLICE_POSITIONS;
}

/* The next position whose context can run now, the current one last; SLICE_POSITIONS: none. */
static uint64_t
position_runnable(const struct cpu *cpu, uint64_t now_ns)
{
    uint64_t first = position_after(cpu, cpu->position), at = first;

    if (first == SLICE_POSITIONS)
        return first;
    do {
        if (context_runnable(transfer_top(slice_context(cpu, at)), now_ns))
            return at;
        at = position_after(cpu, at);
    } while (at != first);
    return SLICE_POSITIONS;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return !a || (b && b < a) ? b : a;
}

void
slice_arm(const struct cpu *cpu)
{
    uint64_t end = cpu->grace_end_ns ? cpu->grace_end_ns : cpu->slice_end_ns; /* S2 */

    if (cpu->current->due)
        arch_timer_set(1);
    else if (!planted(PLANT_SLICE_TIMER))
        arch_timer_set(earlier(end, transfer_deadline(cpu->current)));
}

void
slice_hurry(void)
{
    arch_timer_set(1);
}

void
slice_ask(struct cpu *cpu)
{
    if (cpu->asked)
        return;
    cpu->asked = true;
    arch_interrupt(cpu);
}

void
slice_look(void)
{
    for (uint32_t i = 0; i < cpu_count(); i++)
        if (cpu_at(i)->idle)
            slice_ask(cpu_at(i));
}

void
slice_ready(const struct context *context)
{
    for (uint64_t left = context->cpus; left; left &= left - 1) {
        struct cpu *cpu = cpu_at((uint32_t)__builtin_ctzll(left));
        if (cpu->idle) {
            slice_ask(cpu);
            return;
        }
    }
}

static void
charge(struct cpu *cpu)
{
    uint64_t now = arch_counter();
    struct context *payer = cpu->payer ? cpu->payer : cpu->current;

    if (payer)
        payer->charged_cycles += now - cpu->counter_mark;
    cpu->counter_mark = now;
}

void
slice_off(struct cpu *cpu)
{
    struct context *context = cpu->current;

    trace(TRACE_SLICE_END, cpu->position, 0);
    charge(cpu);
    arch_context_leave(context);
    transfer_off(context);
    cpu->current = cpu->payer = NULL;
    if (context->phase == CONTEXT_READY && context->cpus & (context->cpus - 1))
        slice_ready(context);
}

/* When the first of those that wait asks to be woken; 0: none does. */
static uint64_t
first_deadline(const struct cpu *cpu)
{
    uint64_t first = position_after(cpu, cpu->position), at = first, deadline = 0;

    if (first == SLICE_POSITIONS)
        return 0;
    do {
        const struct context *c = transfer_top(slice_context(cpu, at));
        if (c->phase == CONTEXT_WAITING)
            deadline = earlier(deadline, c->deadline_ns);
        at = position_after(cpu, at);
    } while (at != first);
    return deadline;
}

/* Puts the context of a position on; false: it ended by an upcall that it could not take. */
static bool
slice_begin(struct cpu *cpu, uint64_t position, uint64_t now_ns)
{
    struct context *named = slice_context(cpu, position);
    struct context *context = transfer_on(cpu, named);

    cpu->payer = named;
    cpu->position = (uint32_t)position;
    cpu->slice_end_ns = now_ns + cpu->slice[position].duration_ns;
    cpu->grace_end_ns = 0;
    arch_context_switch(cpu, context);
    transfer_room(cpu);
    trace(TRACE_SLICE_BEGIN, position, cpu->slice[position].duration_ns);
    arch_charge_show(named, now_ns);
    if (context->entries >> UPCALL_SLICE_BEGIN & 1)
        context->due |= 1 << UPCALL_SLICE_BEGIN;
    return !context->due || context_deliver(context);
}

void
slice_schedule(struct cpu *cpu)
{
    for (;;) {
        uint64_t now = clock_now(), position;
        if (cpu->current)
            slice_off(cpu);
        else
            charge(cpu);
        position = position_runnable(cpu, now);
        if (position == SLICE_POSITIONS) { /* S3 */
            arch_timer_set(first_deadline(cpu));
            arch_root_idle();
            cpu->idle = true;
            trace(TRACE_IDLE_BEGIN, 0, 0);
            arch_halt_until_interrupt();
            trace(TRACE_IDLE_END, 0, 0);
            cpu->idle = false;
        } else if (slice_begin(cpu, position, now)) {
            slice_arm(cpu);
            arch_resume(cpu->current);
        }
    }
}

void
slice_leave(struct cpu *cpu)
{
    slice_schedule(cpu);
}

/*
 * The slice is over. Alone on its processor a context goes on; else it is told, and has the grace.
 */
static void
slice_end(struct cpu *cpu, uint64_t now)
{
    struct context *context = cpu->current;
    uint64_t next = position_runnable(cpu, now);

    if (next == cpu->position || next == SLICE_POSITIONS) {
        cpu->slice_end_ns = now + cpu->slice[cpu->position].duration_ns;
        return;
    }
    if (!(context->entries >> UPCALL_SLICE_END & 1))
        slice_leave(cpu);
    cpu->grace_end_ns = now + SLICE_GRACE_NS;
    context->due |= 1 << UPCALL_SLICE_END;
}

void
slice_tick(struct cpu *cpu)
{
    struct context *context = cpu->current;
    uint64_t now = clock_now();

    if (context->stop_asked)
        context_end(context, CAUSE_STOPPED, 0);
    if (context->phase == CONTEXT_STOPPED || account_dying(frame_at(context->self)->owner))
        slice_leave(cpu);
    transfer_tick(cpu, now);
    if (!cpu->payer)
        slice_leave(cpu);
    if (context->deadline_ns && now >= context->deadline_ns) {
        context->deadline_ns = 0;
        context_due(context, UPCALL_EVENT);
    }
    if (cpu->grace_end_ns && now >= cpu->grace_end_ns)
        slice_leave(cpu);
    if (!cpu->grace_end_ns && now >= cpu->slice_end_ns)
        slice_end(cpu, now);
    if (context->due && !context_deliver(context))
        slice_leave(cpu);
    slice_arm(cpu);
}

void
slice_place(struct cpu *cpu, uint64_t position, uint32_t context, uint32_t duration_ns)
{
    uint64_t bit = (uint64_t)1 << position % 64;

    cpu->slice[position] = (struct slice){.context = context, .duration_ns = duration_ns};
    if (!context) {
        cpu->used[position / 64] &= ~bit;
        return;
    }
    cpu->used[position / 64] |= bit; /* S1 */
    arch_context_of(context)->cpus |= (uint64_t)1 << cpu->number;
}

void
slice_forget(struct context *context)
{
    for (uint64_t left = context->cpus; left; left &= left - 1) {
        struct cpu *cpu = cpu_at((uint32_t)__builtin_ctzll(left));
        for (uint64_t i = 0; i < SLICE_POSITIONS; i++)
            if (cpu->slice[i].context == context->self)
                slice_place(cpu, i, 0, 0);
    }
    context->cpus = 0;
}

struct result
slice_set(struct cpu *cpu, struct context *context, uint64_t position, uint64_t duration_ns)
{
    bool empties = duration_ns == 0;

    if (position >= SLICE_POSITIONS)
        return result_error(E_INVAL);
    if (!empties && (duration_ns < SLICE_MIN_NS || duration_ns > SLICE_MAX_NS))
        return result_error(E_INVAL);
    slice_place(cpu, position, empties ? 0 : context->self, (uint32_t)duration_ns);
    if (!empties && context->phase == CONTEXT_READY && !context->on)
        slice_ready(context);
    return result_ok(0);
}
