/* SPDX-License-Identifier: MIT */
/*
 * abi/slice.h - processor time by physical name: (processor, position). Units: nanoseconds.
 *
 * A processor runs the positions of its vector one after the other. Who owns a position names the
 * context that runs there, a second one for when the first has stopped, and for how long. Time
 * that a position's context does not want goes to the next that does. When a right to a context is
 * revoked it is named no more at positions of strangers (accounts that are neither its own nor
 * above it), whichever right they had; its slice there ends. Each finds it in the ring of its
 * account's page (abi/account.h), and who still has a right names it again.
 *
 * At the end of a slice the context gets a SLICE_END upcall and SLICE_GRACE_NS to leave by yield or
 * wait; what it uses beyond its slice is debt, paid by its position's next slices. One that does
 * not leave is taken off, with all its registers kept. That is an overrun. Each but the first since
 * it last left by itself costs its position a slice; from number SLICE_OVERRUNS on each is a
 * strike, and past the number that its account's maker set it is stopped. Time that the machine
 * itself lost (a virtual machine that stood still) is no strike.
 *
 * A context that is woken may run at once, on credit from its position's next slices, as far as
 * its account's latency right goes; whom it interrupts gets the rest of the slice back.
 * Source: Engler, Kaashoek, O'Toole, SOSP '95 (slices as a vector, excess time as debt).
 */
#pragma once
#include <stdint.h>

enum slice_limit {
    SLICE_POSITIONS = 1024, /* per processor */
    SLICE_BATCH_MAX = 32,   /* positions in one slice_take or slice_give */
    SLICE_MIN_NS = 20 * 1000,
    SLICE_MAX_NS = 1000 * 1000 * 1000,
    SLICE_GRACE_NS = 100 * 1000, /* from the slice-end upcall to the forced switch */
    SLICE_OVERRUNS = 8,
};

/* What slice_read tells of a position. Contexts and accounts by their frames; 0: none. */
struct slice_state {
    uint32_t owner;
    uint32_t context, second;
    uint32_t duration_ns;
    uint64_t debt_ns;
    uint64_t interrupts; /* that the processor has taken, of any kind */
};
_Static_assert(sizeof(struct slice_state) == 32, "layout");
