/* SPDX-License-Identifier: MIT */
/*
 * act26_exhaust.c - hostile act 26: an account without a limit of its own makes objects of one kind
 * until nothing is left: frames of events, binding tables, cells, entries, page tables,
 * environments, contexts, accounts. It ends by the quota; another, with a reserve, still gets all
 * of that and makes the same objects; and the end of the first gives everything back. What is
 * counted by itself: positions and pins in accounts.c, channels in root_walk.c.
 */
#include "abi/account.h"
#include "test/boot/kit.h"

enum {
    HOG = 90, /* slots */
    OTHER,
    FILL,
    MADE, /* what was made last */
    TABLE,
    ENV,
    RESERVE = 24, /* of the other */
    SPACE = 400,  /* what is left for the hog */
    HOME = 5,     /* frames for an environment: table, root, companion, environment, one spare */
};

static uint64_t name = 1;
static uint64_t spare; /* one frame at a time, of whoever makes objects */

static uint64_t
account_new(uint32_t slot, uint64_t limit, uint64_t reserve)
{
    struct account_terms terms = {.limit_frames = limit, .reserve_frames = reserve};
    uint64_t frame = frame_new();

    terms.name = name++;
    fine(call_account_make(SLOT_ACCOUNT, frame, slot, (uintptr_t)&terms).value, "account_make");
    return frame;
}

static void
account_end(uint32_t slot, uint64_t frame)
{
    while (fine(call_account_destroy(slot).value, "account_destroy") > 0)
        ;
    while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        ;
    call_slot_clear(SLOT_SLOTS, slot);
}

/* A frame of the account; false: the quota is reached, and nothing else is wrong. */
static bool
take(uint32_t account, uint64_t *frame)
{
    struct pool pool = pool_of(account);
    int error = pool_take_run(&pool, 1, frame);

    if (error && error != -E_DQUOT)
        breach("no frame of account %u, but not for its quota: %d", account, -error);
    return !error;
}

/* ---- one object of each kind, in a frame of the account's, named by a slot ---- */

static struct call_result
account_make(uint64_t account, uint64_t frame, uint64_t into)
{
    struct account_terms terms = {.limit_frames = 1};

    terms.name = name++;
    return call_account_make(account, frame, into, (uintptr_t)&terms);
}

static const struct call_result no_frame = {.value = -E_DQUOT};

/* By no slot: a table has none. */
static struct call_result
table_make(uint64_t account, uint64_t frame, uint64_t into)
{
    uint64_t companion;

    (void)into;
    return take((uint32_t)account, &companion) ? call_pt_make(account, frame, 1, companion)
                                               : no_frame;
}

static uint64_t root; /* of the account that makes objects */

static struct call_result
env_make(uint64_t account, uint64_t frame, uint64_t into)
{
    return call_env_make(account, frame, into, TABLE, root);
}

static struct call_result
context_make(uint64_t account, uint64_t frame, uint64_t into)
{
    struct context_start start = {.rip = FRAME_BYTES, .stop_slot = SLOT_NOTHING};

    return take((uint32_t)account, &start.vector_frame)
               ? call_context_make(ENV, frame, into, (uintptr_t)&start)
               : no_frame;
}

static const struct kind {
    const char *name;
    struct call_result (*make)(uint64_t account, uint64_t frame, uint64_t into);
    uint64_t frames; /* that one takes */
} kinds[] = {
    {"frames of events", call_events_make, 1},
    {"binding tables", call_slots_make, 1},
    {"frames of cells", call_cells_make, 1},
    {"entries", call_entry_make, 1},
    {"accounts", account_make, 1},
    {"page tables", table_make, 2},
    {"environments", env_make, 1},
    {"contexts", context_make, 2},
};

/* What environments and contexts stand on. */
static void
home_make(uint32_t account)
{
    uint64_t frame[HOME];

    for (int i = 0; i < HOME; i++)
        expect(take(account, &frame[i]), "a frame of its home");
    root = frame[1];
    fine(call_slots_make(account, frame[0], TABLE).value, "slots_make");
    fine(call_pt_make(account, root, PT_LEVELS, frame[2]).value, "pt_make");
    fine(call_env_make(account, frame[3], ENV, TABLE, root).value, "env_make");
    spare = frame[4];
}

/* Objects until the quota; how many. */
static uint64_t
exhaust(uint32_t account, const struct kind *k)
{
    uint64_t n = 0;

    home_make(account);
    do {
        int64_t r = k->make(account, spare, MADE).value;
        if (r == -E_DQUOT)
            break;
        fine(r, k->name);
        call_slot_clear(SLOT_SLOTS, MADE);
        n++;
    } while (take(account, &spare));
    call_slot_clear(SLOT_SLOTS, TABLE);
    call_slot_clear(SLOT_SLOTS, ENV);
    return n;
}

static void
one_kind(const struct kind *k)
{
    uint64_t used = account_told(SLOT_ACCOUNT).used_frames, frame[2], n, others;

    frame[0] = account_new(OTHER, RESERVE, RESERVE);
    frame[1] = account_new(HOG, ACCOUNT_NO_LIMIT, 0);
    n = exhaust(HOG, k);
    hold(n * k->frames >= SPACE / 2, "it gets what there is");
    hold(account_told(SLOT_ACCOUNT).count[ACCOUNT_FRAMES].held ==
             account_told(SLOT_ACCOUNT).limit_frames,
         "and then all is held");
    others = exhaust(OTHER, k);
    say("%s: %lu, and then %lu of the other's", k->name, n, others);
    hold(others == (RESERVE - HOME + 1) / k->frames, "the other's reserve is intact");
    account_end(HOG, frame[1]);
    account_end(OTHER, frame[0]);
    hold(account_told(SLOT_ACCOUNT).used_frames == used, "and all comes back");
}

/* The cells of a frame are as many as they are, whoever grants into them. */
static void
cells(void)
{
    struct cap cap;
    uint64_t index = 1;

    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), TABLE).value, "cells_make");
    for (; index < CELLS_PER_FRAME; index++)
        fine(call_cap_grant(SLOT_EVENTS, TABLE, index, RIGHT_READ, 0, (uintptr_t)&cap).value,
             "cap_grant");
    refuse(call_cap_grant(SLOT_EVENTS, TABLE, index, RIGHT_READ, 0, (uintptr_t)&cap).value, E_INVAL,
           "a grant beyond the cells of a frame");
    refuse(call_cap_grant(SLOT_EVENTS, TABLE, 1, RIGHT_READ, 0, (uintptr_t)&cap).value, E_EXIST,
           "a grant into a cell that is used");
    call_slot_clear(SLOT_SLOTS, TABLE);
}

int
exo_main(const struct start_page *start)
{
    uint64_t left, frame;
    struct account_state ours;

    (void)start;
    cells();
    account_new(FILL, ACCOUNT_NO_LIMIT, 0);
    ours = account_told(SLOT_ACCOUNT);
    for (left = ours.limit_frames - ours.used_frames; left > SPACE; left--)
        expect(take(FILL, &frame), "a frame of what is not needed");
    for (uint64_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        one_kind(&kinds[i]);
    return done();
}
