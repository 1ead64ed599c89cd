/* SPDX-License-Identifier: MIT */
/*
 * links.c - page tables that several roots share: linked twice, with rights withheld, taken out,
 * changed by name, read as pages. What one link withholds no other gives.
 */
#include "test/boot/kit.h"
#include "abi/account.h"

enum { CHILD = 100, SHARED_PAGES = 4 };

/* Two places below our root, and where they lead. */
static const uint64_t FIRST = 0x0000020000000000, SECOND = 0x0000028000000000;
static const uint64_t PAGES_OF_TABLE = (uint64_t)PT_ENTRIES * FRAME_BYTES;

/* Tables of level 3 and 2 for va on our root, that a table of level 1 may be linked. */
static void
way_make(uint64_t va)
{
    fine(call_pt_link(SLOT_ACCOUNT, own_root(), va, table_new(3), 0).value, "level 3");
    fine(call_pt_link(SLOT_ACCOUNT, own_root(), va, table_new(2), 0).value, "level 2");
}

static int64_t
map_in(uint64_t table, uint64_t va, uint64_t frame, uint64_t flags)
{
    uint64_t entry = frame << FRAME_SHIFT | flags;

    return call_pt_map(SLOT_ACCOUNT, table, 0, va, (uintptr_t)&entry, 1, SLOT_ACCOUNT).value;
}

/* One table in two places: what is mapped in it is in both, at once. */
static uint64_t
linked_twice(void)
{
    uint64_t table = table_new(1);
    volatile uint64_t *one = (volatile uint64_t *)FIRST, *two = (volatile uint64_t *)SECOND;

    way_make(FIRST);
    way_make(SECOND);
    fine(call_pt_link(SLOT_ACCOUNT, own_root(), FIRST, table, 0).value, "the first link");
    fine(call_pt_link(SLOT_ACCOUNT, own_root(), SECOND, table, 0).value, "the second link");
    for (uint64_t i = 0; i < SHARED_PAGES; i++)
        fine(map_in(own_root(), FIRST + i * FRAME_BYTES, frame_new(), MAP_READ | MAP_WRITE),
             "pt_map");
    *one = 17;
    expect(*two == 17, "both places show the same frame");
    refuse(call_frame_free(SLOT_ACCOUNT, table, 1).value, E_BUSY, "freeing a table that is linked");
    fine(map_in(own_root(), FIRST, frame_new(), MAP_READ | MAP_WRITE), "another frame by one link");
    hold(*two == 0, "the other place kept a stale translation");
    *two = 18;
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, FIRST, 1).value, "unmapping by one link");
    hold(trap_read(SECOND).vector == VECTOR_PAGE, "it is still mapped by the other");
    return table;
}

/* What hangs in the root itself, which no mapping does: by level 4. */
static void
links_of_root(void)
{
    uint64_t entry = 0, first = entry;

    fine(call_pt_read(SLOT_ACCOUNT, own_root(), 4, FIRST, (uintptr_t)&first, 1).value,
         "what it links");
    expect(first & MAP_LINK, "a link");
    fine(call_pt_read(SLOT_ACCOUNT, first >> FRAME_SHIFT & UINT32_MAX, 3,
                      FIRST % ((uint64_t)1 << 39), (uintptr_t)&entry, 1)
             .value,
         "the table that it names");
    expect(entry & MAP_LINK, "which links the next");
    refuse(call_pt_read(SLOT_ACCOUNT, first >> FRAME_SHIFT & UINT32_MAX, 4, 0, (uintptr_t)&entry, 1)
               .value,
           E_INVAL, "a level above the table named");
    refuse(
        call_pt_map(SLOT_ACCOUNT, own_root(), 4, FIRST, (uintptr_t)&entry, 1, SLOT_ACCOUNT).value,
        E_INVAL, "a mapping of that level");
}

/* By its own name: va counts from the table's beginning. */
static void
by_name(uint64_t table)
{
    uint64_t entry;

    fine(map_in(table, 0, frame_new(), MAP_READ | MAP_WRITE), "mapping in a table by name");
    *(volatile uint64_t *)FIRST = 3;
    expect(*(volatile uint64_t *)SECOND == 3, "it is in both places");
    fine(call_pt_protect(SLOT_ACCOUNT, table, 0, 0, 1, MAP_WRITE, 0).value, "protecting by name");
    hold(trap_write(FIRST).vector == VECTOR_PAGE, "a stale right in the first place");
    hold(trap_write(SECOND).vector == VECTOR_PAGE, "a stale right in the second place");
    fine(call_pt_read(SLOT_ACCOUNT, table, 0, 0, (uintptr_t)&entry, 1).value, "reading by name");
    expect(entry == entry_at(FIRST), "the same entry by another name");
    refuse(map_in(table, PAGES_OF_TABLE, frame_new(), MAP_READ), E_INVAL, "beyond the table");
    refuse(call_pt_read(SLOT_ACCOUNT, table, 2, 0, (uintptr_t)&entry, 1).value, E_INVAL,
           "a level above the table's own");
    refuse(call_pt_unmap(SLOT_ACCOUNT, table, 0, PAGES_OF_TABLE - FRAME_BYTES, 2).value, E_INVAL,
           "a range across its end");
    fine(call_pt_protect(SLOT_ACCOUNT, table, 0, 0, 1, 0, MAP_WRITE).value, "and back");
}

/* A link withholds a right from all below it; the entries themselves have it. */
static void
withheld(uint64_t table)
{
    uint64_t link;

    fine(call_pt_link(SLOT_ACCOUNT, own_root(), SECOND, table, MAP_WRITE).value, "withholding W");
    hold(trap_write(SECOND).vector == VECTOR_PAGE, "writing where the link withholds it");
    expect(trap_write(FIRST).vector == NO_VECTOR, "the other link still writes");
    expect(trap_read(SECOND).vector == NO_VECTOR, "and reading goes on");
    fine(call_pt_read(SLOT_ACCOUNT, own_root(), 2, SECOND, (uintptr_t)&link, 1).value, "pt_read");
    expect(link == (table << FRAME_SHIFT | MAP_READ | MAP_EXEC | MAP_LINK | MAP_ACCESSED),
           "a link is told with the rights that it leaves");
    fine(call_pt_protect(SLOT_ACCOUNT, table, 0, 0, 1, 0, MAP_EXEC).value, "X for the entry");
    *(volatile uint8_t *)FIRST = 0xc3; /* ret */
    expect(trap_jump(SECOND).vector == NO_VECTOR, "executing by a link that lets one");
    fine(call_pt_link(SLOT_ACCOUNT, own_root(), SECOND, table, MAP_EXEC).value, "withholding X");
    hold(trap_jump(SECOND).vector == VECTOR_PAGE, "executing where the link withholds it");
    expect(trap_write(SECOND).vector == NO_VECTOR, "writing came back");
    fine(call_pt_link(SLOT_ACCOUNT, own_root(), SECOND, table, 0).value, "withholding nothing");
    *(volatile uint8_t *)FIRST = 0xc3;
    expect(trap_jump(SECOND).vector == NO_VECTOR, "and both");
    refuse(call_pt_link(SLOT_ACCOUNT, own_root(), SECOND, table, MAP_READ).value, E_INVAL,
           "withholding reading");
    refuse(call_pt_link(SLOT_ACCOUNT, own_root(), SECOND, table_new(1), 0).value, E_EXIST,
           "another table where one hangs");
}

/* Taken out, a table keeps its entries, and can be hung elsewhere. */
static void
taken_out(uint64_t table)
{
    struct call_result r;

    *(volatile uint64_t *)FIRST = 41;
    r = call_pt_unlink(SLOT_ACCOUNT, own_root(), SECOND, 1);
    expect((uint64_t)r.value == table, "pt_unlink names the table");
    expect(r.detail == 0, "no other processor: no epoch to wait for");
    hold(trap_read(SECOND).vector == VECTOR_PAGE, "a stale translation below a link taken out");
    expect(*(volatile uint64_t *)FIRST == 41, "the other place has it still");
    refuse(call_pt_unlink(SLOT_ACCOUNT, own_root(), SECOND, 1).value, E_NOENT,
           "taking it out twice");
    refuse(call_pt_unlink(SLOT_ACCOUNT, own_root(), SCRATCH_VA + (1ull << 42), 1).value, E_NOENT,
           "taking out where no table is");
    refuse(call_pt_unlink(SLOT_ACCOUNT, own_root(), SECOND, PT_LEVELS).value, E_INVAL, "a root");
    fine(call_pt_unlink(SLOT_ACCOUNT, own_root(), FIRST, 1).value, "pt_unlink");
    hold(trap_read(FIRST).vector == VECTOR_PAGE, "a stale translation of the first place");
    fine(call_pt_link(SLOT_ACCOUNT, own_root(), SECOND, table, 0).value, "linking it again");
    expect(*(volatile uint64_t *)SECOND == 41, "its entries are there");
}

/* A table may be mapped to be read, and so costs no call; never to be written, nor a root. */
static void
read_as_page(uint64_t table)
{
    volatile uint64_t *entries = (volatile uint64_t *)SCRATCH_VA;

    refuse(map_in(own_root(), SCRATCH_VA, table, MAP_READ | MAP_WRITE), E_PERM, "writing a table");
    refuse(map_in(own_root(), SCRATCH_VA, table, MAP_READ | MAP_EXEC), E_PERM, "executing a table");
    refuse(map_in(own_root(), SCRATCH_VA, own_root(), MAP_READ), E_PERM, "reading a root");
    fine(map_in(own_root(), SCRATCH_VA, table, MAP_READ), "reading a table");
    hold(trap_write(SCRATCH_VA).vector == VECTOR_PAGE, "writing an entry ourselves");
    expect(entries[0] != 0 && entries[SHARED_PAGES] == 0, "its entries, present and absent");
    refuse(call_pt_protect(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1, 0, MAP_WRITE).value, E_PERM,
           "W for the mapping of a table");
    refuse(call_frame_protect(SLOT_ACCOUNT, table, 0, 0, 0, 0, MAP_WRITE).value, E_INVAL,
           "W for all mappings of a table");
    hold(trap_write(SCRATCH_VA).vector == VECTOR_PAGE, "writing an entry after that");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "pt_unmap");
}

/* Tables of two accounts never hang below one another. */
static void
of_another(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = 16};
    uint64_t frame;

    fine(call_account_make(SLOT_ACCOUNT, frame_new(), CHILD, (uintptr_t)&terms).value,
         "account_make");
    frame = frame_of_account(CHILD);
    fine(call_pt_make(CHILD, frame, 1, frame_of_account(CHILD)).value, "pt_make");
    refuse(call_pt_link(SLOT_ACCOUNT, own_root(), FIRST, frame, 0).value, E_PERM,
           "a child's table below ours");
    refuse(call_pt_make(SLOT_ACCOUNT, frame_new(), 1, frame_of_account(CHILD)).value, E_PERM,
           "a companion of another account");
    frame = frame_new();
    refuse(call_pt_make(SLOT_ACCOUNT, frame, 1, frame).value, E_INVAL, "a companion of itself");
    refuse(map_in(own_root(), SCRATCH_VA, frame_new() + 1, MAP_READ), E_PERM, "a frame not ours");
}

int
exo_main(const struct start_page *start)
{
    uint64_t table;

    (void)start;
    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    table = linked_twice();
    links_of_root();
    by_name(table);
    withheld(table);
    taken_out(table);
    read_as_page(table);
    of_another();
    return done();
}
