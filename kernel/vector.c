/* SPDX-License-Identifier: MIT */
/*
 * vector.c - the positions of processors as names: who owns each, and whom it names.
 *
 * Invariants
 *  V1 a position that names a context has an owner, and the naming is in one of the two circles of
 *     that context's namings, so that a context that ends is forgotten without a search: in that of
 *     strangers where the owner's account does not cover the context's. These end when a right to
 *     the context is revoked, whoever named by which; who still holds one names again. An id in a
 *     circle is ((processor * SLICE_POSITIONS + position) * SLICE_ROLES + role) + 1.
 *  V2 used has a bit for each position that names a context.
 *  V3 a position without an owner is all zeroes.
 */
#include "abi/error.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/steps.h"
#include "kernel/call.h"
#include "kernel/frame.h"
#include "kernel/slice.h"
#include "kernel/slot.h"

enum { NAME_STEPS = 8, LOSE_STEPS = 16, FREE_STEPS = 24 };

static uint32_t
name_id(const struct cpu *cpu, uint64_t position, enum slice_role role)
{
    return (uint32_t)(((uint64_t)cpu->number * SLICE_POSITIONS + position) * SLICE_ROLES + role) +
           1;
}

static struct cpu *
name_cpu(uint32_t id)
{
    return cpu_at((id - 1) / SLICE_ROLES / SLICE_POSITIONS);
}

static uint64_t
name_position(uint32_t id)
{
    return (id - 1) / SLICE_ROLES % SLICE_POSITIONS;
}

static enum slice_role
name_role(uint32_t id)
{
    return (enum slice_role)((id - 1) % SLICE_ROLES);
}

static struct slice_name *
name_at(uint32_t id)
{
    return &name_cpu(id)->slice[name_position(id)].name[name_role(id)];
}

static struct circle_link *
name_link(uint32_t id)
{
    return &name_at(id)->link;
}

/* V1 */
static uint32_t *
name_circle(struct context *context, uint32_t id)
{
    const struct account *owner = account_at(name_cpu(id)->slice[name_position(id)].owner);

    return account_covers(owner, frame_at(context->self)->owner) ? &context->positions
                                                                 : &context->strangers;
}

static void
name_join(struct context *context, uint32_t id)
{
    uint32_t cpu = name_cpu(id)->number;

    context->named[cpu]++;
    cpu_at(cpu)->names++;
    context->cpus |= (uint64_t)1 << cpu;
    name_at(id)->context = context->self;
    circle_join(name_circle(context, id), id, name_link);
}

static void
name_leave(uint32_t id)
{
    struct slice_name *name = name_at(id);
    struct context *context = arch_context_of(name->context);
    uint32_t cpu = name_cpu(id)->number;

    cpu_at(cpu)->names--;
    if (--context->named[cpu] == 0)
        context->cpus &= ~((uint64_t)1 << cpu);
    circle_leave(name_circle(context, id), id, name_link);
    *name = (struct slice_name){0};
}

void
slice_name(struct cpu *cpu, uint64_t position, enum slice_role role, struct context *context)
{
    struct slice *s = &cpu->slice[position];
    uint64_t bit = (uint64_t)1 << position % 64;

    if (s->name[role].context && s->name[role].context != (context ? context->self : 0))
        cpu->renamed |= cpu->current && cpu->position == position;
    if (s->name[role].context)
        name_leave(name_id(cpu, position, role));
    if (context)
        name_join(context, name_id(cpu, position, role));
    if (s->name[SLICE_FIRST].context || s->name[SLICE_SECOND].context)
        cpu->used[position / 64] |= bit; /* V2 */
    else
        cpu->used[position / 64] &= ~bit;
    cpu->again = true;
    if (cpu->idle || cpu->renamed || cpu->alone || planted(PLANT_POKES))
        slice_poke(cpu); /* else its timer is set: who changes it all the time interrupts nobody */
    cpu->alone = false;
}

uint64_t
slice_naming(const struct context *context, struct cpu **cpu)
{
    uint32_t id = context->positions ? context->positions : context->strangers;

    if (!id)
        return SLICE_POSITIONS;
    *cpu = name_cpu(id);
    return name_position(id);
}

/* Not by its owner's doing: he finds out. */
static void
name_lose(uint32_t id)
{
    uint64_t at = name_position(id);

    account_lose(
        account_at(name_cpu(id)->slice[at].owner),
        (struct account_taken){.kind = TAKEN_NAME, .detail = name_cpu(id)->number, .name = at});
}

bool
slice_forget(const uint32_t *circle, uint64_t *steps)
{
    while (*circle && *steps) {
        uint32_t id = *circle;
        bool stranger = circle == &arch_context_of(name_at(id)->context)->strangers;
        if (stranger)
            name_lose(id);
        slice_name(name_cpu(id), name_position(id), name_role(id), NULL);
        steps_use(steps, stranger ? LOSE_STEPS : NAME_STEPS);
    }
    return !*circle;
}

/* ---- who owns a position ---- */

void
slice_free(struct cpu *cpu, uint64_t position)
{
    account_return(account_at(cpu->slice[position].owner), ACCOUNT_SLICES, 1);
    slice_name(cpu, position, SLICE_FIRST, NULL);
    slice_name(cpu, position, SLICE_SECOND, NULL);
    cpu->slice[position] = (struct slice){0}; /* V3 */
}

bool
slice_reap(uint32_t account, uint64_t *cursor, uint64_t *steps)
{
    uint64_t end = (uint64_t)cpu_count() * SLICE_POSITIONS;

    for (; *cursor < end && *steps; (*cursor)++) {
        uint64_t position = *cursor % SLICE_POSITIONS;
        struct cpu *cpu = cpu_at((uint32_t)(*cursor / SLICE_POSITIONS));
        bool its = account_covers(account_at(account), cpu->slice[position].owner);
        if (its)
            slice_free(cpu, position);
        steps_use(steps, its ? FREE_STEPS : 1);
    }
    return *cursor == end;
}

/* Are there n positions from that one on? Their processor, and the position masked; or an error. */
static int
positions_check(uint64_t number, uint64_t *position, uint64_t n, struct cpu **at)
{
    if (number >= cpu_count() || *position >= SLICE_POSITIONS || n < 1 || n > SLICE_BATCH_MAX ||
        n > SLICE_POSITIONS - *position)
        return E_INVAL;
    *position = index_masked(*position, SLICE_POSITIONS);
    *at = cpu_at((uint32_t)index_masked(number, cpu_count()));
    return 0;
}

struct result
slice_take(struct account *account, uint64_t number, uint64_t position, uint64_t n)
{
    struct cpu *cpu;
    uint64_t done = 0;
    int error = positions_check(number, &position, n, &cpu);

    if (!error && account_dying((uint32_t)frame_of(account)))
        error = E_PERM;
    for (; !error && done < n; done += !error) {
        struct slice *s = &cpu->slice[position + done];
        error = s->owner ? E_BUSY : account_take(account, ACCOUNT_SLICES, 1);
        if (!error)
            s->owner = (uint32_t)frame_of(account);
    }
    return done ? result_ok((int64_t)done) : result_error(error);
}

struct result
slice_give(struct account *account, uint64_t number, uint64_t position, uint64_t n)
{
    struct cpu *cpu;
    uint64_t done = 0;
    int error = positions_check(number, &position, n, &cpu);

    if (error)
        return result_error(error);
    while (done < n && account_covers(account, cpu->slice[position + done].owner))
        slice_free(cpu, position + done++);
    return done ? result_ok((int64_t)done) : result_error(E_PERM);
}

struct result
slice_set(struct account *account, uint64_t number, uint64_t position, uint64_t first,
          uint64_t second, uint64_t duration_ns)
{
    struct context *context[SLICE_ROLES];
    struct cpu *cpu;
    int error = positions_check(number, &position, 1, &cpu);

    if (!error && (duration_ns < SLICE_MIN_NS || duration_ns > SLICE_MAX_NS))
        error = E_INVAL;
    if (!error && !account_covers(account, cpu->slice[position].owner))
        error = E_PERM;
    if (!error)
        context[SLICE_FIRST] = slot_optional(first, KIND_CONTEXT, RIGHT_RUN, &error);
    if (!error)
        context[SLICE_SECOND] = slot_optional(second, KIND_CONTEXT, RIGHT_RUN, &error);
    if (error)
        return result_error(error);
    cpu->slice[position].duration_ns = (uint32_t)duration_ns;
    for (enum slice_role role = SLICE_FIRST; role < SLICE_ROLES; role++) {
        slice_name(cpu, position, role, context[role]);
        if (context[role] && slice_can_run(context[role]))
            slice_ready(context[role]);
    }
    return result_ok(0);
}

struct result
slice_read(struct account *account, uint64_t number, uint64_t position, struct slice_state *out)
{
    const struct slice *s;
    struct cpu *cpu;
    int error = positions_check(number, &position, 1, &cpu);

    if (error)
        return result_error(error);
    s = &cpu->slice[position];
    if (s->owner && !account_covers(account, s->owner))
        return result_error(E_PERM);
    *out = (struct slice_state){.owner = s->owner,
                                .context = s->name[SLICE_FIRST].context,
                                .second = s->name[SLICE_SECOND].context,
                                .duration_ns = s->duration_ns,
                                .debt_ns = s->debt_ns,
                                .interrupts = cpu->interrupts};
    return result_ok(0);
}

void
slice_first(uint32_t owner, struct context *context, uint32_t duration_ns)
{
    struct cpu *cpu = cpu_this();

    (void)account_take(account_at(owner), ACCOUNT_SLICES, 1); /* root's limit is all */
    cpu->slice[0].owner = owner;
    cpu->slice[0].duration_ns = duration_ns;
    slice_name(cpu, 0, SLICE_FIRST, context);
}
