/* SPDX-License-Identifier: MIT */
/*
 * kernel/work.h - what a device's interrupt asks for, and the share of a processor that it may
 * take.
 *
 * Invariants
 *  I1 the source is masked at boot and as it fires. It is armed when all of its work is done and
 *     somebody sleeps on a counter that it raises: by the wait, which does its work first; or behind
 *     the work, where one sleeps on. So whoever polls takes no interrupt, and does the work himself.
 *  I2 of a processor that has something else to run the work takes at most 1/WORK_SHARE: what took
 *     t ns is followed by (WORK_SHARE - 1) * t ns in which what fires waits, and the device drops
 *     or holds back. An idle processor works without that bound, and so does a call of the one whom
 *     the work serves: it pays.
 *  I3 what it takes from a context's slice is charged to the account that it serves, or to root's
 *     where there is none, not to the context.
 *  I4 while there is work that somebody sleeps for, one processor has it, or the source is armed and
 *     interrupts for it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct account;
struct cpu;

enum { WORK_SHARE = 25 }; /* a twentieth, with what it costs to begin it, and whom it wakes */

extern uint32_t work_asked; /* on how many of the counters that the source raises somebody sleeps */

/* The source has fired on this processor. */
void work_fired(struct cpu *cpu);
/* Somebody sleeps: where the source is masked this processor does its work, soon, and arms it. */
void work_ask(void);
/* Does a bounded part of what is left, as far as the share goes, unless the processor is idle. */
void work_do(struct cpu *cpu, bool idle);
/* What was done since the work began, or since this was last said, served that account. */
void work_served(struct account *account);
/*
 * A part of it for a caller who polls, and pays; where the source is armed there is none that does
 * not interrupt. It arms nothing, whatever its share, and takes nothing from the one who has the work.
 */
void work_serve(void);
