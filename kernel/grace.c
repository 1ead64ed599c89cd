/* SPDX-License-Identifier: MIT */
/*
 * grace.c - what a slice costs, and its end: upcall, grace, forced switch, debt and strikes.
 *
 * Invariants are those of slice.c.
 */
#include "kernel/account.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/slice.h"
#include "plant.h"

void
slice_charge(struct cpu *cpu)
{
    uint64_t now = arch_counter();
    struct context *payer = planted(PLANT_CALL_PAYER) || !cpu->payer ? cpu->current : cpu->payer;

    if (payer)
        payer->charged_cycles += now - cpu->counter_mark;
    cpu->counter_mark = now;
}

bool
time_lost(uint64_t due_ns, uint64_t now_ns)
{
    return now_ns > due_ns + SLICE_LOST_NS && !planted(PLANT_LOST);
}

/* What was lost is nobody's debt (S6). */
void
slice_settle(struct cpu *cpu, uint64_t now_ns)
{
    uint64_t end = cpu->slice_end_ns, grace = cpu->grace_end_ns ? SLICE_GRACE_NS : 0;
    uint64_t over = now_ns > end ? now_ns - end : 0, debt;

    debt = time_lost(end + grace, now_ns) ? grace : over;
    if (cpu->credit_from_ns)
        debt += (now_ns < end ? now_ns : end) - cpu->credit_from_ns;
    if ((cpu->slice[cpu->position].owner && !planted(PLANT_DEBT)) || planted(PLANT_DEBT_LEFT))
        cpu->slice[cpu->position].debt_ns += debt; /* V3 of vector.c: it may be nobody's by now */
    cpu->credit_from_ns = cpu->grace_end_ns = 0;
}

/* A forced switch: an overrun, unless the machine stood still (S6). */
static void
slice_force(struct cpu *cpu, uint64_t now)
{
    struct context *context = cpu->current;
    const struct account *account = account_at(frame_at(context->self)->owner);

    if (time_lost(cpu->grace_end_ns, now))
        slice_schedule(cpu);
    if (context->overruns++ > 0)
        cpu->slice[cpu->position].debt_ns += cpu->slice[cpu->position].duration_ns;
    if ((context->overruns >= SLICE_OVERRUNS || planted(PLANT_LOST)) &&
        ++context->strikes > account->strikes_max && account->strikes_max)
        context_end(context, CAUSE_STRIKES, 0);
    slice_schedule(cpu);
}

/*
 * The slice is over. One whom nobody follows goes on; else it is told, and has the grace.
 */
static void
slice_end(struct cpu *cpu, uint64_t now)
{
    struct context *context = cpu->current;

    if (cpu->credit_from_ns || cpu->interrupted)
        slice_schedule(cpu);
    if (!position_wanted(cpu, now)) {
        cpu->slice_end_ns = now + cpu->slice[cpu->position].duration_ns;
        return;
    }
    if (!(context->entries >> UPCALL_SLICE_END & 1))
        slice_schedule(cpu);
    cpu->grace_end_ns = now + SLICE_GRACE_NS;
    context->due |= 1 << UPCALL_SLICE_END;
}

void
slice_over(struct cpu *cpu, uint64_t now)
{
    if (planted(PLANT_STALL) && cpu->grace_end_ns && now >= cpu->grace_end_ns)
        now += STALL_NS;
    if (cpu->grace_end_ns && now >= cpu->grace_end_ns)
        slice_force(cpu, now);
    if (cpu->grace_end_ns || now < cpu->slice_end_ns)
        return;
    cpu->alone = slice_endless(cpu);
    if (!cpu->alone)
        slice_end(cpu, now);
    else
        cpu->slice_end_ns = now + cpu->slice[cpu->position].duration_ns;
}
