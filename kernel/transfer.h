/* SPDX-License-Identifier: MIT */
/*
 * kernel/transfer.h - entries, and the chains of contexts that wait for one another's return.
 *
 * Invariants
 *  T1 who waits for whom is a chain: below(x) is the context that x returns to, NULL for the base.
 *     x->caller is that one where the return may take the fast path; else x->held is.
 *  T2 an activation is parked when entry->parked[cpu] is it, or it is `hidden`. Whoever takes it
 *     out of there owns it, whatever processor they are on.
 *  T3 a parked activation and all of a chain that runs have `on` set: only that processor, or who
 *     takes the parked one (T2), changes them. Of a chain that runs only `caller` and the
 *     processor's current say so.
 *  T4 of a chain that does not run all but the top are CALLING, and `above` leads from the base up.
 *  T5 a chain has at most TRANSFER_DEPTH_MAX contexts beside its base.
 *  T6 the context that a slice names pays for what runs in it: cpu->payer.
 *  T7 an entry ends only when nobody is inside transfer.S with a pointer to it (lock_quiesce): what
 *     else is reached there is this processor's chain, or referred to by one of it.
 *  T8 while an account is dying no call or return is settled without the lock: nothing of it is
 *     entered any more.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "kernel/arch.h"
#include "kernel/cap.h"

struct context;
struct cpu;

extern bool transfer_unchecked;

struct entry {
    struct cell cell;
    uint64_t reserved[8];
    struct context *_Atomic parked[CPUS_MAX]; /* T2; NULL: none, or busy */
    struct context *holder[CPUS_MAX];         /* the activation of each processor, parked or not */
};
_Static_assert(sizeof(struct entry) <= 4096, "one frame");

/* ---- for slice.c ---- */
/* What runs in the slices that name this context: itself, or the top of the chain it is the base
 * of. Takes from *steps, if not NULL, what it costs. */
struct context *transfer_top(struct context *named, uint64_t *steps);
/* The context at the bottom of the chain that it is in, in whose slices it runs. */
const struct context *transfer_base(const struct context *context);
/* Puts the chain of a context that a slice names on this processor; its top. */
struct context *transfer_on(struct cpu *cpu, struct context *named);
/* The current context may call, and be returned from. */
void transfer_room(struct cpu *cpu);
/* The current context and those that wait for it are off the processor. */
void transfer_off(struct context *current);
/*
 * The first deadline of those that wait for `context`, itself included, or the first time at which
 * one may be told of posts; 0: none.
 */
uint64_t transfer_deadline(const struct context *context);
/*
 * Those that wait for the current context are looked at: deadlines, requests to stop, dying
 * accounts.
 */
void transfer_tick(struct cpu *cpu, uint64_t now_ns);

/* ---- for context.c and object.c ---- */
/*
 * The activation that a call of this entry's slot would enter, where it is in a call and can run:
 * else NULL, and E_AGAIN, E_BADF or E_PERM.
 */
struct context *transfer_holder(uint64_t slot, int *error);
/* Something is due to a context that is not current and has `on` set. */
void transfer_due(struct context *context);
/* If the context is a parked activation it is one no more, and on no processor. Was it one? */
bool transfer_retrieve(struct context *context);
/* The context has ended: who waits for it is told, whom it waits for goes on alone. */
void transfer_end(struct context *context);
/* The entry ends: no activation of it is parked any more. */
void entry_release(struct entry *entry);
/* Is it an activation that nobody has called? For context_read. */
bool transfer_is_parked(const struct context *context);

/* ---- between chain.c and transfer.c ---- */
/* T1; NULL: it is a base. */
struct context *chain_below(const struct context *context);
/* How many wait for it, one for the other. */
uint32_t chain_depth(const struct context *context);
/* `caller` waits for nobody any more: the one above has returned, died or been lost. */
void chain_part(struct context *caller, struct context *callee);
/* It serves no entry any more. */
void entry_leave(struct context *context);
/* Is its account about to end? */
bool context_dying(const struct context *context);
