/* SPDX-License-Identifier: MIT */
/*
 * reap.c - all that an account and those below it hold goes back to the free pool.
 *
 * The account is marked first: then nothing of it runs, binds, maps or is charged. Positions go
 * first. Then its frames and those of all below are looked at, in rounds: contexts end, so that no
 * processor stands on a root any more; objects and tables let go of what they stand on; what others
 * map is broken, and the frames are free, those of accounts when nothing is charged to them any
 * more. A frame that is not done with is waited for: a context may be on its way off a processor, a
 * table's epoch may not have passed. All that are dying are in a circle: processors that have
 * nothing else to do work on it.
 */
#include "kernel/reap.h"
#include "kernel/account.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/mapping.h"
#include "kernel/object.h"
#include "kernel/owned.h"
#include "kernel/slice.h"
#include "kernel/steps.h"
#include "plant.h"

enum reap_round { REAP_CONTEXTS, REAP_OBJECTS, REAP_FRAMES };
enum { LOOK_STEPS = 4 };        /* elementary steps (kernel/bound.h) that a look at a frame costs */
enum { PACE_NS = 1000 * 1000 }; /* until one that waited for another processor is looked at again */

static uint32_t dying; /* one of the circle; 0: it is empty */

static struct circle_link *
dying_link(uint32_t account)
{
    return &account_at(account)->dying;
}

void
reap_forget(struct account *account)
{
    if (!account->dying.next)
        return;
    circle_leave(&dying, (uint32_t)frame_of(account), dying_link);
    account->dying = (struct circle_link){0};
}

void
reap_begin(struct account *account)
{
    if (account->state.dying)
        return;
    accounts_dying++;
    account->state.dying = 1;
    account_show(account);
    owned_walk(account, true);
    circle_join(&dying, (uint32_t)frame_of(account), dying_link);
    slice_expel(account->serves);
}

static int
reap_object(uint64_t n, uint64_t *steps)
{
    const struct frame *f = frame_at(n);

    if (f->type == FRAME_PLAIN || f->type == FRAME_ENDED || f->type == FRAME_ACCOUNT)
        return 0;
    if (f->type == FRAME_EXPOSED) {
        account_page_drop(account_at(f->owner));
        return 0;
    }
    return object_release(n, steps);
}

static int
reap_last(uint64_t n, uint64_t *steps)
{
    uint64_t epoch;
    int error;

    if (!mapping_break(n, steps, &epoch))
        return E_AGAIN;
    if (planted(PLANT_LEAK)) /* or the machine would never end */
        frame_at(n)->refs = 0;
    if (frame_at(n)->refs)
        return 0;
    error = object_release(n, steps);
    if (error == E_AGAIN && !*steps)
        return error; /* or the looks at others could use up the steps before it each time */
    if (!error)
        frame_give_back(n);
    return 0;
}

/* One frame. False: it is not done with, for it runs still, or the steps are used up. */
static bool
reap_frame(const struct account *account, uint64_t n, uint64_t *steps)
{
    int error = 0;

    if (account->reap_round == REAP_FRAMES)
        error = reap_last(n, steps);
    else if (account->reap_round == REAP_OBJECTS || frame_at(n)->type == FRAME_CONTEXT)
        error = reap_object(n, steps);
    return error != E_BUSY && error != E_AGAIN; /* vector areas, buffers: with their object */
}

bool
reap(struct account *account, uint64_t *steps)
{
    if (account->state.count[ACCOUNT_SLICES].used &&
        !slice_reap((uint32_t)frame_of(account), &account->slice_cursor, steps))
        return false;
    while (*steps > 0 && account->state.used_frames) {
        uint64_t n = owned_after(account, account->reap_cursor);
        steps_use(steps, LOOK_STEPS);
        if (!n) { /* another round */
            account->reap_cursor = (uint32_t)frame_of(account);
            account->reap_round += account->reap_round < REAP_FRAMES;
        } else if (!reap_frame(account, n, steps)) {
            return false;
        } else if (owned_after(account, account->reap_cursor) == n) {
            account->reap_cursor = (uint32_t)n; /* it stays, for now */
        }
    }
    if (account->state.used_frames)
        return false;
    reap_forget(account);
    return true;
}

uint64_t
reap_idle(uint64_t now_ns, uint64_t steps)
{
    uint64_t before;
    struct account *account;
    uint32_t round;

    if (!dying || planted(PLANT_IDLE_REAP))
        return 0;
    if (!steps)
        return now_ns;
    account = account_at(dying);
    before = account->state.used_frames;
    round = account->reap_round;
    if (reap(account, &steps) || account->state.used_frames < before ||
        account->reap_round != round)
        return now_ns;
    dying = account->dying.next;
    return now_ns + PACE_NS;
}

struct result
account_destroy(struct account *account)
{
    uint64_t steps = STEPS_MAX, left;

    if (account_covers(account, env_current()->account))
        return result_error(E_BUSY);
    reap_begin(account);
    left = !reap(account, &steps);
    return result_ok((int64_t)(account->state.used_frames ? account->state.used_frames : left));
}
