/* SPDX-License-Identifier: MIT */
/*
 * account.c - principals: a tree; who covers whom, made and ended.
 *
 * Invariants are those of struct account (account.h). What they use and hold is in charge.c, what
 * they show in shown.c, what ends one in reap.c.
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

/* The parent lives: a frame of its own is good for an object (frame_check_unused). */
static int
terms_check(struct account *parent, const struct account_terms *terms)
{
    static const struct account_count none;

    if (parent->state.depth + 1 >= ACCOUNT_DEPTH_MAX || !terms->name ||
        terms->reserve_frames > terms->limit_frames)
        return E_INVAL;
    if (child_named(parent, terms->name) && !planted(PLANT_NAME))
        return E_EXIST; /* A5 */
    return reserve_check(parent, &none, ACCOUNT_FRAMES, terms->reserve_frames);
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
    memcpy(account->path, parent->path, sizeof(account->path));
    account->path[state->depth] = (uint32_t)frame; /* A2 */
    reserve_set(account, ACCOUNT_FRAMES, terms->reserve_frames);
    if (!child_named(parent, terms->name)) /* it is not, but with PLANT_NAME */
        child_enter(parent, account);
    account_page_make(account, terms);
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
    error = error ? error : account_page_check(parent, terms, frame);
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

uint64_t
account_release(struct account *account)
{
    struct account *parent = account_parent(account);
    uint64_t n = 0;

    assert(parent && account_is_empty(account)); /* root's frame is nobody's to free */
    for (int kind = 0; kind < ACCOUNT_KINDS; kind++)
        if (account->state.count[kind].reserve && ++n)
            reserve_set(account, (enum account_kind)kind, 0);
    child_leave(parent, account);
    revoke_forget(account);
    reap_forget(account);
    owned_walk(account, false);
    accounts_dying -= account->state.dying;
    return n;
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
