/* SPDX-License-Identifier: MIT */
/*
 * slice.c - a processor's time: a vector of positions, run one after the other. position.c says
 * which is next, credit.c who runs before, grace.c what follows when one does not leave.
 *
 * Invariants
 *  S1 used has a bit for each position that names a context (vector.c).
 *  S2 the timer is set for the first of slice end, end of grace and deadline of what runs; not for
 *     the slice end of one that is alone on its processor.
 *  S3 time whose owner cannot run goes to the next position that can; when none can, the
 *     processor halts until the first of them is to look again, or an interrupt.
 *  S4 debt is paid before time is had: a position with as much debt as a slice skips its turn,
 *     unless nobody else can run.
 *  S5 the timer is set, too, for the first who sleeps until a time and may then run on credit.
 *  S6 what the machine lost is nobody's fault: an interrupt later than any path of the kernel's is
 *     no strike and no debt; what is lost in small pieces cannot be seen, so that a strike takes
 *     SLICE_OVERRUNS, one behind the other.
 * Source  Engler, Kaashoek, O'Toole, SOSP '95: slices as a vector; upcall, grace, forced switch.
 */
#include "kernel/slice.h"
#include "kernel/account.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/lock.h"
#include "kernel/reap.h"
#include "kernel/revoke.h"
#include "kernel/steps.h"
#include "kernel/transfer.h"
#include "kernel/trace.h"
#include "kernel/wait.h"
#include "kernel/work.h"
#include "plant.h"

void
slice_init(struct cpu *cpu)
{
    uint64_t bytes = SLICE_POSITIONS * sizeof(struct slice);

    _Static_assert(SLICE_POSITIONS * sizeof(struct slice) <= EXPOSED_SLICES_STRIDE, "room");
    cpu->slice = frame_boot_alloc((bytes + FRAME_BYTES - 1) >> FRAME_SHIFT);
    exposed_map(EXPOSED_SLICES + cpu->number * (uint64_t)EXPOSED_SLICES_STRIDE, cpu->slice, bytes);
}

void
slice_arm(struct cpu *cpu)
{
    uint64_t end = cpu->grace_end_ns ? cpu->grace_end_ns : cpu->slice_end_ns; /* S2 */

    if (cpu->current->due)
        arch_timer_set(1);
    else if (!planted(PLANT_SLICE_TIMER))
        arch_timer_set(earlier(
            earlier(cpu->alone && slice_endless(cpu) && !planted(PLANT_ALONE) ? 0 : end,
                    transfer_deadline(cpu->current)),
            earlier(earlier(cpu->work ? cpu->work_ns : 0, cpu->wake_first_ns), revoke_deadline())));
}

void
slice_poke(struct cpu *cpu)
{
    if (cpu != cpu_this())
        slice_ask(cpu);
    else if (cpu->current)
        arch_timer_set(1); /* as soon as it is back in a library */
}

void
slice_ask(struct cpu *cpu)
{
    if (cpu->asked)
        return;
    cpu->asked = true;
    arch_interrupt(cpu);
}

/* Is one of those whose chain this is of an account that ends? */
static bool
chain_dying(const struct context *context)
{
    for (; context; context = context->caller)
        if (context_dying(context))
            return true;
    return false;
}

void
slice_expel(bool called)
{
    struct cpu *cpu = cpu_this();
    bool idle = false; /* one of those is enough, to reap */

    for (uint32_t i = 0; i < cpu_count(); i++) {
        struct cpu *other = cpu_at(i);
        struct context *base = other->payer ? other->payer : other->current;
        bool concerned = base && (called || context_dying(base) || planted(PLANT_POKES));
        if (other != cpu && (concerned || (other->idle && !idle)))
            slice_ask(other);
        idle |= other->idle;
    }
    if (!cpu->current)
        return;
    transfer_room(cpu);
    if (chain_dying(cpu->current)) /* else nothing here ends: it costs no interrupt */
        arch_timer_set(1);         /* as soon as it is back in a library */
}

/* ---- on and off ---- */

void
slice_off(struct cpu *cpu)
{
    struct context *context = cpu->current;
    const struct context *base;

    trace(TRACE_SLICE_END, cpu->position, 0);
    slice_charge(cpu);
    context_settle(context);
    arch_context_leave(context);
    transfer_off(context);
    cpu->current = cpu->payer = NULL;
    cpu->stops = 0; /* nobody is on it; who was to be stopped is, by the caller */
    base = transfer_base(context);
    if (context->phase == CONTEXT_READY && base->cpus & ~((uint64_t)1 << cpu->number))
        (void)slice_ask_idle(base->cpus); /* another processor may be waiting for it */
}

/* What ends in the chain that runs, in elementary steps (kernel/bound.h). */
static uint64_t
ends_steps(const struct cpu *cpu)
{
    enum { STOP_STEPS = 64, DYING_STEPS = 512 };
    bool dies = accounts_dying && chain_dying(cpu->current);

    return (uint64_t)STOP_STEPS * cpu->stops + (dies ? DYING_STEPS : 0);
}

/* The current one goes off; who was to be stopped meanwhile, it or one in its chain, is. */
static void
slice_stop(struct cpu *cpu)
{
    struct context *next, *top = cpu->current;

    steps_use(lock_steps(), ends_steps(cpu));
    slice_off(cpu);
    for (struct context *x = top; x; x = next) {
        next = x->caller;
        if (x->stop_asked)
            context_end(x, CAUSE_STOPPED, 0);
    }
}

bool
slice_on(struct cpu *cpu, struct context *named, uint32_t due, uint64_t now_ns)
{
    struct context *context = transfer_on(cpu, named);

    cpu->payer = named;
    cpu->renamed = false;
    cpu->round.step = 0;
    arch_context_switch(cpu, context);
    transfer_room(cpu);
    trace(TRACE_SLICE_BEGIN, cpu->position, cpu->slice[cpu->position].duration_ns);
    arch_charge_show(named, now_ns);
    context->due |= due & context->entries;
    return !context->due || context_deliver(context);
}

static bool
slice_begin(struct cpu *cpu, uint64_t position, uint64_t now_ns)
{
    struct slice *s = &cpu->slice[position];
    struct context *context = position_context(cpu, position);
    uint64_t paid;

    if (!context)
        return false;
    paid = s->debt_ns + SLICE_MIN_NS <= s->duration_ns ? s->debt_ns : 0;
    cpu->position = (uint32_t)position;
    cpu->slice_end_ns = now_ns + s->duration_ns - paid;
    s->debt_ns -= paid;
    return slice_on(cpu, context, 1 << UPCALL_SLICE_BEGIN, now_ns);
}

/* Whom to put on next: true when somebody is. */
static bool
slice_next(struct cpu *cpu, uint64_t now_ns)
{
    uint64_t position;

    if (cpu->urgent && slice_urgent(cpu, now_ns))
        return true;
    if (cpu->interrupted && slice_return(cpu, now_ns))
        return true;
    position = position_runnable(cpu, now_ns);
    return position < SLICE_POSITIONS && slice_begin(cpu, position, now_ns);
}

/* S3. more: of what it does beside; others and interrupts come in meanwhile. */
static void
cpu_idle(struct cpu *cpu, bool more)
{
    if (more || cpu->work || cpu->again || cpu->round.step)
        arch_timer_set(1);
    else
        arch_timer_set(earlier(earlier(cpu->round.wake_ns, revoke_deadline()),
                               reap_idle(clock_now(), *lock_steps())));
    if (!planted(PLANT_IDLE_ROOT))
        arch_root_idle(); /* once others may come in, its root may end */
    cpu->idle = true;
    trace(TRACE_IDLE_BEGIN, 0, 0);
    arch_halt_until_interrupt();
    trace(TRACE_IDLE_END, 0, 0);
    cpu->idle = false;
}

/* The last round has found nobody, and nobody has become ready since. */
static bool
cpu_empty(const struct cpu *cpu)
{
    return !cpu->current && !cpu->round.step && !cpu->again;
}

void
slice_schedule(struct cpu *cpu)
{
    for (bool idle = false;; idle = cpu_empty(cpu)) {
        uint64_t now = clock_now();
        bool more;
        if (cpu->current) {
            slice_settle(cpu, now);
            slice_stop(cpu);
        } else {
            slice_charge(cpu);
        }
        more = wait_backlog();
        work_do(cpu, idle);
        revoke_tick(now);
        if (slice_next(cpu, now)) {
            position_wake(cpu, now);
            slice_arm(cpu);
            arch_resume(cpu->current);
        }
        if (cpu->work && !idle && cpu_empty(cpu)) /* I2 of work.h: there is time for it */
            continue;
        if (!cpu->current)
            cpu_idle(cpu, more);
    }
}

void
slice_donate(struct cpu *cpu, struct context *to)
{
    uint64_t now = clock_now();

    cpu->current->overruns = 0;
    if (cpu->grace_end_ns)
        slice_schedule(cpu); /* there is no rest */
    if (planted(PLANT_DONATED))
        cpu->counter_mark = arch_counter();
    slice_stop(cpu);
    if (!slice_on(cpu, to, 0, now))
        slice_schedule(cpu);
    slice_arm(cpu);
    arch_resume(cpu->current);
}

/* ---- while a context runs ---- */

void
slice_tick(struct cpu *cpu)
{
    struct context *context = cpu->current;
    uint64_t now = clock_now();

    steps_use(lock_steps(), ends_steps(cpu));
    work_do(cpu, false);
    revoke_tick(now);
    if (context->stop_asked)
        context_end(context, CAUSE_STOPPED, 0);
    if (context->phase == CONTEXT_STOPPED || context_dying(context) ||
        (cpu->renamed && !planted(PLANT_TIME_TAKEN)))
        slice_schedule(cpu);
    transfer_tick(cpu, now);
    transfer_room(cpu); /* T8 */
    if (!cpu->payer)
        slice_schedule(cpu);
    if (context->deadline_ns && now >= context->deadline_ns) {
        context->deadline_ns = 0;
        context_due(context, UPCALL_EVENT);
    }
    if (context->post_ns && now >= context->post_ns) /* what is due is delivered below */
        context->post_ns = context->due >> UPCALL_EVENT & 1 ? now + EVENT_POST_GAP_NS : 0;
    position_wake(cpu, now);
    if (cpu->urgent)
        slice_interrupt(cpu, now);
    slice_over(cpu, now);
    if (context->due && !context_deliver(context))
        slice_schedule(cpu);
    slice_arm(cpu);
}
