/* SPDX-License-Identifier: MIT */
/*
 * slice.c - a processor's time: a vector of positions, run one after the other.
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
#include "kernel/arch.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/lock.h"
#include "kernel/reap.h"
#include "kernel/revoke.h"
#include "kernel/step.h"
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

bool
slice_can_run(const struct context *context)
{
    return context->phase == CONTEXT_READY && !context->on && !context_dying(context);
}

/* The context that a position gives its time to: the second when the first has stopped. */
static struct context *
position_context(const struct cpu *cpu, uint64_t position)
{
    const struct slice *s = &cpu->slice[position];
    struct context *first =
        s->name[SLICE_FIRST].context ? arch_context_of(s->name[SLICE_FIRST].context) : NULL;

    if ((!first || first->phase == CONTEXT_STOPPED) && s->name[SLICE_SECOND].context)
        return arch_context_of(s->name[SLICE_SECOND].context);
    return first;
}

/*
 * Can what runs in the slices of a position run now? One that waits for a time which has come is
 * woken.
 */
static bool
position_ready(const struct cpu *cpu, uint64_t position, uint64_t now_ns)
{
    struct context *named = position_context(cpu, position), *context;

    if (!named)
        return false;
    context = transfer_top(named);
    if (context->phase == CONTEXT_WAITING && context->wake_ns && now_ns >= context->wake_ns)
        wait_end(context);
    return slice_can_run(context) || context == cpu->current;
}

/*
 * The next position whose context can run now, the current one last; SLICE_POSITIONS: none. S4: one
 * that owes a whole slice pays it instead, and is taken only when there is no other.
 */
static uint64_t
position_runnable(struct cpu *cpu, uint64_t now_ns)
{
    uint64_t first = position_after(cpu, cpu->position), at = first, debtor = SLICE_POSITIONS;

    if (first == SLICE_POSITIONS)
        return first;
    do {
        struct slice *s = &cpu->slice[at];
        if (position_ready(cpu, at, now_ns)) {
            if (s->debt_ns + SLICE_MIN_NS <= s->duration_ns)
                return at;
            s->debt_ns -= s->debt_ns < s->duration_ns ? s->debt_ns : s->duration_ns;
            if (debtor == SLICE_POSITIONS)
                debtor = at;
        }
        at = position_after(cpu, at);
    } while (at != first);
    return debtor;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return !a || (b && b < a) ? b : a;
}

/* Does the whole vector name one context? Looked for again only after a change. */
static bool
cpu_alone(struct cpu *cpu)
{
    uint64_t at = cpu->position;

    if (!cpu->changed)
        return cpu->alone;
    cpu->changed = false;
    cpu->alone = true;
    for (uint64_t i = 0; i < SLICE_POSITIONS && cpu->alone; i++) {
        const struct slice *s = &cpu->slice[i];
        cpu->alone = (!s->name[SLICE_FIRST].context ||
                      s->name[SLICE_FIRST].context == cpu->slice[at].name[SLICE_FIRST].context) &&
                     !s->name[SLICE_SECOND].context;
    }
    return cpu->alone;
}

/* Has it nothing to switch to at the end of the slice: alone, and not in another's place (yield)?
 */
static bool
slice_endless(struct cpu *cpu)
{
    return cpu_alone(cpu) && cpu->payer == position_context(cpu, cpu->position);
}

/* When the kernel has work of its own, which the first processor does; 0: never. */
static uint64_t
kernel_deadline(const struct cpu *cpu)
{
    return cpu->number == 0 ? revoke_deadline() : 0;
}

void
slice_arm(struct cpu *cpu)
{
    uint64_t end = cpu->grace_end_ns ? cpu->grace_end_ns : cpu->slice_end_ns; /* S2 */

    if (cpu->current->due)
        arch_timer_set(1);
    else if (!planted(PLANT_SLICE_TIMER))
        arch_timer_set(
            earlier(earlier(slice_endless(cpu) && !planted(PLANT_ALONE) ? 0 : end,
                            transfer_deadline(cpu->current)),
                    earlier(earlier(work_time(cpu), cpu->wake_first_ns), kernel_deadline(cpu))));
}

/* The processor looks again, soon. */
static void
slice_poke(struct cpu *cpu)
{
    if (cpu != cpu_this())
        slice_ask(cpu);
    else if (cpu->current)
        arch_timer_set(1); /* as soon as it is back in a library */
}

void
slice_rearm(void)
{
    slice_poke(cpu_at(0));
}

void
slice_ask(struct cpu *cpu)
{
    if (cpu->asked)
        return;
    cpu->asked = true;
    arch_interrupt(cpu);
}

static void
charge(struct cpu *cpu)
{
    uint64_t now = arch_counter();
    struct context *payer = planted(PLANT_CALL_PAYER) || !cpu->payer ? cpu->current : cpu->payer;

    if (payer)
        payer->charged_cycles += now - cpu->counter_mark;
    cpu->counter_mark = now;
}

/*
 * Wakes those whose time has come. When the first of the others that wait is to look again; 0: none
 * by itself.
 */
static uint64_t
first_wake(const struct cpu *cpu, uint64_t now_ns)
{
    uint64_t first = position_after(cpu, cpu->position), at = first, wake_ns = 0;

    if (first == SLICE_POSITIONS)
        return 0;
    do {
        struct context *named = position_context(cpu, at);
        const struct context *c = named ? transfer_top(named) : NULL;
        if (c && !position_ready(cpu, at, now_ns) && c->phase == CONTEXT_WAITING)
            wake_ns = earlier(wake_ns, c->wake_ns);
        at = position_after(cpu, at);
    } while (at != first);
    return wake_ns;
}

/* ---- waking ---- */

static bool
idle_ask(const struct context *context)
{
    for (uint64_t left = context->cpus; left; left &= left - 1) {
        struct cpu *cpu = cpu_at((uint32_t)__builtin_ctzll(left));
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
    if (idle_ask(context))
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
        (void)idle_ask(base); /* it was lent this time: who names it has set no timer for it */
    if (context->wake_ns && account_at(frame_at(context->self)->owner)->latency_ns &&
        !planted(PLANT_WAKE_TIME))
        cpu->wake_first_ns = earlier(cpu->wake_first_ns, context->wake_ns);
}

/* Does anybody but the one that runs want the processor? */
static bool
position_wanted(const struct cpu *cpu, uint64_t now_ns)
{
    uint64_t first = position_after(cpu, cpu->position), at = first;

    if (first == SLICE_POSITIONS)
        return false;
    do {
        if (position_ready(cpu, at, now_ns) && position_context(cpu, at) != cpu->payer)
            return true;
        at = position_after(cpu, at);
    } while (at != first);
    return false;
}

/* S5: and the first of the others is found. */
static void
slice_wakes(struct cpu *cpu, uint64_t now_ns)
{
    if (!cpu->wake_first_ns || now_ns < cpu->wake_first_ns)
        return;
    cpu->wake_first_ns = first_wake(cpu, now_ns);
}

void
slice_changed(struct cpu *cpu)
{
    cpu->changed = true;
    slice_poke(cpu);
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
slice_expel(void)
{
    struct cpu *cpu = cpu_this();
    bool idle = false; /* one of those is enough, to reap */

    for (uint32_t i = 0; i < cpu_count(); i++) {
        struct cpu *other = cpu_at(i);
        if (other != cpu && (other->current || (other->idle && !idle)))
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

/* An interrupt that comes so late has found the machine standing still: no path is as long. */
static bool
time_lost(uint64_t due_ns, uint64_t now_ns)
{
    return now_ns > due_ns + SLICE_LOST_NS && !planted(PLANT_LOST);
}

/* What was used beyond the slice, or on credit, is the position's debt; not what was lost (S6). */
void
slice_settle(struct cpu *cpu, uint64_t now_ns)
{
    uint64_t end = cpu->slice_end_ns, grace = cpu->grace_end_ns ? SLICE_GRACE_NS : 0;
    uint64_t over = now_ns > end ? now_ns - end : 0, debt;

    debt = time_lost(end + grace, now_ns) ? grace : over;
    if (cpu->credit_from_ns)
        debt += (now_ns < end ? now_ns : end) - cpu->credit_from_ns;
    cpu->slice[cpu->position].debt_ns += planted(PLANT_DEBT) ? 0 : debt;
    cpu->credit_from_ns = cpu->grace_end_ns = 0;
}

void
slice_off(struct cpu *cpu)
{
    struct context *context = cpu->current;
    const struct context *base;

    trace(TRACE_SLICE_END, cpu->position, 0);
    charge(cpu);
    context_settle(context);
    arch_context_leave(context);
    transfer_off(context);
    cpu->current = cpu->payer = NULL;
    base = transfer_base(context);
    if (context->phase == CONTEXT_READY && base->cpus & ~((uint64_t)1 << cpu->number))
        (void)idle_ask(base); /* another processor may be waiting for it */
}

/* The current one goes off; who was to be stopped meanwhile, it or one in its chain, is. */
static void
slice_stop(struct cpu *cpu)
{
    struct context *next, *top = cpu->current;

    slice_off(cpu);
    for (struct context *x = top; x; x = next) {
        next = x->caller;
        if (x->stop_asked)
            context_end(x, CAUSE_STOPPED, 0);
    }
}

/*
 * Puts on what runs in the slices of a context; false: it ended by an upcall that it could not
 * take.
 */
static bool
slice_on(struct cpu *cpu, struct context *named, uint32_t due, uint64_t now_ns)
{
    struct context *context = transfer_on(cpu, named);

    cpu->payer = named;
    cpu->renamed = false;
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

/* The rest of the slice that a woken context has interrupted; false: its owner cannot have it. */
static bool
slice_return(struct cpu *cpu, uint64_t now_ns)
{
    uint64_t position = cpu->interrupted - 1u;

    cpu->interrupted = 0;
    if (!position_ready(cpu, position, now_ns) || cpu->interrupted_left_ns < SLICE_MIN_NS)
        return false;
    cpu->position = (uint32_t)position;
    cpu->slice_end_ns = now_ns + cpu->interrupted_left_ns;
    return slice_on(cpu, position_context(cpu, position), 0, now_ns);
}

/* On credit: a woken context before its turn. */
static bool
slice_urgent(struct cpu *cpu, uint64_t now_ns)
{
    uint64_t position = cpu->urgent - 1u;
    struct context *context = position_context(cpu, position);

    cpu->urgent = 0;
    if (!context || !slice_can_run(transfer_top(context)))
        return false;
    cpu->position = (uint32_t)position;
    cpu->credit_from_ns = now_ns;
    cpu->slice_end_ns = now_ns + slice_credit(&cpu->slice[position], context);
    return slice_on(cpu, context, 0, now_ns);
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

/* S3 */
static void
cpu_idle(struct cpu *cpu, uint64_t steps)
{
    if (cpu->work) { /* there is more of it: the next round does that, and others may come in */
        kernel_unlock();
        kernel_lock();
        return;
    }
    arch_timer_set(
        earlier(earlier(first_wake(cpu, 0), kernel_deadline(cpu)), reap_idle(clock_now(), steps)));
    arch_root_idle();
    cpu->idle = true;
    trace(TRACE_IDLE_BEGIN, 0, 0);
    arch_halt_until_interrupt();
    trace(TRACE_IDLE_END, 0, 0);
    cpu->idle = false;
}

void
slice_schedule(struct cpu *cpu)
{
    for (;;) {
        uint64_t now = clock_now(), steps = STEPS_MAX;
        if (cpu->current) {
            slice_settle(cpu, now);
            slice_stop(cpu);
        } else {
            charge(cpu);
        }
        wait_backlog();
        work_do(cpu);
        if (cpu->number == 0)
            steps = revoke_tick(now);
        if (slice_next(cpu, now)) {
            slice_wakes(cpu, now);
            slice_arm(cpu);
            arch_resume(cpu->current);
        }
        if (!cpu->current)
            cpu_idle(cpu, steps);
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

/* A woken context runs at once: what is left of the slice that it interrupts is kept. */
static void
slice_interrupt(struct cpu *cpu, uint64_t now)
{
    struct context *context = position_context(cpu, cpu->urgent - 1u);

    if (cpu->grace_end_ns || cpu->interrupted || cpu->credit_from_ns || !context ||
        !slice_can_run(transfer_top(context))) {
        cpu->urgent = 0;
        return;
    }
    cpu->interrupted = cpu->position + 1;
    cpu->interrupted_left_ns = cpu->slice_end_ns > now ? cpu->slice_end_ns - now : 0;
    slice_schedule(cpu);
}

void
slice_tick(struct cpu *cpu)
{
    struct context *context = cpu->current;
    uint64_t now = clock_now();

    work_do(cpu);
    if (cpu->number == 0)
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
    slice_wakes(cpu, now);
    if (cpu->urgent)
        slice_interrupt(cpu, now);
    if (planted(PLANT_STALL) && cpu->grace_end_ns && now >= cpu->grace_end_ns)
        now += (uint64_t)SLICE_GRACE_NS * 1000;
    if (cpu->grace_end_ns && now >= cpu->grace_end_ns)
        slice_force(cpu, now);
    if (!cpu->grace_end_ns && now >= cpu->slice_end_ns && !slice_endless(cpu))
        slice_end(cpu, now);
    if (context->due && !context_deliver(context))
        slice_schedule(cpu);
    slice_arm(cpu);
}
