/* SPDX-License-Identifier: MIT */
/*
 * revoke.c - asking back what an account holds, and taking it by force when it does not give.
 *
 * Invariants are those of revoke.h.
 * What is wanted stands in the account's state, which its page shows, until it is met; one of its
 * contexts gets a REVOKE upcall. Past the deadline the kernel takes frames that are plain and not
 * vital, or positions, one after the other, and writes each to the ring of the account that had it.
 * Where one round does not find enough, the account is ended: it has turned the rest into what
 * cannot be taken singly.
 * Source  Engler, Kaashoek, O'Toole, SOSP '95: visible revocation, abort protocol, repossession.
 */
#include "kernel/revoke.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/lock.h"
#include "kernel/mapping.h"
#include "kernel/owned.h"
#include "kernel/reap.h"
#include "kernel/slice.h"
#include "kernel/steps.h"
#include "plant.h"

enum {
    PACE_NS =
        1000 * 1000, /* between two ticks that find something to do: 1/20 of the time at most */
    LOOK_MAX = 16,   /* accounts that one tick looks at */
    LOOK_PART = 8,   /* V4: of the time until a deadline */
    TICK_LEAST = STEPS_MAX / 4, /* else it waits for the next interrupt, which comes at once */
};

static uint32_t list; /* V1: one of a circle; 0: it is empty */
static uint64_t n_listed;
static uint64_t next_ns; /* what revoke_deadline says */
static uint64_t lost_ns; /* V4: as far as it was seen, ever */

/* ---- the list ---- */

static struct circle_link *
list_link(uint32_t account)
{
    return &account_at(account)->revoke;
}

static void
list_enter(struct account *account)
{
    if (account->revoke.next)
        return;
    n_listed++;
    circle_join(&list, (uint32_t)frame_of(account), list_link);
}

void
revoke_forget(struct account *account)
{
    if (!account->revoke.next)
        return;
    circle_leave(&list, (uint32_t)frame_of(account), list_link);
    account->revoke = (struct circle_link){0};
    n_listed--;
    if (!account->state.dying)
        owned_walk(account, false);
}

/* ---- telling ---- */

void
revoke_deafen(const struct context *context)
{
    struct account *account = account_at(frame_at(context->self)->owner);

    for (uint32_t i = 0; i < account->n_listeners; i++)
        if (account->listener[i] == context->self)
            account->listener[i--] = account->listener[--account->n_listeners];
}

static bool
listens(const struct account *account, uint32_t context)
{
    for (uint32_t i = 0; i < account->n_listeners; i++)
        if (account->listener[i] == context)
            return true;
    return false;
}

struct result
account_listen(struct account *account, uint64_t on)
{
    const struct context *context = context_current();

    if (on > 1)
        return result_error(E_INVAL);
    if (frame_at(context->self)->owner != frame_of(account)) {
        if (planted(PLANT_HEARD))
            account->listener[account->n_listeners++ % ACCOUNT_LISTENERS_MAX] = context->self;
        return result_error(E_PERM);
    }
    if (!on) {
        revoke_deafen(context);
        return result_ok(0);
    }
    if (listens(account, context->self))
        return result_error(E_EXIST);
    if (account->n_listeners == ACCOUNT_LISTENERS_MAX)
        return result_error(E_NOSPC);
    account->listener[account->n_listeners++] = context->self;
    return result_ok(0);
}

/* ---- taking by force ---- */

/* Elementary steps (kernel/bound.h): to look at one, to take it and say so, beside giving it back.
 */
enum { LOOK_STEPS = 8, TAKE_STEPS = 32, FEWER_MIN = 32 };

/*
 * Would taking one of a kind from `owner` lower what `account` above it holds, and take from no
 * reserve (V2)?
 */
static bool
takeable(const struct account *account, const struct account *owner, enum account_kind kind)
{
    for (; owner; owner = account_parent(owner)) {
        const struct account_count *c = &owner->state.count[kind];
        if (c->held <= c->reserve && !planted(PLANT_RESERVE))
            return false;
        if (owner == account)
            return true;
    }
    return false;
}

/* From the first on. */
static void
force_again(struct account *account, enum account_kind kind)
{
    account->force_left = UINT32_MAX;
    if (kind == ACCOUNT_FRAMES)
        account->force_frame = (uint32_t)frame_of(account);
    else
        account->force_position = 0;
}

/* A frame of the account or of one below: 0 when it was taken, E_AGAIN when the steps do not
 * suffice. */
static int
force_frame(struct account *account, uint64_t n, uint64_t *steps)
{
    const struct frame *f = frame_at(n);
    struct account *owner;
    int error;

    if (f->type != FRAME_PLAIN && f->type != FRAME_PART)
        return E_PERM;
    owner = account_at(f->owner);
    error = takeable(account, owner, ACCOUNT_FRAMES) ? frame_take(n, steps) : E_PERM;
    if (!error)
        account_lose(owner, (struct account_taken){.kind = ACCOUNT_FRAMES, .name = n});
    return error;
}

/* One position of the machine, of processor n / SLICE_POSITIONS. E_PERM: another has it. */
static int
force_position(struct account *account, uint64_t n)
{
    struct cpu *cpu = cpu_at((uint32_t)(n / SLICE_POSITIONS));
    uint64_t position = n % SLICE_POSITIONS;
    uint32_t owner = cpu->slice[position].owner;

    if (!account_covers(account, owner))
        return E_PERM;
    if (!takeable(account, account_at(owner), ACCOUNT_SLICES))
        return 0;
    slice_free(cpu, position);
    account_lose(
        account_at(owner),
        (struct account_taken){.kind = ACCOUNT_SLICES, .detail = cpu->number, .name = position});
    return 0;
}

/*
 * Looks at the next frame or position: 0, E_PERM (a position of another's), E_AGAIN as above, or
 * E_NOENT when the round is over.
 */
static int
force_next(struct account *account, enum account_kind kind, uint64_t *steps)
{
    uint64_t n, before = account->force_left;

    if (kind == ACCOUNT_SLICES) {
        if (account->force_position == cpu_count() * (uint64_t)SLICE_POSITIONS)
            return E_NOENT;
        return force_position(account, account->force_position++);
    }
    n = owned_after(account, account->force_frame);
    if (!n)
        return E_NOENT;
    if (force_frame(account, n, steps) == E_AGAIN) {
        account->force_left = frame_at(frame_head(n))->refs;
        if ((uint64_t)account->force_left + FEWER_MIN <= before || planted(PLANT_CLING))
            return E_AGAIN; /* V3: or its owner maps it anew as fast */
    }
    account->force_left = UINT32_MAX;
    if (owned_after(account, account->force_frame) == n)
        account->force_frame = (uint32_t)n; /* it stays */
    return 0;
}

/*
 * Takes until nothing is wanted. When the round is over and something still is, what is left cannot
 * be taken singly: that ends the account (V3).
 */
static void
force(struct account *account, enum account_kind kind, uint64_t *steps)
{
    while (account->state.count[kind].wanted && *steps) {
        uint64_t wanted = account->state.count[kind].wanted;
        int error = force_next(account, kind, steps);
        if (error == E_AGAIN)
            return;
        wanted -= account->state.count[kind].wanted;
        steps_use(steps, error == E_PERM ? 1 : wanted ? TAKE_STEPS : LOOK_STEPS);
        if (error != E_NOENT)
            continue;
        force_again(account, kind);
        if (planted(PLANT_WHOLE))
            return;
        reap_begin(account);
        steps_use(steps, cpu_count()); /* slice_expel looks at each */
        return;
    }
}

enum { KINDS = 2 };

static const enum account_kind kinds[KINDS] = {ACCOUNT_FRAMES, ACCOUNT_SLICES};

/* A look that comes too late has found the machine standing still. */
static void
loss_look(uint64_t now_ns)
{
    if (!list || !time_lost(next_ns, now_ns))
        return;
    lost_ns += now_ns - next_ns;
    next_ns = now_ns;
}

/* V4: what was lost since it was last looked at. */
static void
deadlines_move(struct account *account)
{
    uint64_t lost = lost_ns - account->lost_ns;

    account->lost_ns = lost_ns;
    for (uint32_t i = 0; i < KINDS && lost; i++)
        if (account->state.count[kinds[i]].wanted)
            account->state.count[kinds[i]].due_ns += lost;
    if (lost)
        account_show(account);
}

/* When to look at what is wanted again. */
static uint64_t
look_time(uint64_t due_ns, uint64_t now_ns)
{
    if (due_ns <= now_ns)
        return now_ns + PACE_NS;
    return due_ns - now_ns > SLICE_LOST_NS ? now_ns + (due_ns - now_ns) / LOOK_PART : due_ns;
}

/* Works on one account; when it wants to be looked at again, 0: it may leave the list. */
static uint64_t
revoke_work(struct account *account, uint64_t now_ns, uint64_t *steps)
{
    uint64_t again = 0;

    deadlines_move(account);
    for (uint32_t i = 0; i < KINDS && !account->state.dying; i++) {
        struct account_count *c = &account->state.count[kinds[i]];
        if (c->wanted && c->due_ns <= now_ns && !planted(PLANT_FORCE))
            force(account, kinds[i], steps);
        if (c->wanted)
            again = earlier(again, look_time(c->due_ns, now_ns));
    }
    if (account->state.dying)
        return reap(account, steps) ? 0 : now_ns + PACE_NS;
    return again;
}

uint64_t
revoke_deadline(void)
{
    return list && cpu_this()->number == 0 ? next_ns : 0;
}

void
revoke_tick(uint64_t now_ns)
{
    uint64_t look = n_listed < LOOK_MAX ? n_listed : LOOK_MAX, *steps = lock_steps();
    uint64_t first = n_listed > LOOK_MAX ? now_ns + PACE_NS : UINT64_MAX;

    if (!list || now_ns < next_ns || cpu_this()->number || *steps < TICK_LEAST)
        return;
    if (planted(PLANT_STALL))
        now_ns += STALL_NS;
    loss_look(now_ns);
    for (uint64_t i = 0; i < look && list; i++) {
        struct account *account = account_at(list);
        uint64_t again = revoke_work(account, now_ns, steps);
        list = account->revoke.next;
        if (!again)
            revoke_forget(account); /* V1 */
        else if (again < first)
            first = again;
    }
    next_ns = first;
}

struct result
account_revoke(struct account *account, uint64_t kind, uint64_t n, uint64_t deadline_ns)
{
    struct account_count *c = &account->state.count[index_masked(kind, ACCOUNT_KINDS)];
    uint64_t steps = STEPS_MAX, now = clock_now();
    uint64_t most = c->held > c->reserve ? c->held - c->reserve : 0;
    struct context *told;

    if (kind != ACCOUNT_FRAMES && kind != ACCOUNT_SLICES)
        return result_error(E_INVAL);
    if (account_covers(account, env_current()->account))
        return result_error(E_BUSY);
    if (n && c->wanted)
        return result_error(E_EXIST);
    if (n > most && !planted(PLANT_RESERVE))
        return result_error_at(E_RANGE, most); /* V2 */
    loss_look(now);
    deadlines_move(account); /* what is asked for now has not lost that */
    if (n) {
        c->wanted = n;
        c->due_ns = deadline_ns < now ? now : deadline_ns < INT64_MAX ? deadline_ns : INT64_MAX;
        account_show(account);
        list_enter(account);
        owned_walk(account, true);
        force_again(account, (enum account_kind)kind);
        next_ns = earlier(n_listed > 1 ? next_ns : 0, look_time(c->due_ns, now));
        told = context_soonest(account->listener, account->n_listeners, 0);
        if (told)
            context_due(told, UPCALL_REVOKE);
        slice_poke(cpu_at(0));
    }
    if (account->revoke.next)
        (void)revoke_work(account, now, &steps);
    return result_ok((int64_t)c->wanted);
}
