/* SPDX-License-Identifier: MIT */
/*
 * test/boot/kin.h - a child account of a test's (libos/exo/child.h) with a service, or with a loop
 * that runs where kin.entry is withdrawn (child_run).
 */
#pragma once
#include "libos/exo/child.h"
#include "test/boot/kit.h"

enum { KIN_FRAMES = 1024, KIN_SLOTS = CHILD_SLOT_COUNT + 1 };

/*
 * Makes it, of KIN_FRAMES frames and `more`, named `name`; *kin says what it is from then on. Its
 * objects are KIN_SLOTS slots of ours: in the order of enum child_object, then its entry. FAIL
 * where it cannot be. main: as in struct child_terms.
 */
void kin_make(struct child_terms *kin, uint64_t name, uint32_t first_slot, uint64_t more,
              void (*main)(void));
/* In the child: serves calls of its entry from now on, and changes nothing of a message. */
void kin_serve(void);
/* Gives it what our `slot` names, with these rights, in its own slot `into`. */
void kin_give(const struct child_terms *kin, uint32_t slot, uint32_t rights, uint32_t into);
