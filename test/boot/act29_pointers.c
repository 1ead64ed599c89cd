/* SPDX-License-Identifier: MIT */
/*
 * act29_pointers.c - hostile act 29: every address that a call follows, wrong in every way
 * (pointers.h), for all the calls that a partition has the rights for; those of root: root_walk.c.
 * What other structures hold that look like addresses (where a context begins, its stacks, what it
 * maps where) the kernel does not follow: acts 13, 14 and 27.
 */
#include "test/boot/pointers.h"

static const uint64_t KERNEL_DESCRIPTOR =
    0xffffffffc0001050; /* the last of the first processor's: CPU_GDT */

enum { POINTERS_MIN = 19 };

/* More than a page at once, of which some is there. */
static void
long_writes(void)
{
    refuse(call_console_write(SLOT_CONSOLE, STREAM_OUTPUT, KERNEL_IMAGE, CHANNEL_PAYLOAD_MAX).value,
           E_FAULT, "writing the kernel out");
    refuse(call_console_write(SLOT_CONSOLE, STREAM_OUTPUT, pointers_hole, FRAME_BYTES + 1).value,
           E_FAULT, "writing across a hole");
}

/* The address is looked at where there is something to read; it is read at last, not lost. */
static void
wait_for_input(void)
{
    while (call_console_read(SLOT_CONSOLE, pointers_hole + FRAME_BYTES, 1).value == -E_AGAIN)
        call_yield(SLOT_NOTHING);
}

/* For the control alone: writes a segment descriptor that nobody uses, and says nothing of it. */
static int
spoil_image(void)
{
    call_pt_read(SLOT_ACCOUNT, exo_start_page->root_frame, 0, pointers_hole, KERNEL_DESCRIPTOR, 1);
    return done();
}

int
exo_main(const struct start_page *start)
{
    uint32_t n = 0;

    (void)start;
    good_begin();
    pointers_begin();
    if (!strcmp(argument(0), "image"))
        return spoil_image();
    wait_for_input();
    for (uint32_t i = 0; i < CALL_COUNT; i++) {
        uint64_t reg[REGISTERS];
        if (good_call(call_shapes[i].number, reg) != GOOD_ROOTS)
            n += pointers_walk(&call_shapes[i]);
    }
    long_writes();
    expect(n >= POINTERS_MIN, "the table has them");
    return done();
}
