/* SPDX-License-Identifier: MIT */
/*
 * large.c - frame objects of 2 MiB: joined, mapped by one entry, split; frames passed to another
 * account with what they hold; what frame_read tells.
 */
#include "test/boot/kit.h"
#include "abi/account.h"

enum { CHILD = 100, SIZE = 512, LEVEL = 2, JOIN_CALLS = 100, TAKEN = 5, OTHERS_MAX = 128 };

static const uint64_t LARGE_VA = 0x0000020000000000, LARGE_BYTES = (uint64_t)SIZE * FRAME_BYTES;

static void
join(uint64_t first)
{
    int64_t r = -E_AGAIN;

    refuse(call_frame_join(SLOT_ACCOUNT, first + 1, 1).value, E_INVAL, "joining out of place");
    refuse(call_frame_join(SLOT_ACCOUNT, first, 0).value, E_INVAL, "no size");
    hold(call_frame_join(SLOT_ACCOUNT, first, 2).value < 0, "1 GiB of small frames");
    page_at(SCRATCH_VA, first + 5, MAP_READ);
    refuse(call_frame_join(SLOT_ACCOUNT, first, 1).value, E_BUSY, "joining what is mapped");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "pt_unmap");
    for (int i = 0; i < JOIN_CALLS && r == -E_AGAIN; i++)
        r = call_frame_join(SLOT_ACCOUNT, first, 1).value;
    expect(r == 0, "frame_join");
    expect(frame_told(SLOT_ACCOUNT, first).size == 1 &&
               frame_told(SLOT_ACCOUNT, first).type == FRAME_PLAIN,
           "one object");
    expect(frame_told(SLOT_ACCOUNT, first + 7).type == FRAME_PART, "of parts");
}

static struct call_result
map_large(uint64_t va, uint64_t frame, uint64_t flags)
{
    uint64_t entry = frame << FRAME_SHIFT | flags;

    return call_pt_map(SLOT_ACCOUNT, own_root(), LEVEL, va, (uintptr_t)&entry, 1, SLOT_ACCOUNT);
}

static void
tables_make(void)
{
    for (uint64_t level = PT_LEVELS - 1; level >= LEVEL; level--)
        fine(call_pt_link(SLOT_ACCOUNT, own_root(), LARGE_VA, table_new(level), 0).value,
             "pt_link");
}

/* A frame of another's patterns is never shown: all was cleared. */
static void
all_zero(void)
{
    const volatile uint64_t *words = (const volatile uint64_t *)LARGE_VA;
    uint64_t any = 0;

    for (uint64_t i = 0; i < LARGE_BYTES / sizeof(*words); i++)
        any |= words[i];
    hold(any == 0, "what others left in a frame object");
}

/* A debugger writes to any page of it. */
static void
poked(void)
{
    uint64_t va = LARGE_VA + (uint64_t)9 * FRAME_BYTES, word = 77, read = 0;

    expect(call_context_poke(SLOT_CONTEXT, va, (uintptr_t)&word, sizeof(word)).value ==
               sizeof(word),
           "context_poke");
    expect(call_context_peek(SLOT_CONTEXT, va, (uintptr_t)&read, sizeof(read)).value ==
                   sizeof(read) &&
               read == word && *(volatile uint64_t *)va == word,
           "context_peek");
    *(volatile uint64_t *)va = (uint64_t)9 * FRAME_BYTES;
}

static void
mapped(uint64_t first)
{
    uint64_t entry;

    refuse(map_large(LARGE_VA, first, MAP_READ | MAP_WRITE).value, E_NOENT, "without a table");
    tables_make();
    refuse(map_large(LARGE_VA + FRAME_BYTES, first, MAP_READ).value, E_INVAL, "out of place");
    refuse(map_large(LARGE_VA, frame_new(), MAP_READ).value, E_INVAL, "a small frame as a large");
    refuse(map_large(LARGE_VA, first + 1, MAP_READ).value, E_PERM, "from its middle");
    refuse(map_one(own_root(), SCRATCH_VA, first << FRAME_SHIFT | MAP_READ), E_INVAL,
           "a large frame as a small");
    refuse(map_one(own_root(), SCRATCH_VA, (first + 3) << FRAME_SHIFT | MAP_READ), E_PERM,
           "a part");
    fine(map_large(LARGE_VA, first, MAP_READ | MAP_WRITE).value, "one entry for 2 MiB");
    all_zero();
    for (uint64_t at = 0; at < LARGE_BYTES; at += FRAME_BYTES)
        *(volatile uint64_t *)(LARGE_VA + at) = at;
    poked();
    expect(frame_told(SLOT_ACCOUNT, first).refs == 1, "one reference");
    refuse(map_one(own_root(), LARGE_VA, frame_new() << FRAME_SHIFT | MAP_READ), E_EXIST,
           "a page where a larger one is");
    refuse(call_frame_split(SLOT_ACCOUNT, first).value, E_BUSY, "splitting what is mapped");
    refuse(call_frame_free(SLOT_ACCOUNT, first, 1).value, E_BUSY, "freeing what is mapped");
    fine(call_pt_protect(SLOT_ACCOUNT, own_root(), LEVEL, LARGE_VA, 1, MAP_WRITE, 0).value,
         "pt_protect");
    hold(trap_write(LARGE_VA + (uint64_t)5 * FRAME_BYTES).vector == VECTOR_PAGE, "a stale right");
    fine(call_pt_read(SLOT_ACCOUNT, own_root(), LEVEL, LARGE_VA, (uintptr_t)&entry, 1).value,
         "pt_read");
    expect(entry == (first << FRAME_SHIFT | MAP_READ | MAP_ACCESSED | MAP_DIRTY), "its entry");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), LEVEL, LARGE_VA, 1).value, "pt_unmap");
    hold(trap_read(LARGE_VA).vector == VECTOR_PAGE, "a stale translation");
}

static void
split(uint64_t first)
{
    refuse(call_frame_free(SLOT_ACCOUNT, first, 1).value, E_BUSY, "freeing an object whole");
    refuse(call_frame_free(SLOT_ACCOUNT, first + 1, 1).value, E_INVAL, "freeing a part");
    refuse(call_pt_make(SLOT_ACCOUNT, first, 1, frame_new()).value, E_BUSY, "a table of an object");
    refuse(call_frame_split(SLOT_ACCOUNT, first + 1).value, E_INVAL, "splitting a part");
    fine(call_frame_split(SLOT_ACCOUNT, first).value, "frame_split");
    page_at(SCRATCH_VA, first + 9, MAP_READ);
    expect(*(volatile uint64_t *)SCRATCH_VA == (uint64_t)9 * FRAME_BYTES,
           "a part holds what it held");
    refuse(call_frame_split(SLOT_ACCOUNT, first).value, E_INVAL, "splitting a small frame");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "pt_unmap");
}

static uint64_t
used(uint32_t slot)
{
    return account_told(slot).used_frames;
}

/* Four of the 512 are another's: no object, and no large entry over them (act 6). */
static void
mixed_owners(uint64_t first)
{
    uint64_t entry = first << FRAME_SHIFT | MAP_READ;
    int64_t r = -E_AGAIN;

    for (int i = 0; i < JOIN_CALLS && r == -E_AGAIN; i++)
        r = call_frame_join(SLOT_ACCOUNT, first, 1).value;
    refuse(r, E_PERM, "joining what has two owners");
    hold(call_pt_map(SLOT_ACCOUNT, own_root(), LEVEL, LARGE_VA, (uintptr_t)&entry, 1, SLOT_ACCOUNT)
                 .value < 0,
         "a large entry over what has two owners");
}

/* What is passed keeps its contents; all that is given otherwise holds zeroes. */
static void
passed(uint64_t first)
{
    struct account_terms terms = {.name = 1, .limit_frames = 600};
    uint64_t before;

    fine(call_account_make(SLOT_ACCOUNT, frame_new(), CHILD, (uintptr_t)&terms).value,
         "account_make");
    before = used(CHILD);
    page_at(SCRATCH_VA, first + 9, MAP_READ);
    refuse(call_frame_pass(SLOT_ACCOUNT, first + 9, 1, CHILD).value, E_BUSY,
           "passing what is mapped");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "pt_unmap");
    fine(call_frame_pass(SLOT_ACCOUNT, first + 8, 4, CHILD).value, "frame_pass");
    expect(used(CHILD) == before + 4, "they are charged to the other");
    mixed_owners(first);
    fine(call_frame_pass(CHILD, first + 8, 4, SLOT_ACCOUNT).value, "and back");
    page_at(SCRATCH_VA, first + 9, MAP_READ);
    expect(*(volatile uint64_t *)SCRATCH_VA == (uint64_t)9 * FRAME_BYTES, "with their contents");
    refuse(call_frame_pass(SLOT_ACCOUNT, own_root(), 1, CHILD).value, E_INVAL, "passing a root");
    refuse(call_frame_pass(SLOT_ACCOUNT, 1, 1, CHILD).value, E_PERM, "passing another's");
    refuse(call_frame_pass(SLOT_ACCOUNT, first, 65, CHILD).value, E_INVAL, "too many");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "pt_unmap");
}

/* How many of its frames are free; those beside us may have taken some meanwhile, a batch each. */
static uint64_t
free_of(uint64_t first)
{
    const uint64_t *words = (const uint64_t *)EXPOSED_FREE;
    uint64_t n = 0;

    for (uint64_t i = first; i < first + SIZE; i++)
        n += words[i / 64] >> i % 64 & 1;
    return n;
}

static void
passed_whole(uint64_t first)
{
    struct account_state s = {0};
    int64_t r = -E_AGAIN;

    for (int i = 0; i < JOIN_CALLS && r == -E_AGAIN; i++)
        r = call_frame_join(SLOT_ACCOUNT, first, 1).value;
    expect(r == 0, "joining again");
    fine(call_frame_pass(SLOT_ACCOUNT, first, SIZE, CHILD).value, "passing 2 MiB");
    expect(frame_told(SLOT_ACCOUNT, first).owner == frame_told(SLOT_ACCOUNT, first + 1).owner &&
               frame_told(SLOT_ACCOUNT, first).owner == object_of_slot(CHILD),
           "all of it");
    refuse(call_frame_pass(CHILD, first, 1, SLOT_ACCOUNT).value, E_INVAL, "passing a part");
    fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, TAKEN, 1).value, "asking for some of it");
    while (fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, 0, 0).value, "going on"))
        ;
    fine(call_account_read(CHILD, (uintptr_t)&s).value, "account_read");
    hold(!s.dying && s.used_frames == SIZE - TAKEN && s.n_taken == TAKEN,
         "of a large frame so many are taken, and no more");
    while (fine(call_account_destroy(CHILD).value, "account_destroy"))
        ;
    expect(free_of(first) + OTHERS_MAX >= SIZE, "it was destroyed as small frames");
}

int
exo_main(const struct start_page *start)
{
    uint64_t first;

    (void)start;
    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    first = frames_aligned_new();
    join(first);
    mapped(first);
    split(first);
    passed(first);
    passed_whole(first);
    return done();
}
