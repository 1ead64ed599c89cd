/* SPDX-License-Identifier: MIT */
/*
 * test/boot/message.h - entries, activations and transfers of a test (message.S, message.c). All
 * contexts have our code; those of an activation have no upcalls, so that what traps there dies.
 */
#pragma once
#include "abi/transfer.h"
#include "test/boot/kit.h"

enum { MESSAGE_WORDS = 12 };

extern uint64_t message_left[3]; /* rcx, r11 and flags behind the last message_send */
extern const uint64_t message_return_word;

/* Transfers with that message, which becomes the answer. word: transfer_word(slot) or any other. */
int64_t message_send(uint64_t word, uint64_t message[MESSAGE_WORDS]);
static inline uint64_t
transfer_word(uint64_t slot)
{
    return slot << 32 | (CALL_BASE + CALL_transfer);
}

static inline uint64_t
post_word(uint64_t slot) /* for transfer_post */
{
    return slot << 32 | (CALL_BASE + CALL_transfer_post);
}
/* The same, and what a transfer leaves untouched: xmm0, xmm15 and the fs base. */
enum { MESSAGE_MORE = 5 };
int64_t message_send_all(uint64_t word, uint64_t message[MESSAGE_WORDS],
                         uint64_t more[MESSAGE_MORE]);
void message_more(void); /* in the callee: all of these changed */
/* The test's own: what an activation does with a message. identity 0: it was withdrawn. */
void message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags);

/* An environment in `slots` on our root and with a table of its own; slots and env go into slots.
 */
void environment_new(uint32_t account, uint32_t env, uint32_t slots);
/* An entry in `entry` with an activation in `context`, made in the environment. The context's
 * frame. */
uint64_t service_new(uint32_t account, uint32_t env, uint32_t entry, uint32_t context);
/* The slot keeps RUN alone: such slots are called without the kernel's lock. */
void entry_narrow(uint32_t entry);
/* The context in a slot serves the entry on that processor, with that stack. */
void activation_serve(uint32_t entry, uint32_t context, uint32_t cpu, uint64_t rsp);
