/* SPDX-License-Identifier: MIT */
/* kin.c - children of a test's (kin.h). */
#include "test/boot/kin.h"
#include "libos/exo/rpc.h"

void
kin_make(struct child_terms *kin, uint64_t name, uint32_t first_slot, uint64_t more,
         void (*main)(void))
{
    uint32_t first_cell = cells_take(CHILD_CELLS);

    *kin = (struct child_terms){.name = name,
                                .limit_frames = KIN_FRAMES + more,
                                .entry = first_slot + CHILD_SLOT_COUNT,
                                .cells = SLOT_CELLS,
                                .first_cell = first_cell,
                                .main = main};
    for (uint32_t i = 0; i < CHILD_SLOT_COUNT; i++)
        kin->slot[i] = first_slot + i;
    fine(child_make(kin), "child_make");
}

void
kin_give(const struct child_terms *kin, uint32_t slot, uint32_t rights, uint32_t into)
{
    struct cap cap = cap_of(slot, rights);

    fine(call_cap_bind(kin->slot[CHILD_SLOTS], into, (uintptr_t)&cap).value, "cap_bind");
}

static void
answer(struct rpc *m)
{
    (void)m;
}

void
kin_serve(void)
{
    if (rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, answer))
        call_context_exit(0);
}
