/* SPDX-License-Identifier: MIT */
/*
 * test/boot/walk.h - the walk of one call: with no capability, one beyond the table, a dead, a
 * weaker, a revoked, a forged, another account's, and one of each other kind, for each of its
 * slots; and with frames that are not ours. Each is refused with an error that the call's page
 * names, and nothing that the kernel tells of us has changed (state.h). Then the twin: the same
 * call with slots that have just the right that it asks for succeeds.
 */
#pragma once
#include "test/boot/good.h"

enum walk_slot {
    WALK_WEAK = 60,    /* + the number of the argument, these three */
    WALK_REVOKED = 70, /* it had every right */
    WALK_EXACT = 80,
    WALK_CELLS = 122,
    WALK_FORGED = 123, /* what cap_bind is asked to fill, and never does */
    WALK_DEAD = 124,
    WALK_EMPTY = 125,
};

/* A slot of ours of each kind. */
extern const uint32_t walk_slot_of_kind[KIND_COUNT];
/* The call as it is good. */
extern uint64_t walk_reg[REGISTERS];

/* After good_begin, foreign_begin and state_begin. */
void walk_begin(void);
void walk_call(const struct call_shape *shape);

/*
 * A slot that the table does not know as one: the call asks for it itself, in an argument of that
 * name, or at an offset of the structure at good_data.
 */
struct walk_hidden {
    uint32_t number;
    const char *argument; /* NULL: in the structure */
    uint64_t offset;
    uint16_t kind, right;
    uint32_t good;       /* of ours */
    uint32_t foreign;    /* another account's, which does not suffice; 0: none */
    void (*fill)(void);  /* what differs from the good call; NULL: nothing */
    uint16_t other_kind; /* which it may be instead */
};
void walk_hidden(const struct walk_hidden *h);

/* The good call in walk_reg, and the state as it is now. */
enum good walk_prepare(const struct call_shape *shape);
/* That call is refused, with this error (0: any that its page names), and nothing has changed. */
void walk_refused(const uint64_t with[REGISTERS], int error, const char *name, const char *what);
/* A frame that is not ours, the n'th; *frame 0 is one of them. False: there are no more. */
bool walk_foreign(uint32_t n, uint64_t *frame);
/* A child of `slot` with these rights, in `into`, of cell `index` of WALK_CELLS. */
void walk_bind(uint64_t slot, uint32_t rights, uint32_t into, uint32_t index);
