/* SPDX-License-Identifier: MIT */
/*
 * charge.c - what accounts use and hold: charged and returned, moved, reserved, limited.
 *
 * Invariants A1, A3, A4, A6 and A8 of account.h. What is asked back is revoke.c's.
 */
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "plant.h"

/* What the parent holds for it. */
static uint64_t
held_above(uint64_t held, uint64_t reserve)
{
    return held > reserve ? held : reserve;
}

/* A change of a count is a number that wraps: -n takes n away. */
static uint64_t
change_above(const struct account_count *c, uint64_t change)
{
    return held_above(c->held + change, c->reserve) - held_above(c->held, c->reserve);
}

static bool
count_has_room(const struct account_count *c, uint64_t n)
{
    if (n == 0 || planted(PLANT_LIMIT))
        return true;
    return !c->wanted && c->held <= c->limit && n <= c->limit - c->held;
}

/* May held grow by n here, and above, below `top` (NULL: up to root), by what that makes? */
static int
held_check(const struct account *account, const struct account *top, enum account_kind kind,
           uint64_t n)
{
    for (; account != top; account = account_parent(account)) {
        const struct account_count *c = &account->state.count[kind];
        if (!count_has_room(c, n))
            return E_DQUOT;
        n = change_above(c, n);
    }
    return 0;
}

/* Something is held no more. */
static void
wanted_met(struct account_count *c, uint64_t n)
{
    c->wanted -= n < c->wanted ? n : c->wanted; /* A6 */
    if (!c->wanted)
        c->due_ns = 0;
}

/* What is used and held changes here, and above, below `top`, by what that makes. */
static void
count_change(struct account *account, const struct account *top, enum account_kind kind,
             uint64_t used, uint64_t held)
{
    for (; account != top; account = account_parent(account)) {
        struct account_count *c = &account->state.count[kind];
        uint64_t above = change_above(c, held);
        c->used += used;
        if (c->used > c->peak)
            c->peak = c->used;
        c->held += held;
        if (c->wanted && (int64_t)held < 0)
            wanted_met(c, -held);
        count_show(account, kind);
        held = above;
    }
}

int
account_take(struct account *account, enum account_kind kind, uint64_t n)
{
    if (account_dying(account->path[account->state.depth]) || held_check(account, NULL, kind, n))
        return E_DQUOT;
    count_change(account, NULL, kind, n, n);
    return 0;
}

void
account_return(struct account *account, enum account_kind kind, uint64_t n)
{
    assert(account->state.count[kind].used >= n); /* A1 */
    count_change(account, NULL, kind, -n, -n);
}

/* By how much what `top` above it holds changes when the account's does. */
static uint64_t
change_at(const struct account *top, const struct account *account, enum account_kind kind,
          uint64_t change)
{
    for (; account != top; account = account_parent(account))
        change = change_above(&account->state.count[kind], change);
    return change;
}

int
account_move(struct account *from, struct account *to, enum account_kind kind, uint64_t n)
{
    struct account *top = from;
    uint64_t change;

    while (!account_covers(top, (uint32_t)frame_of(to)))
        top = account_parent(top);
    change = change_at(top, from, kind, -n) + change_at(top, to, kind, n);
    if (account_dying((uint32_t)frame_of(to)) || held_check(to, top, kind, n) ||
        ((int64_t)change > 0 && held_check(top, NULL, kind, change)))
        return E_DQUOT;
    count_change(from, top, kind, -n, -n);
    count_change(to, top, kind, n, n);
    count_change(top, NULL, kind, 0, change);
    return 0;
}

/* ---- reserves and limits (A4) ---- */

bool
account_vital_fits(const struct account *account, uint64_t n)
{
    return n <= account->state.reserve_frames - account->given[ACCOUNT_FRAMES] ||
           planted(PLANT_MARKS);
}

int
reserve_check(const struct account *parent, const struct account_count *c, enum account_kind kind,
              uint64_t reserve)
{
    uint64_t held = held_above(c->held, c->reserve), will = held_above(c->held, reserve);

    if (reserve > parent->state.count[kind].reserve - (parent->given[kind] - c->reserve))
        return E_DQUOT;
    return will > held ? held_check(parent, NULL, kind, will - held) : 0;
}

void
reserve_set(struct account *account, enum account_kind kind, uint64_t reserve)
{
    struct account_count *c = &account->state.count[kind];
    struct account *parent = account_parent(account);
    uint64_t held = held_above(c->held, c->reserve);

    count_change(parent, NULL, kind, 0, held_above(c->held, reserve) - held);
    parent->given[kind] += reserve - c->reserve;
    c->reserve = reserve;
    count_show(account, kind);
}

struct result
account_limit_set(struct account *account, uint64_t number, uint64_t reserve, uint64_t limit)
{
    enum account_kind kind = (enum account_kind)index_masked(number, ACCOUNT_KINDS);
    struct account_count *c = &account->state.count[kind];
    const struct account *parent = account_parent(account);

    if (number >= ACCOUNT_KINDS || reserve > limit)
        return result_error(E_INVAL);
    if (!parent || account_dying((uint32_t)frame_of(account)))
        return result_error(E_PERM);
    if (reserve < account->given[kind] || (c->wanted && reserve > c->reserve))
        return result_error(E_BUSY);
    if (reserve_check(parent, c, kind, reserve))
        return result_error(E_DQUOT);
    c->limit = limit;
    reserve_set(account, kind, reserve);
    return result_ok(0);
}
