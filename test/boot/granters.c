/* SPDX-License-Identifier: MIT */
/*
 * granters.c - act 4 against others: trees of 100,000 grants, deep and wide, are revoked while a
 * context on each other processor grants and binds from them as fast as it can. From the first
 * return on none of it succeeds, and the revocation takes no more calls than the cells ask for.
 */
#include "test/boot/workers.h"

enum {
    FIRST_CELLS = 30, /* slots */
    FIRST,
    CELLS,
    LINK,              /* the right that was handed on last */
    GRANTER = 60,      /* one a granter, these four */
    GRANTER_LINK = 70, /* what it grants from */
    GRANTER_CELLS = 80,
    GRANTER_TRY = 90, /* what it binds to */
    GRANTERS_MAX = 3,
    PER_FRAME = CELLS_PER_FRAME - 1,
    LARGE = 100000,
    FRAMES_MAX = LARGE / PER_FRAME + 2,
    GRANTER_FRAMES = 300,
    GRANTED_FIRST = 200,
    CELLS_A_CALL = 200, /* at least so many fall in a call */
    SLICE_NS = 1000 * 1000,
    RIGHTS = RIGHT_READ | RIGHT_POST | RIGHT_GRANT,
};

static struct granter {
    struct worker worker;
    uint64_t frame[GRANTER_FRAMES];
    volatile uint64_t granted, refused;
} granters[GRANTERS_MAX];
static uint32_t n_granters;
static uint64_t frames[FRAMES_MAX];
static uint32_t n_frames, cells_used;
static bool deep;
static volatile bool over;

/* ---- the tree ---- */

static uint32_t
cell_next(void)
{
    if (cells_used % PER_FRAME == 0) {
        call_slot_clear(SLOT_SLOTS, CELLS);
        frames[n_frames] = frame_new();
        fine(call_cells_make(SLOT_ACCOUNT, frames[n_frames++], CELLS).value, "cells_make");
    }
    return 1 + cells_used++ % PER_FRAME;
}

static struct cap
grow(void)
{
    struct cap cap = {0};

    fine(call_cap_grant(SLOT_EVENTS, FIRST_CELLS, 1, RIGHTS, 0, (uintptr_t)&cap).value,
         "cap_grant");
    call_slot_clear(SLOT_SLOTS, FIRST);
    fine(call_cap_bind(SLOT_SLOTS, FIRST, (uintptr_t)&cap).value, "cap_bind");
    for (uint32_t i = 0; i < LARGE; i++) {
        fine(
            call_cap_grant(deep && i ? LINK : FIRST, CELLS, cell_next(), RIGHTS, 0, (uintptr_t)&cap)
                .value,
            "cap_grant");
        if (!deep && i)
            continue;
        call_slot_clear(SLOT_SLOTS, LINK);
        fine(call_cap_bind(SLOT_SLOTS, LINK, (uintptr_t)&cap).value, "cap_bind");
    }
    return cap;
}

static void
frame_end(uint64_t frame)
{
    int64_t r;

    while ((r = call_frame_free(SLOT_ACCOUNT, frame, 1).value) == -E_AGAIN)
        ;
    fine(r, "frame_free");
}

/* ---- who grants ---- */

/* A grant from what it has; deep: that is what it grants from next. */
static void
grant_one(struct granter *g, uint32_t n)
{
    uint32_t i = (uint32_t)g->worker.number, link = GRANTER_LINK + i, cells = GRANTER_CELLS + i;
    struct cap cap;

    if (n % PER_FRAME == 0) {
        call_slot_clear(SLOT_SLOTS, cells);
        call_cells_make(SLOT_ACCOUNT, g->frame[n / PER_FRAME % GRANTER_FRAMES], cells);
    }
    if (call_cap_grant(link, cells, 1 + n % PER_FRAME, RIGHTS, 0, (uintptr_t)&cap).value < 0) {
        g->refused++;
        return;
    }
    g->granted++;
    call_slot_clear(SLOT_SLOTS, GRANTER_TRY + i);
    if (call_cap_bind(SLOT_SLOTS, GRANTER_TRY + i, (uintptr_t)&cap).value < 0 || !deep)
        return;
    call_slot_clear(SLOT_SLOTS, link);
    call_cap_bind(SLOT_SLOTS, link, (uintptr_t)&cap);
}

static void
grant_for_ever(struct worker *w)
{
    struct granter *g = &granters[w->number];

    for (uint32_t n = 0; !over; n += g->refused == 0 && n + 1 < GRANTER_FRAMES * PER_FRAME)
        grant_one(g, n);
}

static void
granters_start(const struct cap *last)
{
    over = false;
    for (uint32_t i = 0; i < n_granters; i++) {
        struct granter *g = &granters[i];
        g->granted = g->refused = 0;
        g->worker.number = i;
        call_slot_clear(SLOT_SLOTS, GRANTER_LINK + i);
        fine(call_cap_bind(SLOT_SLOTS, GRANTER_LINK + i, (uintptr_t)last).value, "cap_bind");
        worker_start(&g->worker, GRANTER + i, cpu_count() > 1 ? i + 1 : 0, SLICE_NS,
                     grant_for_ever);
    }
}

static uint64_t
granted(void)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < n_granters; i++)
        n += granters[i].granted;
    return n;
}

/* ---- one tree ---- */

static uint64_t
least_granted(void)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i < n_granters; i++)
        least = granters[i].granted < least ? granters[i].granted : least;
    return least;
}

static void
tree(bool is_deep)
{
    struct cap last;
    uint64_t before;
    uint32_t calls = 1;
    int64_t r;

    deep = is_deep;
    last = grow();
    granters_start(&last);
    while (least_granted() < GRANTED_FIRST)
        call_yield(SLOT_NOTHING);
    r = call_cap_revoke(FIRST_CELLS, 1).value;
    before = granted() + n_granters; /* each may still have one to count */
    hold(r == -E_AGAIN, "so many are not revoked in one call");
    while (call_cap_revoke(FIRST_CELLS, 1).value == -E_AGAIN)
        calls++;
    for (uint32_t i = 0; i < n_granters; i++)
        while (!granters[i].refused && granted() <= before)
            call_yield(SLOT_NOTHING);
    over = true;
    for (uint32_t i = 0; i < n_granters; i++)
        worker_join(&granters[i].worker, "one that grants");
    say("%u calls to revoke %u cells, %s, and %lu that %u others added", calls, (uint32_t)LARGE,
        deep ? "deep" : "wide", granted(), n_granters);
    hold(granted() <= before, "a grant from what is being revoked");
    hold(calls <= (LARGE + granted()) / CELLS_A_CALL + 2, "who grants keeps a revocation going");
    for (uint32_t i = 0; i < n_granters; i++) {
        refuse(call_event_post(GRANTER_LINK + i, 0, 1).value, E_BADF, "what it granted from");
        refuse(call_event_post(GRANTER_TRY + i, 0, 1).value, E_BADF, "what it bound last");
    }
    refuse(call_event_post(FIRST, 0, 1).value, E_BADF, "the first right");
    refuse(call_event_post(LINK, 0, 1).value, E_BADF, "a right of the tree");
}

static void
frames_end(void)
{
    while (n_frames > 0)
        frame_end(frames[--n_frames]);
    cells_used = 0;
    for (uint32_t i = 0; i < n_granters; i++)
        for (uint32_t n = 0; n < GRANTER_FRAMES; n++) {
            frame_end(granters[i].frame[n]);
            granters[i].frame[n] = frame_new();
        }
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    stay_on(0);
    n_granters = cpu_count() > 1 ? cpu_count() - 1 : 1;
    n_granters = n_granters < GRANTERS_MAX ? n_granters : GRANTERS_MAX;
    for (uint32_t i = 0; i < n_granters; i++)
        for (uint32_t n = 0; n < GRANTER_FRAMES; n++)
            granters[i].frame[n] = frame_new();
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), FIRST_CELLS).value, "cells_make");
    tree(true);
    frames_end();
    tree(false);
    frames_end();
    return done();
}
