/* SPDX-License-Identifier: MIT */
/*
 * batches.c - calls that take many entries at once, with a bad one among them: they say how many
 * they did, these are done, and what comes behind is as it was. One that does all or nothing has
 * then done nothing.
 */
#include "abi/account.h"
#include "abi/slice.h"
#include "test/boot/foreign.h"

enum { N = 4, GOOD = 2, POSITION = 600, STAMP = 0x77 };

static uint64_t root, frames[N], others[FOREIGN_FOR_EVER + 1];
static uint64_t last; /* the last pages of the table at SCRATCH_VA: behind them is no table */

static uint64_t
entry_of(uint64_t frame)
{
    return frame << FRAME_SHIFT | MAP_READ;
}

static bool
maps(uint64_t va, uint64_t frame)
{
    return (entry_at(va) & ~(MAP_ACCESSED | MAP_DIRTY)) == entry_of(frame);
}

static void
map_all(uint64_t va, uint64_t n)
{
    uint64_t entry[N] = {entry_of(frames[0]), entry_of(frames[0]), entry_of(frames[0]),
                         entry_of(frames[0])};

    expect(call_pt_map(SLOT_ACCOUNT, root, 0, va, (uintptr_t)entry, n, SLOT_ACCOUNT).value ==
               (int64_t)n,
           "pt_map");
}

static void
mapping(void)
{
    uint64_t entry[N] = {entry_of(frames[1]), entry_of(frames[2]), entry_of(others[0]),
                         entry_of(frames[3])};
    uint64_t *split = (uint64_t *)(good_data + (uint64_t)DATA_PAGES * FRAME_BYTES) - GOOD;

    map_all(SCRATCH_VA, N);
    hold(call_pt_map(SLOT_ACCOUNT, root, 0, SCRATCH_VA, (uintptr_t)entry, N, SLOT_ACCOUNT).value ==
             GOOD,
         "those before another's frame are mapped");
    hold(maps(SCRATCH_VA, frames[1]) && maps(SCRATCH_VA + FRAME_BYTES, frames[2]), "they are");
    hold(maps(SCRATCH_VA + 2ul * FRAME_BYTES, frames[0]) &&
             maps(SCRATCH_VA + 3ul * FRAME_BYTES, frames[0]),
         "no more than they");
    map_all(SCRATCH_VA, N);
    memcpy(split, entry, GOOD * sizeof(*split));
    refuse(call_pt_map(SLOT_ACCOUNT, root, 0, SCRATCH_VA, (uintptr_t)split, N, SLOT_ACCOUNT).value,
           E_FAULT, "entries that end in a hole");
    hold(maps(SCRATCH_VA, frames[0]), "none of these");
}

/* Beyond the end of the table that is there. */
static void
ends_of_tables(void)
{
    uint64_t out[N] = {0, 0, STAMP, STAMP};
    struct copy_request copy = {
        .from = (uint32_t)root, .to = (uint32_t)root, .from_va = SCRATCH_VA, .to_va = last, .n = N};

    map_all(last, GOOD);
    hold(call_pt_read(SLOT_ACCOUNT, root, 0, last, (uintptr_t)out, N).value == GOOD,
         "as many as there are");
    hold(out[1] == entry_at(last + FRAME_BYTES) && out[2] == STAMP && out[3] == STAMP,
         "and no more are written");
    hold(call_pt_protect(SLOT_ACCOUNT, root, 0, last, N, MAP_CHANGEABLE, MAP_EXEC).value == GOOD,
         "protected are those that are there");
    hold(entry_at(last + FRAME_BYTES) & MAP_EXEC, "they are");
    hold(call_pt_unmap(SLOT_ACCOUNT, root, 0, last, N).value == GOOD, "and unmapped");
    hold(!entry_at(last) && !entry_at(last + FRAME_BYTES), "they are");
    map_all(SCRATCH_VA, N);
    hold((call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&copy).value & UINT32_MAX) == GOOD,
         "copied are those that have a place");
    hold(maps(last, frames[0]) && maps(last + FRAME_BYTES, frames[0]), "they are");
    fine(call_pt_unmap(SLOT_ACCOUNT, root, 0, last, GOOD).value, "pt_unmap");
}

static bool
is_ours(uint64_t frame)
{
    struct frame_state told = {0};

    return call_frame_read(SLOT_ACCOUNT, frame, 1, (uintptr_t)&told).value == 1;
}

static uint64_t
charged(uint32_t account)
{
    return account_told(account).used_frames;
}

static bool
owning(void)
{
    struct frame_state told[N] = {{0}, {0}, {.type = STAMP}, {.type = STAMP}};
    uint64_t first, child = charged(FOREIGN_ACCOUNT), used;
    struct pool pool = pool_of(SLOT_ACCOUNT);

    fine(pool_take_run(&pool, N, &first), "a run");
    pool_close(&pool);
    used = charged(SLOT_ACCOUNT);
    fine(call_frame_free(SLOT_ACCOUNT, first + GOOD, 1).value, "frame_free");
    hold(call_frame_read(SLOT_ACCOUNT, first, N, (uintptr_t)told).value == GOOD,
         "told are those before one that is not ours");
    hold(told[0].type == FRAME_PLAIN && told[2].type == STAMP && told[3].type == STAMP,
         "and no more are written");
    refuse(call_frame_pass(SLOT_ACCOUNT, first, N, FOREIGN_ACCOUNT).value, E_PERM,
           "passing one that is not ours");
    hold(charged(FOREIGN_ACCOUNT) == child && charged(SLOT_ACCOUNT) == used - 1, "none is passed");
    hold(call_frame_free(SLOT_ACCOUNT, first, N).value == GOOD, "freed are those before it");
    hold(!is_ours(first) && is_ours(first + 3) && charged(SLOT_ACCOUNT) == used - 3,
         "they are, and no more");
    if (call_frame_alloc(SLOT_ACCOUNT, first, N).value != 3) /* up to the one that we kept */
        return false;
    hold(is_ours(first) && is_ours(first + GOOD) && charged(SLOT_ACCOUNT) == used,
         "taken are those before one that is not free");
    expect(call_frame_free(SLOT_ACCOUNT, first, N).value == N, "frame_free");
    return true;
}

static uint32_t
owner_of(uint64_t position)
{
    struct slice_state told = {0};
    int64_t r = call_slice_read(SLOT_ACCOUNT, 0, position, (uintptr_t)&told).value;

    return r < 0 ? 0 : told.owner;
}

static void
positions(void)
{
    expect(call_slice_take(SLOT_ACCOUNT, 0, POSITION + GOOD, 1).value == 1, "slice_take");
    hold(call_slice_take(SLOT_ACCOUNT, 0, POSITION, N).value == GOOD,
         "taken are those before one that is not free");
    hold(owner_of(POSITION) && !owner_of(POSITION + 3), "they are, and no more");
    refuse(call_slice_give(FOREIGN_ACCOUNT, 0, POSITION, N).value, E_PERM, "not the child's");
    expect(call_slice_give(SLOT_ACCOUNT, 0, POSITION + GOOD, 1).value == 1, "slice_give");
    hold(call_slice_give(SLOT_ACCOUNT, 0, POSITION, N).value == GOOD, "given are those before");
    hold(!owner_of(POSITION) && !owner_of(POSITION + 1), "they are");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    good_begin();
    foreign_begin();
    root = exo_start_page->root_frame;
    last = SCRATCH_VA + (uint64_t)(PT_ENTRIES - GOOD) * FRAME_BYTES;
    foreign_frames(others, FOREIGN_FOR_EVER + 1);
    for (int i = 0; i < N; i++)
        frames[i] = frame_new();
    mapping();
    ends_of_tables();
    until_quiet(owning, "a run of frames");
    positions();
    return done();
}
