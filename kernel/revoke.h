/* SPDX-License-Identifier: MIT */
/*
 * kernel/revoke.h - visible revocation: an account is asked for some of a kind, chooses which, and
 * loses some by force if it does not until a deadline.
 *
 * Invariants
 *  V1 an account of which something is wanted is in the list; one that is in it and of which
 *     nothing is wanted leaves it at the next tick that comes to it, or when it ends.
 *  V2 nothing that is below a reserve is asked for or taken: not of the account, not of one below.
 *  V3 what is wanted and overdue is had after one round through its frames or the positions of the
 *     machine, or the account ends: nobody gains time by changing what his frames are.
 *  V4 a deadline moves on by what the machine is seen to lose until then: nobody is taken from who
 *     had no chance to give. Looks are so close that one pause takes an eighth of the time that
 *     was left, at most, or SLICE_LOST_NS, unseen; and nobody gains more than was lost.
 */
#pragma once
#include <stdint.h>

struct account;
struct context;

/*
 * When revoke_tick() wants to be called next here, on the clock; 0: never. It takes what is overdue,
 * in lock_steps(). It is the first processor's work.
 */
uint64_t revoke_deadline(void);
void revoke_tick(uint64_t now_ns);

/* The account ends: nothing more is wanted of it. */
void revoke_forget(struct account *account);
/* The context ends: it takes no more REVOKE upcalls of its account. */
void revoke_deafen(const struct context *context);
