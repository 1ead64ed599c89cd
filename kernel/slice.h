/* SPDX-License-Identifier: MIT */
/* kernel/slice.h - who runs next on a processor. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/slice.h"

struct context;
struct cpu;

/* One processor's state that does not depend on its kind; kernel/x86 holds it in a larger one. */
struct slice {
    uint32_t context; /* frame; 0: empty */
    uint32_t duration_ns;
};

struct cpu {
    struct context *current; /* whose registers are on the processor; NULL: idle. For entry.S too */
    uint32_t number;
    uint32_t position;     /* of the slice that runs */
    bool asked;            /* an interrupt is on its way to it */
    bool idle;             /* halted, or about to */
    struct context *payer; /* whom the slice names; NULL: none, or what runs is not its chain */
    uint64_t slice_end_ns;
    uint64_t grace_end_ns;               /* 0: no slice-end upcall outstanding */
    uint64_t counter_mark;               /* cycle counter up to which time has been charged */
    uint64_t used[SLICE_POSITIONS / 64]; /* bitmap of the positions that are not empty */
    struct slice slice[SLICE_POSITIONS];
};

/* Gives the processor to the next context that can run, or idles until there is one. */
_Noreturn void slice_schedule(struct cpu *cpu);
/* The current context, whose registers are saved, is off the processor from here on. */
void slice_off(struct cpu *cpu);
/* The current context leaves at once; its registers are saved. */
_Noreturn void slice_leave(struct cpu *cpu);
/* The timer has fired while the current context ran; its registers are saved. May not return. */
void slice_tick(struct cpu *cpu);
/* Names a context at a position; 0: empties it. */
void slice_place(struct cpu *cpu, uint64_t position, uint32_t context, uint32_t duration_ns);
/* The context is to be named nowhere any more. */
void slice_forget(struct context *context);
/* Interrupts the processor, once until it has heard. */
void slice_ask(struct cpu *cpu);
/* Something has changed that contexts may wait for: halted processors are to look. */
void slice_look(void);
/* A context has become ready: a halted processor that names it is to look. */
void slice_ready(const struct context *context);
/* Lets the timer fire as soon as the processor is back in a library: something is due there. */
void slice_hurry(void);
/* Sets the timer for whatever comes first to the context that runs. */
void slice_arm(const struct cpu *cpu);
