/* SPDX-License-Identifier: MIT */
/*
 * abi/cap.h - capabilities, their kinds and rights.
 *
 * A capability is 32 bytes that may lie anywhere; its tag (SipHash-2-4 over the rest, under a key
 * drawn at boot) makes it unforgeable. It is presented once, to cap_bind, and from then on the
 * slot of the binding table stands for it.
 *
 * Objects are named by the number of the frame they lie in. A cell is named by
 * frame * CELLS_PER_FRAME + index; each kernel object begins with a cell of its own, index 0,
 * from which every right to it descends.
 */
#pragma once
#include <stdint.h>

enum cap_kind {
    KIND_NONE = 0, /* an empty slot */
    KIND_ACCOUNT,
    KIND_SLOTS, /* a binding table */
    KIND_CELLS, /* a frame of grant cells */
    KIND_ENV,
    KIND_CONTEXT,
    KIND_EVENTS,  /* a frame of event counters */
    KIND_CONSOLE, /* a channel */
    KIND_MACHINE, /* power, wall clock, log, the making of consoles */
    KIND_ENTRY,   /* what others transfer to */
    KIND_COUNT,
    KIND_ANY = KIND_COUNT, /* in the call table: any kind will do */
};

/* What each right allows is said by the calls that ask for it: docs/calls.md. */
enum cap_right {
    RIGHT_READ = 1 << 0,
    RIGHT_WRITE = 1 << 1,
    RIGHT_ALLOC = 1 << 2, /* account: take frames, make objects of them */
    RIGHT_MAP = 1 << 3,   /* account: map its frames, change its page tables */
    RIGHT_MAKE = 1 << 4,  /* make an object below this one; entry: give it activations */
    RIGHT_DESTROY = 1 << 5,
    RIGHT_INSPECT = 1 << 6, /* read state, registers and memory */
    RIGHT_STOP = 1 << 7,
    RIGHT_POST = 1 << 8,    /* events: raise a counter */
    RIGHT_RUN = 1 << 9,     /* context: give it slices; entry: transfer */
    RIGHT_STATUS = 1 << 10, /* console: say how the partition ended */
    RIGHT_POWER = 1 << 11,
    RIGHT_CLOCK = 1 << 12,
    RIGHT_LOG = 1 << 13,
    RIGHT_GRANT = 1 << 14, /* grant it on */
    RIGHT_PIN = 1 << 15,   /* account: have objects of another account's stand on its frames */
    RIGHT_NONE = 0,
    RIGHTS_ALL = 0xffff,
};

enum cap_limit { CELLS_PER_FRAME = 64, SLOTS_PER_TABLE = 126 };

struct cap {
    uint32_t object; /* frame number; for KIND_MACHINE 0 */
    uint32_t cell;
    uint64_t generation; /* of the cell; 64 bits, never wraps */
    uint16_t kind;
    uint16_t rights;
    uint32_t holder; /* the account that may bind it, as long as it is that one; 0 = any bearer */
    uint64_t tag;
};
_Static_assert(sizeof(struct cap) == 32, "capability layout");

/* The slots that every environment begins with: by convention of who makes one. */
enum first_slot {
    SLOT_ACCOUNT = 0,
    SLOT_SLOTS = 1,
    SLOT_ENV = 2,
    SLOT_CONTEXT = 3,
    SLOT_EVENTS = 4,
    SLOT_CONSOLE = 5,
    SLOT_MACHINE = 6, /* a partition's carries CLOCK alone */
    SLOT_INSPECT = 7, /* empty, but where the machine was started with the word inspect: the first
                         partition then has INSPECT of root's account */
    SLOT_FIRST_FREE = 8,
};
