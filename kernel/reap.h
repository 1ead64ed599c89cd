/* SPDX-License-Identifier: MIT */
/* kernel/reap.h - the end of an account, in bounded steps. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct account;

/* From here on nothing of the account, or below, runs, binds, maps or is charged. */
void reap_begin(struct account *account);
/* Gives back frames of a dying account: true when it has none any more, false when *steps are used
 * up. */
bool reap(struct account *account, uint64_t *steps);
/* The account's object ends: nothing is left to be reaped. */
void reap_forget(struct account *account);
/*
 * Works on one of those that are dying, for a processor that has nothing else to do: when it wants
 * to be called again, on the clock; 0: nobody is dying. In at most so many steps.
 */
uint64_t reap_idle(uint64_t now_ns, uint64_t steps);
