/* SPDX-License-Identifier: MIT */
/* kernel/slice.h - who runs next on a processor. Units: nanoseconds of clock_now. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/exposed.h"
#include "abi/slice.h"
#include "kernel/circle.h"

struct account;
struct context;

enum {
    SLICE_LOST_NS = 1000 * 1000,  /* no path of the kernel keeps an interrupt waiting so long */
    STALL_NS = 100 * 1000 * 1000, /* the test build's PLANT_STALL */
};

/* A position names two contexts; each naming has a place in the circle of those of its context. */
struct slice_name {
    uint32_t context; /* frame; 0: nobody */
    struct circle_link link;
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

/* Looks at the positions of a vector, a bounded number of them at a time. */
struct round {
    uint64_t number;  /* of all rounds; 0: of none */
    uint64_t step;    /* how many positions have been passed; 0: it has not begun */
    uint64_t steps;   /* elementary ones (kernel/bound.h) that this part of it may still do */
    uint64_t wake_ns; /* when the first of those that were passed is to look again; 0: none */
    uint32_t debtor;  /* the first position + 1 that could run, but for its debt; 0: none */
};

/* One processor's state that does not depend on its kind; kernel/x86 holds it in a larger one. */
struct cpu {
    struct context *current; /* whose registers are on the processor; NULL: idle. For entry.S too */
    uint32_t number;
    uint32_t position;     /* of the slice that runs */
    bool asked;            /* an interrupt is on its way to it */
    bool idle;             /* halted, or about to */
    bool again;            /* since its round began one of those it names may have become ready */
    bool alone;            /* where its slice ended last its whole vector named what ran */
    bool renamed;          /* the position whose slice runs names another now: it is over */
    uint64_t epoch;        /* kernel/epoch.h */
    bool work;             /* an interrupt's work is left (kernel/work.h) */
    uint8_t stops;         /* of those on it so many are to be stopped, CONTEXT_STOPS_MAX at most */
    struct context *payer; /* whom the slice names; NULL: none, or what runs is not its chain */
    uint64_t slice_end_ns;
    uint64_t grace_end_ns; /* 0: no slice-end upcall outstanding */
    uint64_t interrupts;   /* taken, of any kind */
    uint64_t work_ns;      /* when work may go on */
    uint64_t counter_mark; /* cycle counter up to which time has been charged */
    /* who has been woken and may run at once, and whom that interrupts */
    uint32_t urgent;      /* position + 1; 0: none */
    uint32_t interrupted; /* position + 1; 0: none */
    uint32_t names;       /* how often its vector names somebody */
    uint64_t credit_from_ns;
    uint64_t wake_first_ns; /* when the first is to be woken that may run at once; 0: none */
    struct round round;     /* for whom to put on next; begun: nobody is on */
    struct round wakes;     /* for whom to wake, while another runs */
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
/* Likewise, and the rest of the slice is another's, which slice_can_run has said it takes. */
_Noreturn void slice_donate(struct cpu *cpu, struct context *to);
/* Time has passed while the current context ran; its registers are saved. May not return. */
void slice_tick(struct cpu *cpu);
/* ---- vector.c: who owns and is named ---- */
/* Names a context at a position, or nobody (NULL), in a role. */
void slice_name(struct cpu *cpu, uint64_t position, enum slice_role role, struct context *context);
/*
 * No position of a context's circle, positions or strangers, names it any more; false: *steps did
 * not suffice, call again.
 */
bool slice_forget(const uint32_t *circle, uint64_t *steps);
/* The position of that processor is nobody's, and names nobody. */
void slice_free(struct cpu *cpu, uint64_t position);
/* What a dead account owned is free; false: *steps did not suffice, call again. */
bool slice_reap(uint32_t account, uint64_t *cursor, uint64_t *steps);
/* Some position that names the context as its first, on *cpu; SLICE_POSITIONS: none. */
uint64_t slice_naming(const struct context *context, struct cpu **cpu);
/*
 * An account is dying: its contexts leave their processors; and where it may be called (by transfers), whoever
 * runs is looked at, and calls nobody of it any more. Else others are not interrupted.
 */
void slice_expel(bool called);
/* Interrupts the processor, once until it has heard. */
void slice_ask(struct cpu *cpu);
/* It, or this one, looks again, soon. */
void slice_poke(struct cpu *cpu);
/* Sets the timer for whatever comes first to the context that runs. */
void slice_arm(struct cpu *cpu);
/* Boot: gives position 0 of this processor to an account, and names a context there. */
void slice_first(uint32_t owner, struct context *context, uint32_t duration_ns);
/* For credit.c: puts on what runs in the slices of a context; false: it ended by an upcall that it
 * could not take. */
bool slice_on(struct cpu *cpu, struct context *named, uint32_t due, uint64_t now_ns);

/* ---- position.c: which is next ---- */
bool slice_can_run(const struct context *context);
/* Whom a position gives its time to: the second when the first has stopped; NULL: nobody. */
struct context *position_context(const struct cpu *cpu, uint64_t position);
/*
 * Can what runs in the slices of a position run now? One that waits for a time which has come is
 * woken. The round is told what it costs, and when one that waits is to look again.
 */
bool position_ready(const struct cpu *cpu, uint64_t position, uint64_t now_ns, struct round *r);
/*
 * The next position whose context can run now, the current one last; SLICE_POSITIONS: none, or
 * cpu->round is not over: call again, with the lock left meanwhile. One that owes a whole slice
 * pays it instead, and is taken only when there is no other.
 */
uint64_t position_runnable(struct cpu *cpu, uint64_t now_ns);
/* May anybody but the one that runs want the processor? */
bool position_wanted(const struct cpu *cpu, uint64_t now_ns);
/*
 * Wakes those whose time has come, if it has for one who may run on credit, and finds the first of
 * the others that wait (S5), or goes on at once: some have not been looked at.
 */
void position_wake(struct cpu *cpu, uint64_t now_ns);
/*
 * Has it nothing to switch to at the end of the slice: its whole vector names what runs in its own
 * place (yield)?
 */
bool slice_endless(const struct cpu *cpu);

/* ---- grace.c: the end of a slice, and what it costs ---- */
/* An interrupt that comes so late has found the machine standing still: no path is as long. */
bool time_lost(uint64_t due_ns, uint64_t now_ns);
/* The cycles since the last time are the payer's. */
void slice_charge(struct cpu *cpu);
/* What was used beyond the slice, or on credit, is the position's debt. Before slice_off, where the
 * slice ends. */
void slice_settle(struct cpu *cpu, uint64_t now_ns);
/* Is the slice over, or its grace? One whom nobody follows goes on. May not return. */
void slice_over(struct cpu *cpu, uint64_t now_ns);

/* ---- credit.c: before its turn ---- */
/* A context has been woken: a halted processor that names it is to look, or one is to be
 * interrupted, on credit. */
void slice_ready(const struct context *context);
/* The current context is going to sleep until wake_ns. */
void slice_sleeps(const struct context *context);
/* Is a halted processor of that set of 1 << number asked to look? */
bool slice_ask_idle(uint64_t cpus);
/* The urgent one interrupts the slice that runs, unless that is not to be. May not return. */
void slice_interrupt(struct cpu *cpu, uint64_t now_ns);
/* Puts on the urgent one; the rest of the slice that it had interrupted. False: it cannot run. */
bool slice_urgent(struct cpu *cpu, uint64_t now_ns);
bool slice_return(struct cpu *cpu, uint64_t now_ns);

/* The earlier of two times; 0: never. */
static inline uint64_t
earlier(uint64_t a, uint64_t b)
{
    return !a || (b && b < a) ? b : a;
}
