/* SPDX-License-Identifier: MIT */
/*
 * account.c - principals: a tree of limits, and the end of all that one holds.
 * Invariants are those of struct account (account.h).
 */
#include "kernel/account.h"
#include "abi/memory.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/epoch.h"
#include "kernel/frame.h"
#include "kernel/mapping.h"
#include "kernel/object.h"
#include "kernel/slice.h"
#include "kernel/step.h"

struct account *account_root;

struct account *
account_at(uint64_t frame)
{
    return frame_address(frame);
}

bool
account_covers(const struct account *account, uint32_t below)
{
    return below && account_at(below)->path[account->depth] == frame_of(account);
}

int
account_charge(struct account *account, uint64_t n)
{
    for (uint32_t i = 0; i <= account->depth; i++) {
        const struct account *a = account_at(account->path[i]);
        if (a->dying || n > a->limit_frames - a->used_frames)
            return E_DQUOT;
    }
    for (uint32_t i = 0; i <= account->depth; i++) {
        struct account *a = account_at(account->path[i]);
        a->used_frames += n; /* A1 */
        if (a->used_frames > a->peak_frames)
            a->peak_frames = a->used_frames;
    }
    return 0;
}

void
account_restore(struct account *account, uint64_t n)
{
    for (uint32_t i = 0; i <= account->depth; i++)
        account_at(account->path[i])->used_frames += n;
}

void
account_discharge(struct account *account, uint64_t n)
{
    for (uint32_t i = 0; i <= account->depth; i++)
        account_at(account->path[i])->used_frames -= n;
}

bool
account_dying(uint32_t frame)
{
    const struct account *account = account_at(frame);

    for (uint32_t i = 0; i <= account->depth; i++)
        if (account_at(account->path[i])->dying)
            return true;
    return false;
}

void
account_init(uint64_t n)
{
    account_root = account_at(n);
    account_root->limit_frames = UINT64_MAX;
    account_root->path[0] = (uint32_t)n;
    cell_init(&account_root->cell, n, KIND_ACCOUNT);
}

struct result
account_make(struct account *parent, uint64_t frame, uint64_t into, uint64_t terms_va)
{
    struct account_terms terms;
    uint64_t absent = copy_in(&terms, terms_va, sizeof(terms));
    struct account *account;
    int error;

    if (absent)
        return result_error_at(E_FAULT, absent);
    error = frame_check_unused(parent, frame);
    if (!error)
        error = slot_check_empty(into);
    if (!error && (parent->depth + 1 >= ACCOUNT_DEPTH_MAX || !terms.name || parent->dying))
        error = E_INVAL;
    if (error)
        return epoch_error(error);

    account = frame_become(frame, FRAME_ACCOUNT);
    account->name = terms.name;
    account->limit_frames = terms.limit_frames;
    account->depth = parent->depth + 1;
    for (uint32_t i = 0; i < account->depth; i++)
        account->path[i] = parent->path[i];
    account->path[account->depth] = (uint32_t)frame; /* A2 */
    parent->children++;
    cell_init(&account->cell, frame, KIND_ACCOUNT);
    slot_fill(into, &account->cell);
    return result_ok(0);
}

void
account_release(struct account *account)
{
    account_at(account->path[account->depth - 1])->children--;
}

struct result
account_read(struct account *account, uint64_t out)
{
    struct account_state state = {.name = account->name,
                                  .limit_frames = account->limit_frames,
                                  .used_frames = account->used_frames,
                                  .peak_frames = account->peak_frames,
                                  .depth = account->depth,
                                  .dying = account->dying};
    uint64_t absent = copy_out(out, &state, sizeof(state));

    return absent ? result_error_at(E_FAULT, absent) : result_ok(0);
}

/*
 * First contexts end, so that no processor stands on a root any more; then what objects and tables
 * stand on is broken, so that at last nothing refers to a frame but mappings from outside.
 */
enum reap_round { REAP_CONTEXTS, REAP_OBJECTS, REAP_FRAMES };

/*
 * One frame of a dying account. False: it is not done with, for it still runs on another processor,
 * or the steps are used up.
 */
static bool
account_reap_frame(struct account *account, uint64_t n, uint64_t *steps)
{
    struct frame *f = frame_at(n);
    bool object = f->type != FRAME_PLAIN && f->type != FRAME_ACCOUNT;
    uint64_t epoch;
    int error;

    if (!account_covers(account, f->owner))
        return true;
    if (account->reap_round == REAP_CONTEXTS ? f->type == FRAME_CONTEXT
                                             : account->reap_round == REAP_OBJECTS && object) {
        error = object_release(n, steps); /* vector areas and buffers: with their object */
        return error != E_BUSY && error != E_AGAIN;
    }
    if (account->reap_round != REAP_FRAMES)
        return true;
    if (!mapping_break(n, steps, &epoch))
        return false;
    if (f->refs == 0 && !object_release(n, steps))
        frame_give_back(n);
    return true;
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

struct result
account_destroy(struct account *account)
{
    uint64_t steps = STEPS_MAX;

    if (account_covers(account, env_current()->account))
        return result_error(E_BUSY);
    account->dying = 1;
    slice_expel();
    (void)slice_reap((uint32_t)frame_of(account), &account->slice_cursor, &steps);
    while (steps > 0 && account->used_frames) {
        if (!account_reap_frame(account, account->reap_cursor, &steps))
            break;
        steps -= steps > 0;
        account->reap_cursor++;
        if (account->reap_cursor == frame_count) {
            account->reap_cursor = 0;
            account->reap_round += account->reap_round < REAP_FRAMES;
        }
    }
    return result_ok((int64_t)account->used_frames);
}
