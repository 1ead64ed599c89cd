/* SPDX-License-Identifier: MIT */
/*
 * act07_table.c - hostile act 7: make a page table, or any object, of a frame that is still mapped
 * or whose stale translation the processor still holds. Refused, and no stale translation is left.
 */
#include "test/boot/kit.h"

enum {
    CHILD = 100,
    VICTIM_BYTE = 0x77,
    PROTECTS = 20, /* who runs between one and the store behind it flushes all */
};

/* Had the kernel made it a table, we would now write the entries ourselves. */
static void
mapped_frame(void)
{
    uint64_t frame;
    volatile uint64_t *page = page_new(MAP_READ | MAP_WRITE, &frame);

    for (uint64_t level = 1; level <= PT_LEVELS; level++)
        refuse(call_pt_make(SLOT_ACCOUNT, frame, level, frame_new()).value, E_BUSY,
               "a table of a mapped frame");
    refuse(call_slots_make(SLOT_ACCOUNT, frame, CHILD).value, E_BUSY, "slots of a mapped frame");
    refuse(call_cells_make(SLOT_ACCOUNT, frame, CHILD).value, E_BUSY, "cells of a mapped frame");
    refuse(call_events_make(SLOT_ACCOUNT, frame, CHILD).value, E_BUSY, "events of a mapped frame");
    refuse(call_frame_free(SLOT_ACCOUNT, frame, 1).value, E_BUSY, "freeing a mapped frame");
    page[0] = 1;
    expect(page[0] == 1, "it is still ours");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, (uintptr_t)page, 1).value, "pt_unmap");
    hold(trap_write((uintptr_t)page).vector == VECTOR_PAGE, "a stale translation after pt_unmap");
    fine(call_pt_make(SLOT_ACCOUNT, frame, 1, frame_new()).value,
         "a table of the same frame, unmapped");
    hold(trap_write((uintptr_t)page).vector == VECTOR_PAGE, "a stale translation of a table");
}

/* Every way to lose a translation, with the translation warm before. */
static void
stale_translations(void)
{
    uint64_t one, two;
    volatile uint8_t *page = page_new(MAP_READ | MAP_WRITE, &one);

    two = frame_new();
    for (uint32_t i = 0; i < PROTECTS; i++) {
        page_at((uintptr_t)page, one, MAP_READ | MAP_WRITE);
        *page = VICTIM_BYTE;
        fine(call_pt_protect(SLOT_ACCOUNT, own_root(), 0, (uintptr_t)page, 1, MAP_CHANGEABLE,
                             MAP_READ)
                 .value,
             "pt_protect");
        hold(trap_write((uintptr_t)page).vector == VECTOR_PAGE, "a stale right after pt_protect");
    }
    page_at((uintptr_t)page, two, MAP_READ | MAP_WRITE);
    hold(*page == 0, "a stale frame after pt_map");
    *page = VICTIM_BYTE + 1;
    fine(map_one(own_root(), (uintptr_t)page, 0), "an absent entry");
    hold(trap_read((uintptr_t)page).vector == VECTOR_PAGE, "a stale frame after an absent entry");
    fine(call_frame_free(SLOT_ACCOUNT, one, 1).value, "frame_free");
    fine(call_frame_free(SLOT_ACCOUNT, two, 1).value, "frame_free");
}

/* Levels that do not fit, tables below themselves, tables of others. */
static void
links(void)
{
    uint64_t table[PT_LEVELS + 1];

    for (uint64_t level = 1; level <= PT_LEVELS; level++)
        table[level] = table_new(level);
    refuse(call_pt_link(SLOT_ACCOUNT, table[4], 0, table[4], 0).value, E_PERM,
           "a root below itself");
    refuse(call_pt_link(SLOT_ACCOUNT, table[4], 0, own_root(), 0).value, E_PERM,
           "a root below a root");
    refuse(call_pt_link(SLOT_ACCOUNT, table[4], 0, frame_new(), 0).value, E_PERM, "a plain frame");
    refuse(call_pt_link(SLOT_ACCOUNT, table[3], 0, table[3], 0).value, E_INVAL,
           "a table below itself");
    refuse(call_pt_link(SLOT_ACCOUNT, table[2], 0, table[3], 0).value, E_INVAL,
           "a table below a lower one");
    refuse(call_pt_link(SLOT_ACCOUNT, table[4], 0, table[1], 0).value, E_NOENT, "a table too deep");
    for (uint64_t level = 3; level >= 1; level--) {
        fine(call_pt_link(SLOT_ACCOUNT, table[4], 0, table[level], 0).value, "pt_link");
        refuse(call_pt_link(SLOT_ACCOUNT, table[4], 0, table_new(level), 0).value, E_EXIST,
               "a link where another is");
        refuse(call_frame_free(SLOT_ACCOUNT, table[level], 1).value, E_BUSY,
               "freeing a linked table");
    }
    fine(map_one(table[4], 0, frame_new() << FRAME_SHIFT | MAP_READ), "a page below them");
    for (uint64_t level = 4; level >= 1; level--)
        fine(call_frame_free(SLOT_ACCOUNT, table[level], 1).value, "freeing from the top");
    refuse(call_frame_free(SLOT_ACCOUNT, own_root(), 1).value, E_BUSY,
           "freeing the root we stand on");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    mapped_frame();
    stale_translations();
    links();
    return done();
}
