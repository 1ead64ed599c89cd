/* SPDX-License-Identifier: MIT */
/*
 * wait.c - sleeping on a predicate, and waking who sleeps.
 *
 * Invariants are those of wait.h.
 * A sleeping context stands before its wait in its registers: waking is running it again.
 * test/model/wait.pml is a model of wait and wake.
 * Source  Engler, Kaashoek, O'Toole, SOSP '95 (wakeup predicates).
 */
#include "kernel/wait.h"
#include "kernel/steps.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/event.h"
#include "kernel/frame.h"
#include "kernel/lock.h"
#include "kernel/slice.h"
#include "kernel/transfer.h"
#include "kernel/work.h"
#include "plant.h"

enum { LOOK_STEPS = 8, CLAUSE_STEPS = 2, CHAIN_STEPS = 8 };

static uint64_t epoch_mark; /* those that joined by then look when one passes */
static uint32_t backlog;    /* the circle of W4 */

struct result
wait(uint64_t clauses, uint64_t n)
{
    struct cpu *cpu = cpu_this();
    struct context *context = cpu->current;
    uint64_t absent = 0;
    uint32_t holding;
    int error = 0;

    if (n > WAIT_CLAUSES_MAX)
        return result_error(E_INVAL);
    if (n)
        absent = copy_in(context->clause, clauses, n * sizeof(context->clause[0]));
    if (absent)
        return result_error_at(E_FAULT, absent);
    holding = clauses_look(context, (uint32_t)n, &error);
    context->deadline_ns += planted(PLANT_LATE) && error;
    if (error)
        return result_error(error);
    if (holding < n)
        return result_ok(holding);
    if (context_interrupted(context))
        return result_error(E_INTR);
    holding = clauses_sleep(context, (uint32_t)n);
    if (holding < n)
        return result_ok(holding);
    context->wake_ns = clauses_time(context, (uint32_t)n);
    context->phase = CONTEXT_WAITING;
    context->overruns = 0;
    slice_sleeps(context);
    work_ask();
    arch_context_restart(context);
    slice_schedule(cpu);
}

/* ---- waking ---- */

void
wait_end(struct context *context)
{
    clauses_leave(context);
    context->wake_ns = 0;
    context->phase = CONTEXT_READY;
    slice_ready(context);
}

void
wait_interrupt(struct context *context)
{
    arch_context_skip(context);
    arch_context_result(context, -E_INTR, 0);
    wait_end(context);
}

uint64_t
wake_steps(const struct context *context)
{
    return LOOK_STEPS + CLAUSE_STEPS * context->n_clauses +
           (chain_below(context) ? CHAIN_STEPS : 0);
}

/*
 * Wakes those in a circle that joined by `mark` and whose clause holds; the others go to its end.
 * True: all were looked at before the steps were used up.
 */
static bool
circle_wake(const uint32_t *circle, uint64_t mark, uint64_t *steps)
{
    uint32_t id;

    while ((id = clause_first(circle, mark))) {
        struct context *context = clause_context(id);
        if (!*steps)
            return false;
        steps_use(steps, wake_steps(context));
        if (clause_holds(context, id % WAIT_CLAUSES_MAX))
            wait_end(context);
        else
            clause_behind(id);
    }
    return true;
}

static struct circle_link *
backlog_link(uint32_t events)
{
    return &((struct events *)frame_address(events))->behind;
}

/* Is there more? A processor that halts works on it at once; the others run for long, maybe. */
static bool
backlog_left(bool left)
{
    return left && (slice_ask_idle(planted(PLANT_BACKLOG) ? 0 : UINT64_MAX) || true);
}

static void
backlog_add(struct events *events, uint32_t index)
{
    if (!events->backlog) /* W4 */
        circle_join(&backlog, (uint32_t)frame_of(events), backlog_link);
    events->backlog |= (uint64_t)1 << index;
    events->backlog_mark = clause_joins;
}

static void
backlog_remove(struct events *events)
{
    events->backlog = 0;
    circle_leave(&backlog, (uint32_t)frame_of(events), backlog_link);
}

/* W5 */
static uint64_t *
raise_steps(void)
{
    static struct stretch raising;

    return stretch_steps(&raising, RAISE_STEPS);
}

void
wait_raise(struct events *events, uint32_t index)
{
    if (backlog_left(events->waiter[index] &&
                     !circle_wake(&events->waiter[index], clause_joins, raise_steps())))
        backlog_add(events, index);
}

void
wait_epoch(void)
{
    epoch_mark = clause_joins;
    (void)backlog_left(!circle_wake(clause_circle(WAIT_EPOCH, 0, 0), epoch_mark, raise_steps()));
}

/* A round robin over events, so that a crowd at one does not hold up another's. */
bool
wait_backlog(void)
{
    uint64_t part = *lock_steps() < RAISE_STEPS ? *lock_steps() : RAISE_STEPS, steps = part;
    bool looked = circle_wake(clause_circle(WAIT_EPOCH, 0, 0), epoch_mark, &steps);

    while (backlog && steps) {
        struct events *events = frame_address(backlog);
        uint32_t index = (uint32_t)__builtin_ctzll(events->backlog);
        backlog = events->behind.next;
        if (circle_wake(&events->waiter[index], events->backlog_mark, &steps))
            events->backlog &= events->backlog - 1;
        if (!events->backlog)
            backlog_remove(events);
    }
    steps_use(lock_steps(), part - steps);
    return backlog_left(!looked || backlog);
}

struct result
wake(struct account *account, uint64_t frame)
{
    uint32_t woken = 0;
    int error = frame_check_words(account, frame);

    if (error)
        return result_error(error);
    for (const uint32_t *circle = clause_circle(WAIT_WORD, (uint32_t)frame, 0);
         *circle && woken < WAKE_MAX; woken++)
        wait_end(clause_context(*circle));
    return result_ok(woken);
}

/* ---- ends ---- */

static bool
circle_release(const uint32_t *head, uint64_t *steps)
{
    while (*head && *steps) {
        steps_use(steps, wake_steps(clause_context(*head)));
        wait_end(clause_context(*head));
    }
    return !*head;
}

bool
wait_release(struct events *events, uint64_t *steps)
{
    for (uint32_t i = 0; i < EVENTS_PER_FRAME; i++)
        if (!circle_release(&events->waiter[i], steps))
            return false;
    if (events->backlog)
        backlog_remove(events);
    return true;
}

bool
wait_on_frame(uint64_t frame)
{
    return *clause_circle(WAIT_WORD, (uint32_t)frame, 0) != 0;
}

bool
wait_release_frame(uint64_t frame, uint64_t *steps)
{
    return circle_release(clause_circle(WAIT_WORD, (uint32_t)frame, 0), steps);
}
