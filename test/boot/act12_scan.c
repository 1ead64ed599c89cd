/* SPDX-License-Identifier: MIT */
/*
 * act12_scan.c - hostile act 12: look for what others left in frames that are given to us: those of
 * a dead account, of ended kernel objects and page tables, of our own past, and all that are free.
 */
#include "test/boot/kit.h"
#include "abi/account.h"
#include "abi/event.h"

enum { CHILD = 100, OBJECT, OTHERS = 32, WINDOW = 64 };

static const uint64_t WINDOW_VA = 0x0000020000000000;
static const uint64_t PATTERN = 0x5ec2e75ec2e75ec2;

static void
fill(uint64_t va)
{
    for (uint64_t i = 0; i < FRAME_BYTES / sizeof(uint64_t); i++)
        ((volatile uint64_t *)va)[i] = PATTERN;
}

static void
all_zero(uint64_t frame, const char *what)
{
    const volatile uint64_t *words = (const volatile uint64_t *)SCRATCH_VA;
    uint64_t any = 0;

    page_at(SCRATCH_VA, frame, MAP_READ);
    for (uint64_t i = 0; i < FRAME_BYTES / sizeof(*words); i++)
        any |= words[i];
    if (any)
        breach("%s holds %lx", what, any);
    expect(true, what);
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "pt_unmap");
}

/* What an account that is dead wrote. False: others were faster. */
static bool
of_the_dead(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = OTHERS};
    uint64_t frames[OTHERS], had = 0, own = frame_new();

    fine(call_account_make(SLOT_ACCOUNT, own, CHILD, (uintptr_t)&terms).value, "account_make");
    for (int i = 0; i < OTHERS; i++) {
        uint64_t entry;

        frames[i] = frame_of_account(CHILD);
        entry = frames[i] << FRAME_SHIFT | MAP_READ | MAP_WRITE;
        fine(
            call_pt_map(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, (uintptr_t)&entry, 1, CHILD).value,
            "pt_map");
        fill(SCRATCH_VA);
    }
    while (fine(call_account_destroy(CHILD).value, "account_destroy"))
        ;
    fine(call_frame_free(SLOT_ACCOUNT, own, 1).value, "frame_free"); /* its name may come again */
    for (int i = 0; i < OTHERS; i++) {
        if (!frame_again(frames[i]))
            continue;
        all_zero(frames[i], "a frame of the dead");
        had++;
    }
    return had > 0;
}

/* What the kernel kept in a frame: its links and generations are nobody's. */
static void
of_objects(void)
{
    uint64_t frame = frame_new(), companion = frame_new();

    fine(call_cells_make(SLOT_ACCOUNT, frame, OBJECT).value, "cells_make");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
    if (frame_again(frame))
        all_zero(frame, "a frame that held cells");
    frame = frame_new();
    fine(call_pt_make(SLOT_ACCOUNT, frame, PT_LEVELS, companion).value, "pt_make");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
    all_zero(companion, "the companion of a root");
    if (frame_again(frame))
        all_zero(frame, "a frame that was a root");
}

/* What a library kept in the entries of a table, present ones beside it or not. */
static void
of_tables(void)
{
    for (uint64_t level = 1; level <= PT_LEVELS; level++) {
        uint64_t frame = frame_new(), companion = frame_new(), page = frame_new();
        uint64_t entries[] = {page << FRAME_SHIFT | MAP_READ, PATTERN & ~(uint64_t)MAP_READ};
        uint64_t at = level < PT_LEVELS ? level : PT_LEVELS - 1; /* a root has tables only */

        fine(call_pt_make(SLOT_ACCOUNT, frame, at, companion).value, "pt_make");
        if (at == 1)
            fine(call_pt_map(SLOT_ACCOUNT, frame, at, 0, (uintptr_t)entries, 1, SLOT_ACCOUNT).value,
                 "pt_map");
        fine(call_pt_map(SLOT_ACCOUNT, frame, at, (PT_ENTRIES - level) << (3 + 9 * at),
                         (uintptr_t)&entries[1], 1, SLOT_ACCOUNT)
                 .value,
             "pt_map of a word");
        fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
        if (frame_again(frame))
            all_zero(frame, "a frame that was a table with a word of a library's");
        fine(call_frame_free(SLOT_ACCOUNT, companion, 1).value, "frame_free");
    }
}

/* The kernel looks at words for us: it shows no more than a mapping does. */
static void
by_the_kernel(void)
{
    struct wait_clause clause = {.kind = WAIT_WORD, .slot = SLOT_ACCOUNT, .value = 0};
    uint64_t frame = frame_new();

    page_at(SCRATCH_VA, frame, MAP_READ | MAP_WRITE);
    fill(SCRATCH_VA);
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "pt_unmap");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
    if (!frame_again(frame))
        return;
    exo_upcall_page.mask |= 1 << UPCALL_EVENT; /* the deadline ends the sleep, or its begin */
    clause.where = frame << FRAME_SHIFT;
    call_deadline_set(clock_ns() + (uint64_t)1000 * 1000);
    hold(call_wait((uintptr_t)&clause, 1).value != 0, "a word of a stale frame, by waiting for it");
    call_deadline_set(0);
    exo_upcall_page.pending = 0;
    exo_upcall_page.mask &= ~(1u << UPCALL_EVENT);
    all_zero(frame, "our own frame, freed and taken again");
}

/* All that is free in the machine and that our limit allows. */
static void
of_anybody(void)
{
    uint64_t entries[WINDOW];
    int64_t got;
    int seen = 0;

    while ((got = pool_take(&exo_pool, entries, WINDOW)) > 0) {
        const volatile uint64_t *words = (const volatile uint64_t *)WINDOW_VA;
        uint64_t any = 0;

        for (int64_t i = 0; i < got; i++)
            entries[i] = entries[i] << FRAME_SHIFT | MAP_READ;
        fine(space_map(&exo_space, WINDOW_VA, entries, (uint64_t)got, SLOT_ACCOUNT), "a window");
        for (int64_t i = 0; i < got * FRAME_BYTES / (int64_t)sizeof(*words); i++)
            any |= words[i];
        hold(any == 0, "a frame that was free holds what somebody left");
        seen += (int)got;
    }
    expect(seen > WINDOW, "there were some");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    until_quiet(of_the_dead, "frames of the dead");
    of_objects();
    of_tables();
    by_the_kernel();
    page_at(WINDOW_VA, frame_new(), MAP_READ); /* its tables, before all is taken */
    of_anybody();
    return done();
}
