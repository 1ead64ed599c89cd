/* SPDX-License-Identifier: MIT */
/*
 * giant.c - a frame object of 1 GiB, another account's: joined of 512 of 2 MiB by calls that clear
 * some frames each, mapped by one entry of level 3, copied, protected, split, taken from,
 * destroyed.
 */
#include "test/boot/kit.h"
#include "abi/account.h"

enum {
    CHILD = 100,
    SIZE = 512,
    PARTS = SIZE * SIZE,
    LEVEL = 3,
    TAKEN = 5,
    CLEARED = 16,
    NEAR = 64
};

static const uint64_t GIANT_VA = 0x0000020000000000, COPY_VA = 0x0000020040000000;
static const uint64_t LARGE_VA = 0x0000030000000000;

static bool
all_free(uint64_t first)
{
    bool free = true;

    for (uint64_t n = first; n < first + PARTS && free; n += SIZE)
        free = run_is_free(n);
    return free;
}

/* 1 GiB of free frames in a row becomes the child's. */
static uint64_t
frames_take(void)
{
    uint64_t first = 0, n_frames = ((const struct machine_page *)EXPOSED_MACHINE)->n_frames;

    while (first + PARTS <= n_frames && !all_free(first))
        first += PARTS;
    expect(first + PARTS <= n_frames, "an aligned GiB of this machine is free");
    for (uint64_t n = first; n < first + PARTS; n += FRAME_BATCH_MAX)
        expect(call_frame_alloc(CHILD, n, FRAME_BATCH_MAX).value == FRAME_BATCH_MAX, "frame_alloc");
    return first;
}

/* 2 MiB: each call clears some, and goes on where the one before ended. */
static void
join_large(uint64_t first, int stale)
{
    int again = 0;
    int64_t r;

    while ((r = call_frame_join(CHILD, first, 1).value) == -E_AGAIN)
        again++;
    expect(r == 0, "frame_join");
    hold(again >= (stale - 1) / CLEARED, "a call that clears more than its bound");
}

static void
join(uint64_t first)
{
    uint64_t entry = first << FRAME_SHIFT | MAP_READ;

    for (uint64_t n = first; n < first + PARTS - SIZE; n += SIZE)
        join_large(n, SIZE);
    refuse(call_frame_join(CHILD, first, 2).value, E_INVAL, "a last part that is none yet");
    join_large(first + PARTS - SIZE, SIZE);
    fine(call_pt_map(SLOT_ACCOUNT, own_root(), LEVEL - 1, LARGE_VA, (uintptr_t)&entry, 1, CHILD)
             .value,
         "pt_map of a part");
    refuse(call_frame_join(CHILD, first, 2).value, E_BUSY, "joining what is mapped");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), LEVEL - 1, LARGE_VA, 1).value, "pt_unmap");
    refuse(call_frame_join(CHILD, first + SIZE, 2).value, E_INVAL, "out of place");
    fine(call_frame_join(CHILD, first, 2).value, "frame_join");
    expect(frame_told(CHILD, first).size == 2 && frame_told(CHILD, first).type == FRAME_PLAIN,
           "one object");
    expect(frame_told(CHILD, first + SIZE).type == FRAME_PART &&
               frame_told(CHILD, first + PARTS - 1).type == FRAME_PART,
           "of parts");
}

static struct call_result
map_giant(uint64_t frame, uint64_t flags)
{
    uint64_t entry = frame << FRAME_SHIFT | flags;

    return call_pt_map(SLOT_ACCOUNT, own_root(), LEVEL, GIANT_VA, (uintptr_t)&entry, 1, CHILD);
}

static void
table_make(uint64_t va, uint64_t level)
{
    fine(call_pt_link(SLOT_ACCOUNT, own_root(), va, table_new(level), 0).value, "pt_link");
}

/* Nothing of whoever had it is there; then every page of it has its own number. */
static void
written(void)
{
    uint64_t any = 0;

    for (uint64_t n = 0; n < PARTS; n++) {
        volatile uint64_t *page = (volatile uint64_t *)(GIANT_VA + n * FRAME_BYTES);
        for (uint64_t i = 0; i < (n % NEAR ? 1 : PT_ENTRIES); i++)
            any |= page[i];
        page[0] = n;
    }
    hold(any == 0, "what others left in a frame object");
}

static void
mapped(uint64_t first)
{
    refuse(map_giant(first + SIZE, MAP_READ).value, E_PERM, "from its middle");
    fine(map_giant(first, MAP_READ | MAP_WRITE).value, "one entry for 1 GiB");
    written();
    expect(frame_told(CHILD, first).refs == 1, "one reference");
    refuse(call_frame_split(CHILD, first).value, E_BUSY, "splitting what is mapped");
    refuse(call_frame_free(CHILD, first, 1).value, E_BUSY, "freeing what is mapped");
    fine(call_pt_protect(SLOT_ACCOUNT, own_root(), LEVEL, GIANT_VA, 1, MAP_WRITE, 0).value,
         "pt_protect");
    hold(trap_write(GIANT_VA + (uint64_t)(PARTS - 1) * FRAME_BYTES).vector == VECTOR_PAGE,
         "a stale right");
}

/* By another entry too; its owner changes both by the frame's name, and takes both. */
static void
copied(uint64_t first)
{
    struct copy_request r = {.from = (uint32_t)own_root(),
                             .to = (uint32_t)own_root(),
                             .from_va = GIANT_VA,
                             .to_va = COPY_VA,
                             .level = LEVEL,
                             .n = 1};
    const volatile uint64_t *last =
        (const volatile uint64_t *)(COPY_VA + ((uint64_t)(PARTS - 1) << FRAME_SHIFT));

    fine(call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&r).value, "pt_copy");
    expect(frame_told(CHILD, first).refs == 2 && *last == PARTS - 1, "the same, in two places");
    fine(call_frame_protect(SLOT_ACCOUNT, first, 0, 0, 0, 0, MAP_WRITE).value, "frame_protect");
    *(volatile uint64_t *)GIANT_VA = 1;
    hold(*(volatile uint64_t *)COPY_VA == 1, "the same memory");
    fine(call_frame_protect(SLOT_ACCOUNT, first, 0, 0, 0, MAP_WRITE, 0).value, "frame_protect");
    hold(trap_write(GIANT_VA).vector == VECTOR_PAGE && trap_write(COPY_VA).vector == VECTOR_PAGE,
         "a right that frame_protect took");
    fine(call_frame_break(CHILD, first).value, "frame_break");
    hold(trap_read(GIANT_VA).vector == VECTOR_PAGE && trap_read(COPY_VA).vector == VECTOR_PAGE,
         "a stale translation");
    expect(frame_told(CHILD, first).refs == 0, "nobody maps it");
}

/* Into 512 of 2 MiB, one of which into 4 KiB: all hold what they held. */
static void
split(uint64_t first)
{
    uint64_t part = first + (uint64_t)7 * SIZE, entry = part << FRAME_SHIFT | MAP_READ;

    fine(call_frame_split(CHILD, first).value, "frame_split");
    expect(frame_told(CHILD, first).size == 1 && frame_told(CHILD, part).size == 1 &&
               frame_told(CHILD, part + 1).type == FRAME_PART,
           "parts of 2 MiB");
    fine(call_pt_map(SLOT_ACCOUNT, own_root(), LEVEL - 1, LARGE_VA, (uintptr_t)&entry, 1, CHILD)
             .value,
         "pt_map of a part");
    expect(*(volatile uint64_t *)(LARGE_VA + FRAME_BYTES) == part - first + 1, "as it was");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), LEVEL - 1, LARGE_VA, 1).value, "pt_unmap");
    fine(call_frame_split(CHILD, part).value, "frame_split of a part");
    entry = (part + 9) << FRAME_SHIFT | MAP_READ;
    fine(call_pt_map(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, (uintptr_t)&entry, 1, CHILD).value,
         "pt_map of 4 KiB");
    expect(*(volatile uint64_t *)SCRATCH_VA == part - first + 9, "as it was");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "pt_unmap");
    join_large(part, 0);
    fine(call_frame_join(CHILD, first, 2).value, "joining it again");
}

/* Some of it by force, while it is mapped; then all with its account. */
static void
taken(uint64_t first)
{
    struct account_state s;
    uint64_t calls = 0;

    fine(map_giant(first, MAP_READ).value, "pt_map");
    fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, TAKEN, 1).value, "asking for some of it");
    while (fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, 0, 0).value, "going on"))
        ;
    hold(trap_read(GIANT_VA).vector == VECTOR_PAGE, "a mapping of what was taken");
    s = account_told(CHILD);
    hold(!s.dying && s.used_frames == PARTS - TAKEN && s.n_taken == TAKEN,
         "so many are taken, and no more");
    for (; fine(call_account_destroy(CHILD).value, "account_destroy"); calls++)
        ;
    hold(calls > 100, "an account destroyed in too few calls");
    expect(all_free(first), "all of it is free");
}

int
exo_main(const struct start_page *start)
{
    struct account_terms terms = {.name = 1, .limit_frames = PARTS};
    uint64_t first, before;

    (void)start;
    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    table_make(GIANT_VA, LEVEL);
    table_make(LARGE_VA, LEVEL);
    table_make(LARGE_VA, LEVEL - 1);
    fine(call_account_make(SLOT_ACCOUNT, frame_new(), CHILD, (uintptr_t)&terms).value,
         "account_make");
    before = account_told(SLOT_ACCOUNT).used_frames;
    first = frames_take();
    join(first);
    mapped(first);
    copied(first);
    split(first);
    taken(first);
    expect(account_told(SLOT_ACCOUNT).used_frames == before, "as many are ours as before");
    return done();
}
