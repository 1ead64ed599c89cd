/* SPDX-License-Identifier: MIT */
/*
 * test/kernel/fake.h - what lies below kernel/arch.h and kernel/frame.h, for kernel files that
 * need no processor: they run on the host, under the sanitizers.
 *
 * A frame that is no object is poisoned: the address sanitizer reports who touches it. The caller's
 * memory is the test's own: an address is a pointer. panic() ends the test.
 */
#pragma once
#include <stdint.h>
#include "kernel/frame.h"

enum { FAKE_FRAMES = 256, FAKE_CPUS = 2, FAKE_ROOT = 1, FAKE_TABLE = 2, FAKE_FIRST_FREE = 3 };

/*
 * Begins anew: the root account in frame FAKE_ROOT, the binding table of the running environment,
 * which is root's, in FAKE_TABLE. All others are root's plain frames from FAKE_FIRST_FREE on.
 */
void fake_begin(void);
/* An object's frame is plain again, as frame_free makes it: 0 or what object_release says. */
int fake_free(uint64_t n);
/* Takes frame n, which is free, for an account: 0 or E_DQUOT. */
int fake_take(uint64_t account_frame, uint64_t n);
/* The clock, and how often a context was to get an upcall. */
extern uint64_t fake_clock_ns, fake_upcalls;
