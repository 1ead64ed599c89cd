/* SPDX-License-Identifier: MIT */
/*
 * act04_tree.c - act 4: trees of 100,000 grants, deep and wide, and of as many slots under one
 * cell, are revoked in bounded calls; from the first on nothing below can be granted from or bound,
 * and nobody else is kept waiting. Revocations inside revocations end for each who began one.
 */
#include "test/boot/kit.h"

enum {
    FIRST_CELLS = 90, /* slots: whose cells 1 .. begin the trees */
    FIRST,
    CELLS, /* the frame of cells in use */
    LINK,  /* the right that was handed on last */
    OTHER,
    TABLE, /* the binding table in use */
    KEPT,  /* slots bound in the tree, KEEP of them */
    KEEP = 10,
    PER_FRAME = CELLS_PER_FRAME - 1,
    LARGE = 100000,
    MIDDLE = 3000, /* more than one call revokes */
    FRAMES_MAX = LARGE / PER_FRAME + 64,
    COUNTER = 60,
    RIGHTS = RIGHT_READ | RIGHT_POST | RIGHT_GRANT,
    CELLS_A_CALL = 200, /* at least so many fall in a call */
};

static uint64_t frames[FRAMES_MAX];
static uint32_t n_frames, cells_used;

/* ---- what trees are made of ---- */

static void
object_new(struct call_result (*make)(uint64_t, uint64_t, uint64_t), uint32_t into)
{
    call_slot_clear(SLOT_SLOTS, into);
    expect(n_frames < FRAMES_MAX, "frames enough");
    frames[n_frames] = frame_new();
    fine(make(SLOT_ACCOUNT, frames[n_frames++], into).value, "an object");
}

/* The next empty cell of frames that we keep adding. */
static uint32_t
cell_next(void)
{
    if (cells_used % PER_FRAME == 0)
        object_new(call_cells_make, CELLS);
    return 1 + cells_used++ % PER_FRAME;
}

static void
frames_end(void)
{
    while (n_frames > 0) {
        int64_t freed = call_frame_free(SLOT_ACCOUNT, frames[n_frames - 1], 1).value;

        if (freed != -E_AGAIN)
            n_frames -= fine(freed, "frame_free") == 1;
    }
    cells_used = 0;
}

static void
grant(uint32_t from, uint32_t cells, uint32_t index, struct cap *cap)
{
    fine(call_cap_grant(from, cells, index, RIGHTS, 0, (uintptr_t)cap).value, "cap_grant");
}

static void
bind(uint32_t slot, const struct cap *cap)
{
    call_slot_clear(SLOT_SLOTS, slot);
    fine(call_cap_bind(SLOT_SLOTS, slot, (uintptr_t)cap).value, "cap_bind");
}

static void
first(uint32_t index, uint32_t slot)
{
    struct cap cap;

    grant(SLOT_EVENTS, FIRST_CELLS, index, &cap);
    bind(slot, &cap);
}

/* n cells below slot `from`, each below the one before it or all below `from`; the last's. */
static struct cap
grow(uint32_t from, uint32_t n, bool deep)
{
    struct cap cap = {0};

    for (uint32_t i = 0; i < n; i++) {
        grant(deep && i ? LINK : from, CELLS, cell_next(), &cap);
        bind(LINK, &cap);
        if (i < KEEP)
            bind(KEPT + i, &cap);
    }
    return cap;
}

/* ---- one tree ---- */

/* While it is being revoked. */
static void
nothing_new(const struct cap *last)
{
    struct cap cap;

    hold(call_cap_bind(SLOT_SLOTS, OTHER, (uintptr_t)last).value < 0,
         "binding what is being revoked");
    hold(call_cap_grant(LINK, CELLS, cell_next(), RIGHTS, 0, (uintptr_t)&cap).value < 0,
         "granting from what is being revoked");
    for (uint32_t i = 0; i < KEEP; i++)
        refuse(call_cap_grant(KEPT + i, CELLS, cell_next(), RIGHTS, 0, (uintptr_t)&cap).value,
               E_BADF, "granting from what is near the one revoked");
    grant(SLOT_EVENTS, CELLS, cell_next(), &cap); /* others go on */
    bind(OTHER, &cap);
    fine(call_event_post(OTHER, COUNTER, 1).value, "the use of another right");
    fine(call_slot_clear(SLOT_SLOTS, OTHER).value, "slot_clear");
}

static uint32_t
revoke(uint32_t index)
{
    uint32_t calls = 1;

    while (call_cap_revoke(FIRST_CELLS, index).value == -E_AGAIN)
        calls++;
    return calls;
}

static void
tree(bool deep, uint32_t n)
{
    struct cap last;
    uint32_t calls;

    first(1, FIRST);
    last = grow(FIRST, n, deep);
    fine(call_event_post(LINK, COUNTER, 1).value, "the last right of the tree");
    if (call_cap_revoke(FIRST_CELLS, 1).value != -E_AGAIN)
        breach("so many are not revoked in one call");
    nothing_new(&last);
    calls = revoke(1);
    say("%u calls to revoke %u cells, %s", calls, n, deep ? "deep" : "wide");
    hold(calls <= n / CELLS_A_CALL + 2, "a call revokes many");
    refuse(call_event_post(LINK, COUNTER, 1).value, E_BADF, "the last right of a revoked tree");
    refuse(call_event_post(FIRST, COUNTER, 1).value, E_BADF, "the first right of a revoked tree");
    for (uint32_t i = 0; i < KEEP; i++)
        refuse(call_event_post(KEPT + i, COUNTER, 1).value, E_BADF, "a right of a revoked tree");
    refuse(call_cap_bind(SLOT_SLOTS, OTHER, (uintptr_t)&last).value, E_BADF,
           "binding the last capability of a revoked tree");
    fine(call_event_post(SLOT_EVENTS, COUNTER, 1).value, "the first holder's right");
    frames_end();
}

/* One capability, bound again and again. */
static void
many_slots(uint32_t n)
{
    struct cap cap;
    uint32_t calls;

    grant(SLOT_EVENTS, FIRST_CELLS, 1, &cap);
    for (uint32_t i = 0; i < n; i++) {
        if (i % SLOTS_PER_TABLE == 0)
            object_new(call_slots_make, TABLE);
        fine(call_cap_bind(TABLE, i % SLOTS_PER_TABLE, (uintptr_t)&cap).value, "cap_bind");
    }
    bind(LINK, &cap);
    calls = revoke(1);
    say("%u calls to revoke %u slots", calls, n);
    hold(calls <= n / CELLS_A_CALL + 2, "a call revokes many");
    refuse(call_event_post(LINK, COUNTER, 1).value, E_BADF, "the last of many slots");
    frames_end();
}

/* ---- revocations inside revocations ---- */

enum { NESTED = 6, INNER = 2, OUTER = 1 };

/*
 * NESTED cells of FIRST_CELLS, each below the one before; each has MIDDLE more below, and the
 * last slot of these at KEPT + its number. All their revocations are begun, the innermost first.
 */
static void
nest(void)
{
    struct cap cap;

    for (uint32_t i = 0; i < NESTED; i++) {
        grant(i ? FIRST : SLOT_EVENTS, FIRST_CELLS, 1 + i, &cap);
        bind(FIRST, &cap);
        for (uint32_t n = 0; n < MIDDLE; n++)
            grant(FIRST, CELLS, cell_next(), &cap);
        bind(KEPT + i, &cap);
    }
    for (uint32_t i = NESTED; i > 0; i--)
        refuse(call_cap_revoke(FIRST_CELLS, i).value, E_AGAIN, "so many in one call");
}

static void
all_dead_from(uint32_t from)
{
    for (uint32_t i = from - 1; i < NESTED; i++)
        refuse(call_event_post(KEPT + i, COUNTER, 1).value, E_BADF, "what hung below");
}

static void
inner_first(void)
{
    nest();
    for (uint32_t i = NESTED; i > 0; i--) {
        revoke(i);
        all_dead_from(i);
    }
    frames_end();
}

static void
outer_first(void)
{
    nest();
    revoke(OUTER);
    all_dead_from(OUTER);
    for (uint32_t i = INNER; i <= NESTED; i++)
        hold(revoke(i) == 1, "what is over takes no work");
    frames_end();
}

/* In turn: a walk comes to dying cells, takes them over, and the inner callers work for it. */
static void
all_in_turn(void)
{
    uint32_t left = (1 << NESTED) - 1;

    nest();
    for (uint32_t i = 1; left; i = i % NESTED + 1)
        if (left >> (i - 1) & 1 && call_cap_revoke(FIRST_CELLS, i).value == 0) {
            all_dead_from(i);
            left &= ~(1u << (i - 1));
        }
    frames_end();
}

/* The frame of the inner one ends meanwhile. */
static void
inner_ends(void)
{
    struct cap cap;
    uint64_t frame = frame_new();

    first(1, FIRST);
    call_slot_clear(SLOT_SLOTS, TABLE);
    fine(call_cells_make(SLOT_ACCOUNT, frame, TABLE).value, "cells_make");
    grant(FIRST, TABLE, 1, &cap);
    bind(LINK, &cap);
    (void)grow(LINK, MIDDLE, false);
    refuse(call_cap_revoke(TABLE, 1).value, E_AGAIN, "so many in one call");
    refuse(call_cap_revoke(FIRST_CELLS, 1).value, E_AGAIN, "so many in one call");
    while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        ;
    revoke(1);
    refuse(call_event_post(LINK, COUNTER, 1).value, E_BADF, "what hung below");
    frames_end();
}

/* No way leads back up: the cells above, and its own, are in use. */
static void
no_cycle(void)
{
    struct cap cap;

    first(1, FIRST);
    grant(FIRST, FIRST_CELLS, 2, &cap);
    bind(LINK, &cap);
    for (uint32_t index = 1; index <= 2; index++)
        refuse(call_cap_grant(LINK, FIRST_CELLS, index, RIGHTS, 0, (uintptr_t)&cap).value, E_EXIST,
               "a grant into a cell above it");
    hold(revoke(1) == 1, "the revocation of what is no cycle");
    refuse(call_event_post(LINK, COUNTER, 1).value, E_BADF, "what hung below");
    refuse(call_cap_bind(SLOT_SLOTS, OTHER, (uintptr_t)&cap).value, E_BADF, "binding it");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), FIRST_CELLS).value, "cells_make");
    no_cycle();
    tree(true, LARGE);
    tree(false, LARGE);
    many_slots(LARGE);
    inner_first();
    outer_first();
    all_in_turn();
    inner_ends();
    return done();
}
