/* SPDX-License-Identifier: MIT */
/*
 * forks.c - pt_copy and frame_protect: what a copy-on-write fork and a pager need of the kernel.
 * The processes here are roots of one environment, as in a library OS with a fork of its own.
 */
#include "test/boot/kit.h"

enum { SOFT_COW = 1 << MAP_SOFT_SHIFT, SOFT_ALL = 7 << MAP_SOFT_SHIFT, PAGES = 8, CHILD = 100 };
enum { MANY = 600 }; /* mappings of one frame: more than one call of frame_protect looks at */

static const uint64_t AREA = 0x0000020000000000, MANY_VA = 0x0000030000000000;
static const uint64_t SWAPPED = 0x1234567890abcdee; /* absent, and the library's own */

/* A root with tables down to level 1 at va. */
static uint64_t
root_new(uint64_t va)
{
    uint64_t frame = table_new(PT_LEVELS);

    for (uint64_t level = PT_LEVELS - 1; level >= 1; level--)
        fine(call_pt_link(SLOT_ACCOUNT, frame, va, table_new(level), 0).value, "pt_link");
    return frame;
}

static uint64_t
entry_of(uint64_t r, uint64_t va)
{
    uint64_t entry = 0;

    fine(call_pt_read(SLOT_ACCOUNT, r, 0, va, (uintptr_t)&entry, 1).value, "pt_read");
    return entry;
}

static struct call_result
copy(uint64_t to, uint64_t n)
{
    struct copy_request r = {.from = (uint32_t)own_root(),
                             .to = (uint32_t)to,
                             .from_va = AREA,
                             .to_va = AREA,
                             .n = (uint32_t)n,
                             .from_clear = MAP_WRITE,
                             .from_set = SOFT_COW,
                             .to_clear = MAP_WRITE | MAP_DIRTY,
                             .to_set = SOFT_COW};

    return call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&r);
}

/* The area that is copied: written, read, not touched, read-only, swapped out, nothing. */
static void
area_make(void)
{
    for (uint64_t i = 0; i < PAGES - 3; i++)
        page_at(AREA + i * FRAME_BYTES, frame_new(), MAP_READ | MAP_WRITE);
    page_at(AREA + (uint64_t)3 * FRAME_BYTES, frame_new(), MAP_READ);
    fine(map_one(own_root(), AREA + (uint64_t)6 * FRAME_BYTES, SWAPPED), "an absent entry");
    *(volatile uint64_t *)AREA = 7;
    (void)*(volatile uint64_t *)(AREA + FRAME_BYTES);
}

static void
copy_on_write(uint64_t child)
{
    struct call_result r = copy(child, PAGES);
    uint64_t parent_entry = entry_at(AREA), child_entry = entry_of(child, AREA);

    expect(r.value == PAGES && r.detail == 0, "all were copied, and no other processor runs");
    expect(parent_entry >> FRAME_SHIFT == child_entry >> FRAME_SHIFT, "the same frame");
    expect((parent_entry & (MAP_WRITE | SOFT_COW | MAP_DIRTY)) == (SOFT_COW | MAP_DIRTY),
           "the parent lost W, not what it recorded");
    expect((child_entry & (MAP_WRITE | SOFT_COW | MAP_DIRTY)) == SOFT_COW, "the child's, clean");
    hold(trap_write(AREA).vector == VECTOR_PAGE, "writing what the fork shares");
    expect(*(volatile uint64_t *)AREA == 7, "reading it goes on");
    expect(entry_of(child, AREA + FRAME_BYTES) & MAP_ACCESSED, "accessed was copied");
    expect(entry_of(child, AREA + (uint64_t)6 * FRAME_BYTES) == SWAPPED,
           "the library's own word too");
    expect(entry_of(child, AREA + (uint64_t)7 * FRAME_BYTES) == 0, "nothing is nothing");
    expect(entry_of(child, AREA + (uint64_t)3 * FRAME_BYTES) & MAP_READ, "a read-only page");
    refuse(call_frame_free(SLOT_ACCOUNT, child_entry >> FRAME_SHIFT, 1).value, E_BUSY,
           "freeing what both map");
}

/* The fault: a copy for the writer, the other keeps the frame. Then it stands on the child. */
static void
copied_page(uint64_t child)
{
    uint64_t shared = entry_at(AREA) >> FRAME_SHIFT, fresh = frame_new();

    page_at(SCRATCH_VA, fresh, MAP_READ | MAP_WRITE);
    memcpy((void *)SCRATCH_VA, (const void *)AREA, FRAME_BYTES);
    page_at(AREA, fresh, MAP_READ | MAP_WRITE);
    *(volatile uint64_t *)AREA = 8;
    page_at(SCRATCH_VA, shared, MAP_READ);
    expect(*(volatile uint64_t *)SCRATCH_VA == 7, "the child's page is as it was");
    fine(call_pt_unmap(SLOT_ACCOUNT, child, 0, AREA, 1).value, "the child lets go");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "we too");
    fine(call_frame_free(SLOT_ACCOUNT, shared, 1).value, "then it is nobody's");
}

static void
refused_copies(uint64_t child)
{
    struct copy_request r = {.from = (uint32_t)own_root(), .to = (uint32_t)child, .n = 1};
    uint64_t at;

    refuse(copy(child, 0).value, E_INVAL, "copying nothing");
    refuse(copy(child, MAP_BATCH_MAX + 1).value, E_INVAL, "copying too much");
    refuse(copy(frame_new(), 1).value, E_INVAL, "copying to no table");
    r.from_va = AREA;
    r.to_va = AREA;
    r.from_set = MAP_ACCESSED;
    refuse(call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&r).value, E_INVAL, "setting accessed");
    r.from_set = 0;
    r.to_clear = MAP_READ;
    refuse(call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&r).value, E_INVAL, "clearing present");
    r.to_clear = 0;
    r.to_va = AREA + ((uint64_t)1 << 40);
    at = (uint64_t)call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&r).detail;
    refuse(call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&r).value, E_NOENT, "copying to no table");
    expect(at == PT_LEVELS - 1, "it says which table is absent");
    refuse(call_pt_copy(SLOT_ACCOUNT, 0).value, E_FAULT, "a request that is nowhere");
}

/* The upcall page is written by the kernel whatever entries say: it is not shared by mistake. */
static void
pinned_page(uint64_t child)
{
    uint64_t page = (uintptr_t)&exo_upcall_page, before = entry_at(page);
    struct copy_request r = {.from = (uint32_t)own_root(),
                             .to = (uint32_t)child,
                             .from_va = page,
                             .to_va = AREA + (uint64_t)9 * FRAME_BYTES,
                             .n = 1,
                             .from_clear = MAP_WRITE,
                             .to_clear = MAP_WRITE};

    expect(call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&r).value == (1 | (int64_t)1 << 32),
           "a pinned writable page is told and left out");
    expect((entry_at(page) & MAP_WRITE) && (before & MAP_WRITE), "and stays writable");
    expect(entry_of(child, AREA + (uint64_t)9 * FRAME_BYTES) == 0, "the child has nothing there");
}

/* ---- frame_protect ---- */

static void
two_mappings(uint64_t child)
{
    uint64_t frame = frame_new();
    struct call_result r;

    page_at(AREA, frame, MAP_READ | MAP_WRITE | SOFT_COW);
    fine(map_one(child, AREA, frame << FRAME_SHIFT | MAP_READ | MAP_WRITE), "the child's");
    *(volatile uint64_t *)AREA = 5;
    r = call_frame_protect(SLOT_ACCOUNT, frame, 0, SOFT_ALL, SOFT_COW, MAP_WRITE | MAP_DIRTY, 0);
    expect(r.value == (MAP_ACCESSED | MAP_DIRTY) && r.detail == 0, "what the entries recorded");
    hold(trap_write(AREA).vector == VECTOR_PAGE, "a right that frame_protect took");
    expect(entry_of(child, AREA) & MAP_WRITE, "software bits that do not match");
    expect(!(entry_at(AREA) & MAP_DIRTY), "dirty was cleared");
    fine(call_frame_protect(SLOT_ACCOUNT, frame, 0, 0, 0, MAP_WRITE, 0).value, "all of them");
    expect(!(entry_of(child, AREA) & MAP_WRITE), "the child's too");
    fine(call_frame_protect(SLOT_ACCOUNT, frame, 0, 0, 0, 0, MAP_WRITE).value, "and back");
    expect(trap_write(AREA).vector == NO_VECTOR, "it can be written");
    refuse(call_frame_protect(SLOT_ACCOUNT, frame, 0, MAP_WRITE, 0, 0, 0).value, E_INVAL,
           "matching rights");
    refuse(call_frame_protect(SLOT_ACCOUNT, frame, 0, SOFT_COW, SOFT_ALL, 0, 0).value, E_INVAL,
           "a value beyond the mask");
    refuse(call_frame_protect(SLOT_ACCOUNT, frame, 0x12345, 0, 0, 0, 0).value, E_INVAL,
           "from an entry that is another's");
    refuse(call_frame_protect(SLOT_ACCOUNT, frame, UINT32_MAX, 0, 0, 0, 0).value, E_INVAL,
           "from no entry");
    refuse(call_frame_protect(SLOT_ACCOUNT, 1, 0, 0, 0, 0, 0).value, E_PERM, "another's frame");
}

/* One frame in very many places: bounded calls, each says from where to go on; then it is broken.
 */
static void
many_mappings(void)
{
    static uint64_t entries[MANY];
    uint64_t frame = frame_new(), from = 0, calls = 0, written = 0;

    for (uint64_t i = 0; i < MANY; i++)
        entries[i] = frame << FRAME_SHIFT | MAP_READ | MAP_WRITE;
    fine(space_map(&exo_space, MANY_VA, entries, MANY, SLOT_ACCOUNT), "one frame very often");
    *(volatile uint64_t *)(MANY_VA + (uint64_t)300 * FRAME_BYTES) = 1;
    do {
        int64_t r = fine(call_frame_protect(SLOT_ACCOUNT, frame, from, 0, 0, MAP_WRITE, 0).value,
                         "frame_protect");
        from = (uint64_t)r >> FRAME_SHIFT;
        written |= (uint64_t)r & MAP_DIRTY;
        calls++;
    } while (from);
    expect(calls > 1 && written, "in several calls, one of which saw the write");
    for (uint64_t i = 0; i < MANY; i += 50)
        hold(trap_write(MANY_VA + i * FRAME_BYTES).vector == VECTOR_PAGE, "a page left out");
    calls = 0;
    while (fine(call_frame_break(SLOT_ACCOUNT, frame).value, "frame_break") > 0)
        calls++;
    expect(calls > 0, "breaking takes several calls");
    for (uint64_t i = 0; i < MANY; i += 50)
        hold(trap_read(MANY_VA + i * FRAME_BYTES).vector == VECTOR_PAGE, "a mapping left over");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "it can be freed");
    refuse(call_frame_break(SLOT_ACCOUNT, frame).value, E_PERM, "breaking what is not ours");
    refuse(call_frame_break(SLOT_ACCOUNT, own_root()).value, E_INVAL, "breaking a root");
}

int
exo_main(const struct start_page *start)
{
    uint64_t child;

    (void)start;
    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    area_make();
    child = root_new(AREA);
    copy_on_write(child);
    copied_page(child);
    refused_copies(child);
    pinned_page(child);
    two_mappings(child);
    many_mappings();
    return done();
}
