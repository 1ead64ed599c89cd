/* SPDX-License-Identifier: MIT */
/* kernel/context.h - environments and what runs in them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/context.h"
#include "abi/event.h"
#include "kernel/arch.h"
#include "kernel/cap.h"
#include "kernel/circle.h"
#include "kernel/pin.h"

/* The place of a clause in the circle of what it waits for (kernel/wait.h). */
struct wait_link {
    uint64_t joined;
    uint32_t object; /* frame of the counters, or of the word */
    struct circle_link place;
};

struct env {
    struct cell cell;
    uint32_t slots;   /* frame of the binding table */
    uint32_t account; /* frame */
    uint32_t root;    /* frame its contexts start on */
    uint32_t reserved;
};

/*
 * A context: kernel/x86 keeps its registers in the rest of the frame.
 *  X1 phase STOPPED ends only by context_resume, and that only after a stop by a holder; the
 *     registers are complete then.
 *  X2 a context is current on at most one processor, which alone changes it then: others set due
 *     and stop_asked and interrupt that one.
 *  X3 due holds the upcalls that have not been brought yet; only maskable ones and SLICE_BEGIN.
 *  X4 a context that is current does not end as an object: entry paths write to it.
 *  X5 root is where it stands while it is off its processor. While it is current it may have gone
 * on by root.S, which only says where (arch_context_stands); context_settle sees to root and its
 *     references before it leaves or calls another, and before a root ends (root_end).
 */
enum { DUE_STOP = 1 << 30 }; /* in due, beside upcalls: stop_asked, for those who take no lock */

struct context {
    struct cell cell;
    struct context *caller;    /* kernel/transfer.h: T1. transfer.S reads it, slots and due */
    struct slots *slots;       /* what its calls name */
    const struct account *own; /* whose it is: its frame's owner */
    uint64_t root_word; /* of a root of that account: its first 8 bytes in the frame table, epoch
                           below 2^32 */
    uint64_t root_slot; /* the slot by which context_root was last allowed, or 0, */
    const struct slot *root_slot_at; /* and where it lies */
    uint32_t due;                    /* set of 1 << enum upcall */
    uint32_t self;                   /* frame */
    uint32_t env;                    /* frame */
    uint32_t root;                   /* frame it stands on; holds a reference (X5) */
    uint32_t vector_frame;
    uint32_t upcall_frame; /* 0: none registered; pinned by upcall_pin */
    uint32_t phase;        /* enum context_phase but PARKED */
    uint32_t cause;        /* enum context_cause */
    uint32_t on;           /* the processor that it is current on, + 1; 0: none */
    uint32_t stop_asked;   /* it is to be stopped by the processor that it is on */
    int64_t status;
    uint64_t run;         /* the number of its last run on a processor; 0: none yet */
    uint64_t cpus;        /* set of 1 << processor in whose vector it is named */
    uint64_t deadline_ns; /* 0: none */
    uint64_t post_ns;     /* from when on another account may interrupt it again; 0: at any time */
    uint64_t wake_ns;     /* while it waits: when it is to look again; 0: never by itself */
    uint64_t charged_cycles;
    uint64_t event_mask;
    struct leaf events;   /* LEAF_EVENTS: the counters that make EVENT upcalls */
    struct leaf stop;     /* LEAF_TOLD: the counters of which stop_index is raised at its end */
    struct context *held; /* kernel/transfer.h: T1 */
    struct context *above;
    uint32_t stop_index;
    uint32_t entry;     /* frame of the entry that it is an activation of; 0: none */
    uint32_t entry_cpu; /* for callers on this processor */
    bool hidden;        /* parked, and something is due to it: the next call is to look */
    uint32_t entries;   /* set of 1 << enum upcall for which it has an entry point */
    uint32_t positions; /* one of those in whose slice it is named (kernel/vector.c); 0: none, */
    uint32_t strangers; /* and of those whose owner is no account that covers its own */
    uint64_t blocked;   /* the last round of positions in which it could not run (position.c) */
    uint32_t strikes;
    uint32_t overruns; /* how often taken off at the end of a grace, since it last left by itself */
    uint16_t named[CPUS_MAX]; /* in how many places of each processor's vector */
    struct pin upcall_pin;
    uint32_t n_clauses; /* while it waits: those that are in circles (kernel/wait.h) */
    struct wait_clause clause[WAIT_CLAUSES_MAX]; /* from here on nothing is cleared at first */
    struct wait_link link[WAIT_CLAUSES_MAX];
};

/*
 * Another account has posted to it: interrupts it at most once in EVENT_POST_GAP_NS; else it is
 * told at the end of that time, or when the kernel comes by before.
 */
void context_posted(struct context *context);
/* The current context and environment of this processor; never NULL inside a call. */
struct context *context_current(void);
struct env *env_current(void);

/* Its root is where it stands (X5). */
void context_settle(struct context *context);
/* So is that of whoever is current on any processor. Does one of them stand on this one? */
bool contexts_settle(uint64_t root);
/* Ends a context: it runs no more. Its holder is told by its stop counter. */
void context_end(struct context *context, enum context_cause cause, int64_t status);
/* The objects' frames are about to become plain: they let go of all they stand on. */
void context_release(struct context *context);
void env_release(struct env *env);

/* Is an upcall due or pending that ends a wait, or has the deadline passed? That is then over. */
bool context_interrupted(struct context *context);
/*
 * Brings every upcall that is due to a context whose registers are saved; false: it ended by that.
 */
bool context_deliver(struct context *context);
/*
 * Who of n contexts, by frames, whose event masks hold all of `mask`, would see an upcall first: the
 * first that runs, else the first that waits, else the first that is not stopped; NULL: none. Who is
 * parked, or waits for the return of another, does not run.
 */
struct context *context_soonest(const uint32_t *frames, uint32_t n, uint64_t mask);
/* Marks an upcall due. A context that waits is woken by it when it is next looked at. */
void context_due(struct context *context, enum upcall kind);

/* Boot: the first context, in frames that are root's and plain; start is checked by the caller. */
struct context *context_create(struct env *env, uint64_t env_frame, uint64_t frame,
                               const struct context_start *start);
void env_create(struct env *env, uint64_t frame, uint64_t slots, uint64_t root);
