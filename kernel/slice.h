/* SPDX-License-Identifier: MIT */
/* kernel/slice.h - who runs next on a processor. Units: nanoseconds of clock_now. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/exposed.h"
#include "abi/slice.h"

struct account;
struct context;

/* No path of the kernel keeps an interrupt waiting so long. */
enum { SLICE_LOST_NS = 1000 * 1000 };

/* A position names two contexts; each naming has a place in the circle of those of its context. */
struct slice_name {
    uint32_t context; /* frame; 0: nobody */
    uint32_t next, prev;
};

enum slice_role { SLICE_FIRST, SLICE_SECOND, SLICE_ROLES };

struct slice {
    struct slice_name name[SLICE_ROLES];
    uint32_t duration_ns;
    uint32_t owner; /* frame of the account; 0: the position is free */
    uint64_t debt_ns;
};
_Static_assert(sizeof(struct slice) == sizeof(struct exposed_slice) &&
                   offsetof(struct slice, owner) == offsetof(struct exposed_slice, owner),
               "abi/exposed.h");

/* One processor's state that does not depend on its kind; kernel/x86 holds it in a larger one. */
struct cpu {
    struct context *current; /* whose registers are on the processor; NULL: idle. For entry.S too */
    uint32_t number;
    uint32_t position;     /* of the slice that runs */
    bool asked;            /* an interrupt is on its way to it */
    bool idle;             /* halted, or about to */
    bool alone;            /* its whole vector names one context */
    bool changed;          /* alone is to be found out anew */
    bool renamed;          /* the position whose slice runs names another now: it is over */
    uint64_t epoch;        /* kernel/epoch.h */
    bool work;             /* an interrupt's work is left (kernel/work.h) */
    struct context *payer; /* whom the slice names; NULL: none, or what runs is not its chain */
    uint64_t slice_end_ns;
    uint64_t grace_end_ns; /* 0: no slice-end upcall outstanding */
    uint64_t interrupts;   /* taken, of any kind */
    uint64_t work_ns;      /* when work may go on */
    uint64_t counter_mark; /* cycle counter up to which time has been charged */
    /* who has been woken and may run at once, and whom that interrupts */
    uint32_t urgent;      /* position + 1; 0: none */
    uint32_t interrupted; /* position + 1; 0: none */
    uint64_t credit_from_ns;
    uint64_t wake_first_ns; /* when the first is to be woken that may run at once; 0: none */
    uint64_t interrupted_left_ns;
    uint64_t used[SLICE_POSITIONS / 64]; /* bitmap of the positions that name a context */
    struct slice *slice;                 /* SLICE_POSITIONS of them */
};

/* Boot: the vector of a processor. */
void slice_init(struct cpu *cpu);
/*
 * Gives the processor to the next context that can run, or idles until there is one. A current one
 * leaves at once; its registers are saved.
 */
_Noreturn void slice_schedule(struct cpu *cpu);
/* The current context, whose registers are saved, is off the processor from here on. */
void slice_off(struct cpu *cpu);
/* What it used beyond its slice is its position's debt. Before slice_off, where the slice ends. */
void slice_settle(struct cpu *cpu, uint64_t now_ns);
/* Likewise, and the rest of the slice is another's, which slice_can_run has said it takes. */
_Noreturn void slice_donate(struct cpu *cpu, struct context *to);
bool slice_can_run(const struct context *context);
/* Time has passed while the current context ran; its registers are saved. May not return. */
void slice_tick(struct cpu *cpu);
/* ---- vector.c: who owns and is named ---- */
/* Names a context at a position, or nobody (NULL), in a role. */
void slice_name(struct cpu *cpu, uint64_t position, enum slice_role role, struct context *context);
/* The context is named nowhere any more; false: *steps did not suffice, call again. */
bool slice_forget(struct context *context, uint64_t *steps);
/* The position of that processor is nobody's, and names nobody. */
void slice_free(struct cpu *cpu, uint64_t position);
/* What a dead account owned is free; false: *steps did not suffice, call again. */
bool slice_reap(uint32_t account, uint64_t *cursor, uint64_t *steps);
/* Some position that names the context as its first, on *cpu; SLICE_POSITIONS: none. */
uint64_t slice_naming(const struct context *context, struct cpu **cpu);
/* An account is dying: whoever runs is looked at, and calls nobody of it any more. */
void slice_expel(void);
/* Interrupts the processor, once until it has heard. */
void slice_ask(struct cpu *cpu);
/* A context has been woken: a halted processor that names it is to look, or one is to be
 * interrupted, on credit. */
void slice_ready(const struct context *context);
/* revoke_deadline() has come nearer: the processor whose work that is is to look. */
void slice_rearm(void);
/* The current context is going to sleep until wake_ns. */
void slice_sleeps(const struct context *context);
/* Sets the timer for whatever comes first to the context that runs. */
void slice_arm(struct cpu *cpu);
/* Boot: gives position 0 of this processor to an account, and names a context there. */
void slice_first(uint32_t owner, struct context *context, uint32_t duration_ns);

/* ---- slice.c, for vector.c ---- */
/* The vector has changed: what its processor has derived from it is void. */
void slice_changed(struct cpu *cpu);
