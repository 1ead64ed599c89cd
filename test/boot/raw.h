/* SPDX-License-Identifier: MIT */
/*
 * test/boot/raw.h - upcalls without libos/exo: every kind has an entry, the test sees each as the
 * kernel brings it, and the resume sequence can be made to fault.
 */
#pragma once
#include "test/boot/kit.h"

extern struct upcall_page raw_page;
extern const volatile uint8_t *volatile raw_probe; /* read in the middle of every resume */
extern uint64_t
    raw_spill_bytes; /* how far the resume sequence is said to go beyond the last area */

/* The general registers that the last upcall at the lowest level came with: registers.h. */
extern uint64_t raw_entered[15];

/* The test's own: called for each upcall, and returned from to go on with what `save` says. */
void raw_upcall(struct save_area *save, uint64_t kind);
int raw_main(void);

/* Registers the upcalls; events of the counters in `event_mask` of SLOT_EVENTS are upcalls. */
void raw_begin(uint64_t event_mask);
/* The level of a save area. */
uint64_t raw_level(const struct save_area *save);
