/* SPDX-License-Identifier: MIT */
/*
 * kernel/work.h - what a device's interrupt asks for, and the share of a processor that it may
 * take.
 *
 * Invariants
 *  I1 the source is masked as it fires, and armed again when all of its work is done.
 *  I2 of a processor that has something else to run the work takes at most 1/WORK_SHARE: what took
 *     t ns is followed by (WORK_SHARE - 1) * t ns in which what fires waits, and the device drops
 *     or holds back. An idle processor works without that bound, and so does a call of the one whom
 *     the work serves: it pays.
 *  I3 what it takes from a context's slice is charged to root's account, not to the context.
 */
#pragma once
#include <stdint.h>

struct cpu;

enum { WORK_SHARE = 25 }; /* a twentieth, with what it costs to begin it, and whom it wakes */

/* The source has fired on this processor. */
void work_fired(struct cpu *cpu);
/* Does a bounded part of what is left, as far as the share goes. */
void work_do(struct cpu *cpu);
/* A part of it for the caller, who pays; no source is armed by that, whatever its share. */
void work_serve(void);
