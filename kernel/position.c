/* SPDX-License-Identifier: MIT */
/*
 * position.c - which of a processor's positions is next: rounds through its vector.
 *
 * A round goes through the used positions from behind the current one to that one itself.
 * Invariants are those of slice.c.
 */
#include "kernel/context.h"
#include "kernel/slice.h"
#include "kernel/transfer.h"
#include "kernel/wait.h"

/* The next of a round, SLICE_POSITIONS: it is over. *step is 0 before the first. */
static uint64_t
position_next(const struct cpu *cpu, uint64_t *step)
{
    while (*step < SLICE_POSITIONS) {
        uint64_t at = (cpu->position + *step + 1) % SLICE_POSITIONS;
        uint64_t used = cpu->used[at / 64] >> at % 64;
        uint64_t skipped = used ? (uint64_t)__builtin_ctzll(used) : 63 - at % 64;
        *step += skipped + 1;
        if (used && *step <= SLICE_POSITIONS)
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

/* S4 */
uint64_t
position_runnable(struct cpu *cpu, uint64_t now_ns)
{
    uint64_t step = 0, at, debtor = SLICE_POSITIONS;

    while ((at = position_next(cpu, &step)) < SLICE_POSITIONS) {
        struct slice *s = &cpu->slice[at];
        if (!position_ready(cpu, at, now_ns))
            continue;
        if (s->debt_ns + SLICE_MIN_NS <= s->duration_ns)
            return at;
        s->debt_ns -= s->debt_ns < s->duration_ns ? s->debt_ns : s->duration_ns;
        if (debtor == SLICE_POSITIONS)
            debtor = at;
    }
    return debtor;
}

bool
position_wanted(const struct cpu *cpu, uint64_t now_ns)
{
    uint64_t step = 0, at;

    while ((at = position_next(cpu, &step)) < SLICE_POSITIONS)
        if (position_ready(cpu, at, now_ns) && position_context(cpu, at) != cpu->payer)
            return true;
    return false;
}

uint64_t
position_wake(const struct cpu *cpu, uint64_t now_ns)
{
    uint64_t step = 0, at, wake_ns = 0;

    while ((at = position_next(cpu, &step)) < SLICE_POSITIONS) {
        struct context *named = position_context(cpu, at);
        const struct context *c = named ? transfer_top(named) : NULL;
        if (c && !position_ready(cpu, at, now_ns) && c->phase == CONTEXT_WAITING)
            wake_ns = earlier(wake_ns, c->wake_ns);
    }
    return wake_ns;
}

/* Does the whole vector name one context? */
static bool
cpu_alone(const struct cpu *cpu)
{
    uint32_t named = cpu->slice[cpu->position].name[SLICE_FIRST].context;
    uint64_t step = 0, at;

    while ((at = position_next(cpu, &step)) < SLICE_POSITIONS)
        if (cpu->slice[at].name[SLICE_FIRST].context != named ||
            cpu->slice[at].name[SLICE_SECOND].context)
            return false;
    return true;
}

bool
slice_endless(struct cpu *cpu)
{
    if (cpu->changed) /* looked for again only then */
        cpu->alone = cpu_alone(cpu);
    cpu->changed = false;
    return cpu->alone && cpu->payer == position_context(cpu, cpu->position);
}
