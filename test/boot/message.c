/* SPDX-License-Identifier: MIT */
/* message.c - entries, activations and transfers of a test (message.h). */
#include "test/boot/message.h"

void message_entry(void);

const uint64_t message_return_word = CALL_BASE + CALL_transfer_return;

void
environment_new(uint32_t account, uint32_t env, uint32_t slots)
{
    fine(call_slots_make(account, frame_of_account(account), slots).value, "slots_make");
    fine(call_env_make(account, frame_of_account(account), env, slots, exo_start_page->root_frame)
             .value,
         "env_make");
}

void
activation_serve(uint32_t entry, uint32_t context, uint32_t cpu, uint64_t rsp)
{
    struct transfer_setup setup = {.rip = (uintptr_t)message_entry, .rsp = rsp, .cpu = cpu};

    fine(call_transfer_serve(entry, context, (uintptr_t)&setup).value, "transfer_serve");
}

/* A context in `context` that serves the entry on processor 0. Its frame. */
static uint64_t
activation_new(uint32_t account, uint32_t env, uint32_t entry, uint32_t context)
{
    struct context_start start = {
        .rip = FRAME_BYTES, .vector_frame = frame_of_account(account), .stop_slot = SLOT_NOTHING};
    uint64_t frame = frame_of_account(account);
    uint64_t stack = (uintptr_t)page_new(MAP_READ | MAP_WRITE, NULL) + FRAME_BYTES;

    fine(call_context_make(env, frame, context, (uintptr_t)&start).value, "context_make");
    activation_serve(entry, context, 0, stack);
    return frame;
}

uint64_t
service_new(uint32_t account, uint32_t env, uint32_t entry, uint32_t context)
{
    fine(call_entry_make(account, frame_of_account(account), entry).value, "entry_make");
    return activation_new(account, env, entry, context);
}

void
entry_narrow(uint32_t entry)
{
    struct cap cap = cap_of(entry, RIGHT_RUN);

    call_slot_clear(SLOT_SLOTS, entry);
    fine(call_cap_bind(SLOT_SLOTS, entry, (uintptr_t)&cap).value, "cap_bind");
}
