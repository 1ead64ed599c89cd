/* SPDX-License-Identifier: MIT */
/* foreign.c - what is another's (foreign.h). */
#include "test/boot/foreign.h"
#include "abi/account.h"
#include "abi/exposed.h"

enum { LIMIT = 32, KERNEL_FRAME = 0x100 };

static const uint64_t NAME = (uint64_t)1 << 40; /* none of good.c's */
static uint64_t holder;

static uint64_t
child_frame(void)
{
    return frame_of_account(FOREIGN_ACCOUNT);
}

void
foreign_begin(void)
{
    struct account_terms terms = {.name = NAME, .limit_frames = LIMIT};
    struct context_start start = {.rip = FRAME_BYTES, .stop_slot = SLOT_NOTHING};
    uint64_t root;

    holder = frame_new();
    fine(call_account_make(SLOT_ACCOUNT, holder, FOREIGN_ACCOUNT, (uintptr_t)&terms).value,
         "account_make");
    root = child_frame();
    fine(call_pt_make(FOREIGN_ACCOUNT, root, PT_LEVELS, child_frame()).value, "pt_make");
    fine(call_slots_make(FOREIGN_ACCOUNT, child_frame(), FOREIGN_SLOTS).value, "slots_make");
    fine(call_env_make(FOREIGN_ACCOUNT, child_frame(), FOREIGN_ENV, FOREIGN_SLOTS, root).value,
         "env_make");
    start.vector_frame = child_frame();
    fine(call_context_make(FOREIGN_ENV, child_frame(), FOREIGN_CONTEXT, (uintptr_t)&start).value,
         "context_make");
    fine(call_entry_make(FOREIGN_ACCOUNT, child_frame(), FOREIGN_ENTRY).value, "entry_make");
}

uint32_t
foreign_holder(void)
{
    return (uint32_t)holder;
}

bool
foreign_still(uint64_t f)
{
    uint64_t end = ((const struct machine_page *)EXPOSED_MACHINE)->n_frames;
    struct frame_state told = {0};

    return f >= end || (!(((const volatile uint64_t *)EXPOSED_FREE)[f / 64] >> f % 64 & 1) &&
                        call_frame_read(SLOT_ACCOUNT, f, 1, (uintptr_t)&told).value < 0);
}

uint32_t
foreign_frames(uint64_t *frames, uint32_t n)
{
    uint64_t end = ((const struct machine_page *)EXPOSED_MACHINE)->n_frames;
    uint32_t found = 0, put = FOREIGN_FOR_EVER;

    expect(n > FOREIGN_FOR_EVER, "room");
    frames[0] = object_of_slot(SLOT_ACCOUNT); /* our account is our maker's */
    frames[1] = KERNEL_FRAME;
    frames[2] = 0;
    frames[3] = end;
    frames[4] = UINT32_MAX;
    for (uint64_t f = KERNEL_FRAME; f < end; f++)
        found += foreign_still(f);
    for (uint64_t f = KERNEL_FRAME, i = 0; f < end && put < n; f++) {
        if (!foreign_still(f))
            continue;
        if (i++ % (found / (n - FOREIGN_FOR_EVER) + 1) == 0)
            frames[put++] = f;
    }
    return put;
}
