/* SPDX-License-Identifier: MIT */
/*
 * act06_bits.c - hostile act 6: entries with reserved, accessed, dirty and upper bits are refused;
 * of every other combination of bits the processor sees frame, write and execute as asked, no more.
 */
#include "test/boot/kit.h"

enum { MARK = 0xc3 }; /* the byte that all pages hold, which is also `ret` */

static void
refused_bits(uint64_t frame)
{
    for (uint32_t bit = 52; bit < 64; bit++)
        refuse(
            map_one(own_root(), SCRATCH_VA, frame << FRAME_SHIFT | MAP_READ | (uint64_t)1 << bit),
            E_INVAL, "an entry with a bit above the frame");
    refuse(map_one(own_root(), SCRATCH_VA, frame << FRAME_SHIFT | MAP_READ | MAP_ACCESSED), E_INVAL,
           "an entry that was accessed before it is there");
    refuse(map_one(own_root(), SCRATCH_VA, frame << FRAME_SHIFT | MAP_READ | MAP_DIRTY), E_INVAL,
           "an entry that is dirty before it is there");
    for (uint32_t bit = 40; bit < 52; bit++)
        hold(map_one(own_root(), SCRATCH_VA, frame << FRAME_SHIFT | MAP_READ | (uint64_t)1 << bit) <
                 0,
             "a frame number with a high bit");
}

/* Does the page at SCRATCH_VA do what these flags say, and is it that frame's? */
static void
page_obeys(uint64_t frame, uint64_t flags)
{
    hold(*(const volatile uint8_t *)SCRATCH_VA == MARK, "another frame is there");
    hold((trap_jump(SCRATCH_VA).vector == NO_VECTOR) == !!(flags & MAP_EXEC), "execution");
    hold((trap_write(SCRATCH_VA).vector == NO_VECTOR) == !!(flags & MAP_WRITE), "writing");
    if (flags & MAP_WRITE)
        *(volatile uint8_t *)SCRATCH_VA = MARK;
    hold((entry_at(SCRATCH_VA) & ~(uint64_t)(MAP_ACCESSED | MAP_DIRTY)) ==
             (frame << FRAME_SHIFT | flags),
         "the entry reads back");
}

static void
every_low_bit(uint64_t frame)
{
    for (uint64_t flags = 0; flags <= MAP_FLAGS; flags++) {
        if (flags & (MAP_ACCESSED | MAP_DIRTY))
            continue;
        fine(map_one(own_root(), SCRATCH_VA, frame << FRAME_SHIFT | flags), "an entry");
        if (!(flags & MAP_READ))
            hold(trap_read(SCRATCH_VA).vector == VECTOR_PAGE, "an absent entry is read");
        else
            page_obeys(frame, flags);
    }
}

/* Without MAP_READ the other 63 bits are the library's: none of them makes it present. */
static void
absent_bits(void)
{
    for (uint32_t bit = 1; bit < 64; bit++) {
        fine(map_one(own_root(), SCRATCH_VA, (uint64_t)1 << bit), "an absent entry");
        hold(entry_at(SCRATCH_VA) == (uint64_t)1 << bit, "its bits are kept");
        hold(trap_read(SCRATCH_VA).vector == VECTOR_PAGE, "it is absent");
    }
    fine(map_one(own_root(), SCRATCH_VA, ~(uint64_t)1), "all of them");
    hold(trap_read(SCRATCH_VA).vector == VECTOR_PAGE, "absent with all bits");
}

/* Nor does an absent entry hold the frame whose number it has, where nothing was or something. */
static void
absent_frame(uint64_t frame)
{
    uint64_t entries[] = {frame << FRAME_SHIFT, frame << FRAME_SHIFT | MAP_WRITE,
                          frame << FRAME_SHIFT};
    struct frame_state s;

    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 3).value, "pt_unmap");
    for (int again = 0; again < 2; again++)
        expect(call_pt_map(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, (uintptr_t)entries, 3,
                           SLOT_ACCOUNT)
                       .value == 3,
               "absent entries");
    hold(trap_read(SCRATCH_VA).vector == VECTOR_PAGE, "absent with a frame's number");
    fine(call_frame_read(SLOT_ACCOUNT, frame, 1, (uintptr_t)&s).value, "frame_read");
    hold(s.refs == 0, "an absent entry that holds a frame");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 3).value, "pt_unmap");
}

static void
protect_bits(uint64_t frame)
{
    static const uint64_t refused[] = {MAP_READ | MAP_ACCESSED, MAP_READ | MAP_DIRTY, MAP_FLAGS + 1,
                                       (uint64_t)1 << 31};

    fine(map_one(own_root(), SCRATCH_VA, frame << FRAME_SHIFT | MAP_READ), "an entry");
    for (uint32_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        refuse(
            call_pt_protect(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1, MAP_CHANGEABLE, refused[i])
                .value,
            E_INVAL, "pt_protect with such flags");
    refuse(call_pt_protect(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1, MAP_READ, 0).value, E_INVAL,
           "clearing MAP_READ");
    refuse(call_pt_protect(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1, MAP_FLAGS + 1, 0).value,
           E_INVAL, "clearing bits of the frame number");
    fine(call_pt_protect(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1, MAP_CHANGEABLE,
                         MAP_READ | MAP_WRITE)
             .value,
         "pt_protect");
    page_obeys(frame, MAP_READ | MAP_WRITE);
    fine(
        call_pt_protect(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1, MAP_CHANGEABLE, MAP_READ).value,
        "and back");
    page_obeys(frame, MAP_READ);
}

int
exo_main(const struct start_page *start)
{
    uint64_t frame = frame_new();

    (void)start;
    page_at(SCRATCH_VA, frame, MAP_READ | MAP_WRITE);
    memset((void *)SCRATCH_VA, MARK, FRAME_BYTES);
    refused_bits(frame);
    every_low_bit(frame);
    absent_bits();
    absent_frame(frame);
    protect_bits(frame);
    return done();
}
