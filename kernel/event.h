/* SPDX-License-Identifier: MIT */
/* kernel/event.h - event counters. */
#pragma once
#include <stdint.h>
#include "abi/event.h"
#include "kernel/circle.h"
#include "kernel/pin.h"

struct context;

enum { EVENTS_CONTEXTS_MAX = 16, EVENTS_STRANGERS_MAX = 8 };
static const uint64_t EVENT_SOURCED = (uint64_t)1 << 63;

struct events {
    struct cell cell;
    uint32_t n_contexts;                   /* contexts that take upcalls for these counters */
    uint32_t context[EVENTS_CONTEXTS_MAX]; /* their frames, in the order in which they joined */
    struct circle_link behind;             /* kernel/wait.c: the circle of events with a backlog */
    uint64_t backlog, backlog_mark;        /* set of 1 << index; the clauses that it concerns */
    /* Only grow; 63 bits are enough for ever. EVENT_SOURCED: a source's work raises it. */
    uint64_t counter[EVENTS_PER_FRAME];
    uint32_t waiter[EVENTS_PER_FRAME];  /* one of the clauses that wait for it; 0: none */
    uint32_t sources[EVENTS_PER_FRAME]; /* how many raise it by a source's work (kernel/work.h) */
    struct pin window;                  /* whose frame shows the counters */
    uint32_t window_index;              /* the counter that is raised when it is lost */
};

/*
 * Raises a counter: who waits for it is woken, and of the contexts whose event mask holds it the
 * soonest (context_soonest) gets an EVENT upcall. index < EVENTS_PER_FRAME.
 */
void event_raise(struct events *events, uint32_t index, uint64_t n);
/*
 * One more whom a source's work serves by that counter, from here on: who sleeps on it arms the
 * source; and one less.
 */
void event_source(struct events *events, uint32_t index);
void event_unsource(struct events *events, uint32_t index);
/* The counters that a LEAF_TOLD or LEAF_EVENTS hangs by; NULL: it has fallen, or never hung. */
struct events *event_told(const struct leaf *leaf);
/* Raises one of them, if they are there. */
void event_tell(const struct leaf *leaf, uint32_t index);
/*
 * A context takes upcalls for the counters of that cell, or no longer: 0, or E_NOSPC when there are
 * too many. Half of the places are for the counters' own account and those above it.
 */
int event_join(struct cell *cell, struct context *context);
void event_leave(struct context *context);
/* The right has fallen by which a context took upcalls (grant.c). */
void event_fall(struct leaf *leaf);
