/* SPDX-License-Identifier: MIT */
/*
 * test/boot/good.h - for every call of abi/calls.tbl arguments with which it succeeds: what hostile
 * calls differ from in one place. Some need root's rights, and succeed only where we are init.
 */
#pragma once
#include "test/boot/kit.h"
#include "call_kinds.h"

enum { CALL_COUNT = sizeof(call_shapes) / sizeof(call_shapes[0]), REGISTERS = 5 };

/* The slots that good calls name, besides those that every partition begins with. */
enum good_slot {
    GOOD_SLOTS = 110, /* a binding table that is not ours to run by */
    GOOD_EVENTS,
    GOOD_ENV,
    GOOD_CONTEXT, /* one that never runs */
    GOOD_CELLS,
    GOOD_ENTRY,
    GOOD_INTO, /* empty, or an object that may go */
    GOOD_SLOT_END,
};

/* Three pages of ours that calls read and write, with nothing mapped behind. */
extern uint8_t *good_data;
enum { DATA_PAGES = 3, GOOD_POSITION = 500 /* of processor 0 */ };

void good_begin(void);

enum good {
    GOOD_SUCCEEDS, /* value >= 0 */
    GOOD_IN_TIME,  /* E_AGAIN or E_NOMEM for a while: others take frames, give credit, send input */
    GOOD_ENDS,     /* it does not come back: context_exit; for root, power_off */
    GOOD_ROOTS,    /* a partition has not the right: root_walk.c makes it */
    GOOD_BY_RAX,   /* it has its slot in rax, or none: walk_transfers.c makes it */
};
/* Everything that this call needs is made anew; reg is what to call it with. */
enum good good_call(uint32_t number, uint64_t reg[REGISTERS]);

/* The call of that number; NULL: there is none. */
const struct call_shape *call_shape_of(uint32_t number);
/* The call; upcalls_set is made by a context that has none yet (proxy.h). */
struct call_result call_with(uint32_t number, const uint64_t reg[REGISTERS]);
uint64_t field_get(const struct call_field *f, const uint64_t reg[REGISTERS]);
void field_set(const struct call_field *f, uint64_t reg[REGISTERS], uint64_t value);
/* Can the field hold that value? A half of a register is cut. */
bool field_holds(const struct call_field *f, uint64_t value);

/* For good_call: the calls that need root's rights, where we are init; false: it is another. */
bool good_root(uint32_t number, uint64_t reg[REGISTERS]);
