/* SPDX-License-Identifier: MIT */
/* raw.c - registration of upcalls without libos/exo (raw.h). */
#include "test/boot/raw.h"

enum { STACK_BYTES = 8192 };

void raw_enter(const struct start_page *start) __attribute__((noreturn));
extern uint8_t raw_stacks[];
void raw_resume_start(void);
__attribute__((visibility("hidden"))) void raw_resume_end(void); /* no table of addresses */
void raw_entry_0(void);
void raw_entry_1(void);
void raw_entry_2(void);
void raw_entry_3(void);
void raw_entry_4(void);
void raw_entry_5(void);

static const uint8_t nothing;
const volatile uint8_t *volatile raw_probe = &nothing;
uint64_t raw_spill_bytes;

void
raw_begin(uint64_t event_mask)
{
    struct upcall_setup setup = {
        .frame = entry_at((uintptr_t)&raw_page) >> FRAME_SHIFT,
        .va = (uintptr_t)&raw_page,
        .entry = {(uintptr_t)raw_entry_0, (uintptr_t)raw_entry_1, (uintptr_t)raw_entry_2,
                  (uintptr_t)raw_entry_3, (uintptr_t)raw_entry_4, (uintptr_t)raw_entry_5},
        .resume_start = (uintptr_t)raw_resume_start,
        .resume_end = (uintptr_t)raw_resume_end + raw_spill_bytes,
        .event_mask = event_mask,
        .events_slot = SLOT_EVENTS,
    };

    for (uint64_t i = 0; i < UPCALL_DEPTH_MAX; i++)
        setup.stack[i] = (uintptr_t)raw_stacks + (i + 1) * STACK_BYTES;
    fine(call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&setup).value, "upcalls_set");
    refuse(call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&setup).value, E_EXIST, "upcalls_set again");
}

uint64_t
raw_level(const struct save_area *save)
{
    return (uint64_t)(save - raw_page.save);
}

void
raw_enter(const struct start_page *start)
{
    context_begin(&exo_context, 0);
    exo_start_page = start;
    exo_pool = pool_of(SLOT_ACCOUNT);
    exo_space = (struct space){.pool = &exo_pool, .root = start->root_frame};
    room_take(start->room_va >> FRAME_SHIFT); /* no room is taken yet: so it begins there */
    exo_exit(raw_main());
}

/* The library's own start is not used. */
int
exo_main(const struct start_page *start)
{
    (void)start;
    return STATUS_FAIL;
}
