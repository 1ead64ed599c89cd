/* SPDX-License-Identifier: MIT */
/*
 * kernel/epoch.h - when a right that was taken away is gone from every processor.
 *
 * A processor may go on using a translation that has changed until it flushes or loads another
 * root. Nobody waits for that: who takes a right gets an epoch, and who relies on its being gone
 * asks whether the epoch has passed. Frames keep the epoch of the last right taken from them.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/call.h"

struct cpu;

/*
 * Invariants
 *  T1 an epoch is given out after the change, under the kernel lock; so a processor that flushes
 *     after it was given holds nothing from before. cpu->epoch is the last one given when it did.
 *  T2 a processor on the kernel's own tables holds nothing of users' (no user entry is global), and
 *     flushes as it leaves them.
 *  T3 epoch_passed is the least cpu->epoch of those that stand on a root; it never falls.
 *  T4 who takes rights changes the entry before he looks which processors stand on the root; who
 *     loads a root says so before the first translation. Both are ordered, so one sees the other.
 */

extern uint64_t epoch_given; /* the last */

/*
 * A present entry of some table has changed, or what lies below it: counted under the kernel lock,
 * behind the change and before anybody looks which processor stands on what (kernel/x86/tag.c).
 */
extern uint64_t entries_changed;

/* Has it, or was it never given out? */
bool epoch_has_passed(uint64_t epoch);
/* What a right that is being taken away is to be stamped with: the next that may be given. */
uint64_t epoch_next(void);
/*
 * Rights below `root` (0: below any root of account `owner`; 0: of any account) were taken away.
 * This processor has flushed what it must. Returns the epoch to wait for, 0 when no other processor
 * can have them.
 */
uint64_t epoch_give(uint64_t root, uint32_t owner);
/* This processor holds no translation any more. */
void epoch_flushed(struct cpu *cpu);
/* This processor flushes, if it is one that an epoch waits for. */
void epoch_meet(struct cpu *cpu);
/* Interrupts the processors that an epoch waits for. */
void epoch_force(uint64_t epoch);
/* E_AGAIN names the epoch to wait for, which is forced; other errors as they are. */
struct result epoch_error(int error);
