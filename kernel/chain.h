/* SPDX-License-Identifier: MIT */
/*
 * kernel/chain.h - between the parts of transfer: chain.c, entry.c, transfer.c. Invariants are
 * those of transfer.h, which is for all others.
 */
#pragma once
#include "kernel/account.h"
#include "kernel/context.h"
#include "kernel/frame.h"

struct cpu;
struct entry;

/* ---- chain.c ---- */
/* T1; NULL: it is a base. */
struct context *chain_below(const struct context *context);
/* How many wait for it, one for the other. */
uint32_t chain_depth(const struct context *context);
/* `caller` waits for nobody any more: the one above has returned, died or been lost. */
void chain_part(struct context *caller, struct context *callee);

/* ---- entry.c ---- */
/* Nobody is in it any more: the next may call. It is off the processor, or about to be left. */
void entry_park(struct context *context);
/* Takes the activation of (entry, cpu) if nobody is in it (T2); NULL: there is none, or it is busy.
 */
struct context *entry_unpark(struct entry *entry, uint64_t cpu);
/*
 * The activation that a call on this processor enters: its own, else the next one's that is free,
 * else one that is busy; NULL: there is none.
 */
struct context *entry_near(const struct entry *entry, uint32_t from);
/* It serves no entry any more. */
void entry_leave(struct context *context);
/* The current context is parked, and its slice over. */
_Noreturn void entry_leave_parked(struct cpu *cpu);

static inline bool
context_dying(const struct context *context)
{
    return account_dying(frame_at(context->self)->owner);
}
