/* SPDX-License-Identifier: MIT */
/*
 * position.c - which of a processor's positions is next: rounds through its vector.
 *
 * A round goes through the used positions from behind the current one to that one itself, in parts:
 * between two of them interrupts come in. Where somebody it names becomes ready meanwhile, another
 * round follows before the processor halts (cpu->again).
 * Invariants are those of slice.c.
 */
#include "kernel/context.h"
#include "kernel/lock.h"
#include "kernel/slice.h"
#include "kernel/steps.h"
#include "kernel/transfer.h"
#include "kernel/wait.h"
#include "plant.h"

static uint64_t rounds; /* ever begun, on any processor */

/* Elementary steps (kernel/bound.h): a look at a position; a part of a round. */
enum { LOOK_STEPS = 2, ROUND_STEPS = STEPS_MAX / 4, ROUND_LEAST = STEPS_MAX / 32 };

/* What others leave of the stretch, and always some, so that each part of a round goes on. */
static void
part_begin(struct round *r)
{
    uint64_t left = *lock_steps();

    r->steps = left > ROUND_STEPS ? ROUND_STEPS : left < ROUND_LEAST ? ROUND_LEAST : left;
    steps_use(lock_steps(), r->steps);
}

static void
part_end(const struct round *r)
{
    *lock_steps() += r->steps;
}

/* The next of a round that begins behind `from`; SLICE_POSITIONS: it is over, or this part of it. */
static uint64_t
position_next(const struct cpu *cpu, uint64_t from, struct round *r)
{
    while (r->steps && r->step < SLICE_POSITIONS) {
        uint64_t at = (from + r->step + 1) % SLICE_POSITIONS;
        uint64_t used = cpu->used[at / 64] >> at % 64;
        uint64_t skipped = used ? (uint64_t)__builtin_ctzll(used) : 63 - at % 64;
        r->step += skipped + 1;
        if (used && r->step <= SLICE_POSITIONS)
            return at + skipped;
    }
    return SLICE_POSITIONS;
}

bool
slice_can_run(const struct context *context)
{
    return context->phase == CONTEXT_READY && !context->on && !context_dying(context);
}

struct context *
position_context(const struct cpu *cpu, uint64_t position)
{
    const struct slice *s = &cpu->slice[position];
    struct context *first =
        s->name[SLICE_FIRST].context ? arch_context_of(s->name[SLICE_FIRST].context) : NULL;

    if ((!first || first->phase == CONTEXT_STOPPED) && s->name[SLICE_SECOND].context)
        return arch_context_of(s->name[SLICE_SECOND].context);
    return first;
}

bool
position_ready(const struct cpu *cpu, uint64_t position, uint64_t now_ns, struct round *r)
{
    struct context *named = position_context(cpu, position), *context;

    steps_use(&r->steps, LOOK_STEPS);
    if (!named || (r->number && named->blocked == r->number && !planted(PLANT_ROUNDS)))
        return false; /* however many positions name it, its chain is followed once */
    context = transfer_top(named, &r->steps);
    if (context->phase == CONTEXT_WAITING && context->wake_ns && now_ns >= context->wake_ns) {
        steps_use(&r->steps, wake_steps(context));
        wait_end(context);
    }
    if (context->phase == CONTEXT_WAITING)
        r->wake_ns = earlier(r->wake_ns, context->wake_ns);
    if (slice_can_run(context) || context == cpu->current)
        return true;
    named->blocked = r->number;
    return false;
}

/* S4. The first in this part of the round that has time; debts are paid on the way. */
static uint64_t
position_found(const struct cpu *cpu, uint64_t now_ns, struct round *r)
{
    uint64_t at;

    while ((at = position_next(cpu, cpu->position, r)) < SLICE_POSITIONS) {
        struct slice *s = &cpu->slice[at];
        if (!position_ready(cpu, at, now_ns, r))
            continue;
        if (s->debt_ns + SLICE_MIN_NS <= s->duration_ns)
            return at;
        s->debt_ns -= s->debt_ns < s->duration_ns ? s->debt_ns : s->duration_ns;
        r->debtor = r->debtor ? r->debtor : (uint32_t)at + 1;
    }
    return at;
}

uint64_t
position_runnable(struct cpu *cpu, uint64_t now_ns)
{
    struct round *r = &cpu->round;
    uint64_t at;

    if (!r->step) {
        *r = (struct round){.number = ++rounds};
        cpu->again = false;
    }
    part_begin(r);
    at = position_found(cpu, now_ns, r);
    part_end(r);
    if (at < SLICE_POSITIONS || r->step < SLICE_POSITIONS)
        return at;
    r->step = 0;
    at = r->debtor - (uint64_t)1;
    return r->debtor && position_ready(cpu, at, now_ns, r) ? at : SLICE_POSITIONS;
}

bool
position_wanted(const struct cpu *cpu, uint64_t now_ns)
{
    struct round r = {.number = ++rounds};
    uint64_t at;

    part_begin(&r);
    while ((at = position_next(cpu, cpu->position, &r)) < SLICE_POSITIONS)
        if (position_ready(cpu, at, now_ns, &r) && position_context(cpu, at) != cpu->payer)
            break;
    part_end(&r);
    return at < SLICE_POSITIONS || r.step < SLICE_POSITIONS;
}

void
position_wake(struct cpu *cpu, uint64_t now_ns)
{
    struct round *r = &cpu->wakes;
    uint64_t at;

    if (!cpu->wake_first_ns || now_ns < cpu->wake_first_ns)
        return;
    if (!r->step)
        *r = (struct round){.number = ++rounds};
    part_begin(r);
    while ((at = position_next(cpu, SLICE_POSITIONS - 1, r)) < SLICE_POSITIONS)
        (void)position_ready(cpu, at, now_ns, r);
    part_end(r);
    cpu->wake_first_ns = r->step < SLICE_POSITIONS ? now_ns : r->wake_ns;
    r->step %= SLICE_POSITIONS;
}

bool
slice_endless(const struct cpu *cpu)
{
    const struct context *payer = cpu->payer;

    return payer && payer == position_context(cpu, cpu->position) &&
           payer->named[cpu->number] == cpu->names;
}
