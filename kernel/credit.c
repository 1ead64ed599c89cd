/* SPDX-License-Identifier: MIT */
/*
 * credit.c - who has been woken, and may run before its turn: on a halted processor at once, else
 * on credit from its own next slices, as far as its account's latency right allows.
 *
 * Invariants are those of slice.c. What is left of the slice that it interrupts is kept.
 */
#include "kernel/account.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/slice.h"
#include "kernel/transfer.h"
#include "plant.h"

bool
slice_ask_idle(uint64_t cpus)
{
    for (cpus &= UINT64_MAX >> (CPUS_MAX - cpu_count()); cpus; cpus &= cpus - 1) {
        struct cpu *cpu = cpu_at((uint32_t)__builtin_ctzll(cpus));
        cpu->again = true;
        if (cpu->idle) {
            slice_ask(cpu);
            return true;
        }
    }
    return false;
}

/* How long a woken context may run at once at a position. */
static uint64_t
slice_credit(const struct slice *s, const struct context *context)
{
    uint64_t right = account_at(frame_at(context->self)->owner)->latency_ns;
    uint64_t left = s->duration_ns > s->debt_ns ? s->duration_ns - s->debt_ns : 0;

    return left < right ? left : right;
}

void
slice_ready(const struct context *context)
{
    struct cpu *cpu;
    uint64_t position;

    context = transfer_base(context);
    if (slice_ask_idle(context->cpus))
        return;
    position = slice_naming(context, &cpu);
    if (position == SLICE_POSITIONS || cpu->urgent ||
        slice_credit(&cpu->slice[position], context) < SLICE_MIN_NS)
        return;
    cpu->urgent = (uint32_t)position + 1;
    slice_poke(cpu);
}

void
slice_sleeps(const struct context *context)
{
    struct cpu *cpu = cpu_this();
    const struct context *base = transfer_base(context);

    if (context->wake_ns && !(base->cpus >> cpu->number & 1))
        (void)slice_ask_idle(
            base->cpus); /* it was lent this time: who names it has set no timer for it */
    if (context->wake_ns && account_at(frame_at(context->self)->owner)->latency_ns &&
        !planted(PLANT_WAKE_TIME))
        cpu->wake_first_ns = earlier(cpu->wake_first_ns, context->wake_ns);
    cpu->wakes.wake_ns = earlier(cpu->wakes.wake_ns, context->wake_ns); /* it may be passed */
}

void
slice_interrupt(struct cpu *cpu, uint64_t now)
{
    struct context *context = position_context(cpu, cpu->urgent - 1u);

    if (cpu->grace_end_ns || cpu->interrupted || cpu->credit_from_ns || !context ||
        !slice_can_run(transfer_top(context, NULL))) {
        cpu->urgent = 0;
        return;
    }
    cpu->interrupted = cpu->position + 1;
    cpu->interrupted_left_ns = cpu->slice_end_ns > now ? cpu->slice_end_ns - now : 0;
    slice_schedule(cpu);
}

bool
slice_return(struct cpu *cpu, uint64_t now_ns)
{
    uint64_t position = cpu->interrupted - 1u;
    struct round r = {0};

    cpu->interrupted = 0;
    if (!position_ready(cpu, position, now_ns, &r) || cpu->interrupted_left_ns < SLICE_MIN_NS)
        return false;
    cpu->position = (uint32_t)position;
    cpu->slice_end_ns = now_ns + cpu->interrupted_left_ns;
    return slice_on(cpu, position_context(cpu, position), 0, now_ns);
}

bool
slice_urgent(struct cpu *cpu, uint64_t now_ns)
{
    uint64_t position = cpu->urgent - 1u;
    struct context *context = position_context(cpu, position);

    cpu->urgent = 0;
    if (!context || !slice_can_run(transfer_top(context, NULL)))
        return false;
    cpu->position = (uint32_t)position;
    cpu->credit_from_ns = now_ns;
    cpu->slice_end_ns = now_ns + slice_credit(&cpu->slice[position], context);
    return slice_on(cpu, context, 0, now_ns);
}
