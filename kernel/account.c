/* SPDX-License-Identifier: MIT */
/*
 * account.c - principals: a tree of reserves and limits.
 * Invariants are those of struct account (account.h). What ends an account is in reap.c, what asks
 * back from one in revoke.c.
 */
#include "kernel/account.h"
#include "abi/channel.h"
#include "abi/memory.h"
#include "abi/slice.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/epoch.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/owned.h"
#include "kernel/reap.h"
#include "kernel/revoke.h"
#include "kernel/step.h"
#include "lib/string.h"
#include "plant.h"

struct account *account_root;
uint32_t accounts_dying;

struct account *
account_at(uint64_t frame)
{
    return frame_address(frame);
}

struct account *
account_parent(const struct account *account)
{
    uint32_t depth = account->state.depth;

    return depth ? account_at(account->path[depth - 1]) : NULL;
}

bool
account_covers(const struct account *account, uint32_t below)
{
    return below && account_at(below)->path[account->state.depth] == frame_of(account);
}

bool
account_dying_above(uint32_t frame)
{
    const struct account *account = account_at(frame);

    for (uint32_t i = 0; i <= account->state.depth; i++)
        if (account_at(account->path[i])->state.dying)
            return true;
    return false;
}

/* ---- its page ---- */

static struct account_page *
page_of(const struct account *account)
{
    return account->page ? frame_address(account->page) : NULL;
}

void
account_show(const struct account *account)
{
    struct account_page *page = page_of(account);

    if (page)
        page->state = account->state;
}

static void
count_show(const struct account *account, enum account_kind kind)
{
    struct account_page *page = page_of(account);

    if (page && !planted(PLANT_SHOW))
        page->state.count[kind] = account->state.count[kind];
}

void
account_lose(struct account *account, struct account_taken taken)
{
    struct account_page *page = page_of(account);

    if (page && !planted(PLANT_LOSS))
        page->taken[account->state.n_taken % page->n_ring] = taken;
    account->state.n_taken++;
    account->state.count[taken.kind].taken++;
    account_show(account);
}

/* ---- counting (A1, A3) ---- */

/* A change of a count is a number that wraps: -n takes n away. */
static uint64_t
change_above(const struct account_count *c, uint64_t change)
{
    uint64_t before = c->held > c->reserve ? c->held : c->reserve; /* as the parent counts it */
    uint64_t held = c->held + change;

    return (held > c->reserve ? held : c->reserve) - before;
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

bool
account_vital_fits(const struct account *account, uint64_t n)
{
    return n <= account->state.reserve_frames - account->given[ACCOUNT_FRAMES] ||
           planted(PLANT_MARKS);
}

static struct account *
common_above(struct account *a, const struct account *b)
{
    while (!account_covers(a, (uint32_t)frame_of(b)))
        a = account_parent(a);
    return a;
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
    struct account *top = common_above(from, to);
    uint64_t change = change_at(top, from, kind, -n) + change_at(top, to, kind, n);

    if (account_dying((uint32_t)frame_of(to)) || held_check(to, top, kind, n) ||
        ((int64_t)change > 0 && held_check(top, NULL, kind, change)))
        return E_DQUOT;
    count_change(from, top, kind, -n, -n);
    count_change(to, top, kind, n, n);
    count_change(top, NULL, kind, 0, change);
    return 0;
}

/* ---- reserves and limits ---- */

/* A4: has the parent that reserve left to give, when a child's of `old` is given back first? */
static bool
reserve_fits(const struct account *parent, enum account_kind kind, uint64_t old, uint64_t reserve)
{
    return reserve <= parent->state.count[kind].reserve - (parent->given[kind] - old);
}

struct result
account_limit_set(struct account *account, uint64_t kind, uint64_t reserve, uint64_t limit)
{
    struct account *parent = account_parent(account);
    struct account_count *c = &account->state.count[index_masked(kind, ACCOUNT_KINDS)];
    uint64_t held, grown;

    if (kind >= ACCOUNT_KINDS || reserve > limit)
        return result_error(E_INVAL);
    if (!parent || account_dying((uint32_t)frame_of(account)))
        return result_error(E_PERM);
    if (reserve < account->given[kind] || (c->wanted && reserve > c->reserve))
        return result_error(E_BUSY);
    held = c->held > c->reserve ? c->held : c->reserve; /* what the parent counts, and will */
    grown = c->held > reserve ? c->held : reserve;
    if (!reserve_fits(parent, (enum account_kind)kind, c->reserve, reserve) ||
        (grown > held && held_check(parent, NULL, (enum account_kind)kind, grown - held)))
        return result_error(E_DQUOT);
    count_change(parent, NULL, (enum account_kind)kind, 0, grown - held);
    parent->given[kind] += reserve - c->reserve;
    c->reserve = reserve;
    c->limit = limit;
    account_show(account);
    account_show(parent);
    return result_ok(0);
}

/* ---- making and ending ---- */

static void
total_set(enum account_kind kind, uint64_t n)
{
    account_root->state.count[kind].limit = account_root->state.count[kind].reserve = n;
}

void
account_init(uint64_t n)
{
    account_root = account_at(n);
    for (int kind = 0; kind < ACCOUNT_KINDS; kind++)
        total_set((enum account_kind)kind, ACCOUNT_NO_LIMIT);
    account_root->path[0] = (uint32_t)n;
    cell_init(&account_root->cell, n, KIND_ACCOUNT);
}

void
account_totals(void)
{
    uint64_t frames = account_root->state.used_frames;

    for (uint64_t n = 0; n < frame_count; n++)
        frames += frame_at(n)->type == FRAME_FREE;
    total_set(ACCOUNT_FRAMES, frames);
    total_set(ACCOUNT_SLICES, cpu_count() * (uint64_t)SLICE_POSITIONS);
    total_set(ACCOUNT_CHANNELS, CHANNEL_MAX);
    total_set(ACCOUNT_DESCRIPTORS, CHANNEL_FLIGHTS_MAX);
}

/* May these frames become its page? They are the parent's own, so that nobody's held grows (A3). */
static int
page_check(const struct account *parent, const struct account_terms *terms, uint64_t frame)
{
    uint64_t first = terms->page_frame, n = terms->n_pages;

    if (!first)
        return n ? E_INVAL : 0;
    if (n < 1 || n > ACCOUNT_PAGES_MAX || n > terms->limit_frames ||
        (frame >= first && frame - first < n))
        return E_INVAL;
    for (uint64_t i = 0; i < n; i++) {
        int error = frame_check_unused(parent, first + i);
        if (!error && frame_at(first + i)->owner != frame_of(parent))
            error = E_PERM;
        if (error)
            return error;
    }
    return 0;
}

static int
terms_check(struct account *parent, const struct account_terms *terms)
{
    if (parent->state.depth + 1 >= ACCOUNT_DEPTH_MAX || !terms->name ||
        terms->reserve_frames > terms->limit_frames)
        return E_INVAL;
    if (account_dying((uint32_t)frame_of(parent)))
        return E_INVAL;
    if (child_named(parent, terms->name) && !planted(PLANT_NAME))
        return E_EXIST; /* A5 */
    if (!reserve_fits(parent, ACCOUNT_FRAMES, 0, terms->reserve_frames))
        return E_DQUOT;
    return held_check(parent, NULL, ACCOUNT_FRAMES, terms->reserve_frames);
}

static void
page_make(struct account *account, const struct account_terms *terms)
{
    struct account_page *page;

    if (!terms->page_frame)
        return;
    (void)account_move(account_parent(account), account, ACCOUNT_FRAMES,
                       terms->n_pages); /* page_check: it has room */
    for (uint64_t i = terms->page_frame; i < terms->page_frame + terms->n_pages; i++) {
        frame_become(i, FRAME_EXPOSED);
        owned_leave(i);
        owned_enter((uint32_t)frame_of(account), i, 1); /* A7 */
        frame_ref(i);
    }
    account->page = (uint32_t)terms->page_frame;
    account->n_pages = (uint32_t)terms->n_pages;
    page = page_of(account);
    page->version = ACCOUNT_PAGE_VERSION;
    page->n_ring = (uint32_t)((terms->n_pages * FRAME_BYTES - ACCOUNT_PAGE_HEAD) /
                              sizeof(struct account_taken));
    page->account = frame_of(account);
}

static struct account *
account_create(struct account *parent, uint64_t frame, const struct account_terms *terms)
{
    struct account *account = frame_become(frame, FRAME_ACCOUNT);
    struct account_state *state = &account->state;

    state->name = terms->name;
    state->depth = parent->state.depth + 1;
    for (int kind = 0; kind < ACCOUNT_KINDS; kind++)
        state->count[kind].limit = ACCOUNT_NO_LIMIT;
    state->limit_frames = terms->limit_frames;
    state->reserve_frames = terms->reserve_frames;
    memcpy(account->path, parent->path, sizeof(account->path));
    account->path[state->depth] = (uint32_t)frame; /* A2 */
    count_change(parent, NULL, ACCOUNT_FRAMES, 0, terms->reserve_frames);
    parent->given[ACCOUNT_FRAMES] += terms->reserve_frames;
    if (!child_named(parent, terms->name)) /* it is not, but with PLANT_NAME */
        child_enter(parent, account);
    page_make(account, terms);
    account_show(account);
    return account;
}

struct result
account_make(struct account *parent, uint64_t frame, uint64_t into,
             const struct account_terms *terms)
{
    struct account *account;
    int error = frame_check_unused(parent, frame);

    if (!error && frame_at(frame)->owner != frame_of(parent))
        error = E_PERM; /* O2 */
    error = error ? error : page_check(parent, terms, frame);
    error = error ? error : slot_check_empty(into);
    error = error ? error : terms_check(parent, terms);
    if (error)
        return epoch_error(error);
    account = account_create(parent, frame, terms);
    cell_init(&account->cell, frame, KIND_ACCOUNT);
    slot_fill(into, &account->cell);
    return result_ok(0);
}

bool
account_is_empty(const struct account *account)
{
    for (int kind = 0; kind < ACCOUNT_KINDS; kind++)
        if (account->state.count[kind].used)
            return false;
    return true;
}

void
account_release(struct account *account)
{
    struct account *parent = account_parent(account);

    assert(parent && account_is_empty(account)); /* root's frame is nobody's to free */
    for (int kind = 0; kind < ACCOUNT_KINDS; kind++) {
        uint64_t reserve = account->state.count[kind].reserve;
        count_change(parent, NULL, (enum account_kind)kind, 0, -reserve); /* held is 0 */
        parent->given[kind] -= reserve;
    }
    child_leave(parent, account);
    revoke_forget(account);
    reap_forget(account);
    owned_walk(account, false);
    account_show(parent);
    accounts_dying -= account->state.dying;
}

void
account_page_drop(struct account *account)
{
    uint64_t first = account->page, n = account->n_pages;

    account->page = account->n_pages = 0;
    for (uint64_t i = first; i < first + n; i++) {
        frame_unref(i);
        frame_retire(i);
    }
}

struct result
account_read(struct account *account, struct account_state *out)
{
    *out = account->state;
    if (planted(PLANT_ADDRESS))
        out->n_taken = (uintptr_t)account;
    return result_ok(0);
}

struct result
account_time(struct account *account, uint64_t strikes, uint64_t latency_ns)
{
    if (strikes > UINT32_MAX || latency_ns > SLICE_MAX_NS)
        return result_error(E_INVAL);
    account->strikes_max = (uint32_t)strikes;
    account->latency_ns = latency_ns;
    return result_ok(0);
}
