/* SPDX-License-Identifier: MIT */
/* kernel/wait.h - sleeping on a predicate, and waking who sleeps. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/event.h"

struct context;
struct events;

/*
 * Invariants
 *  W1 a context is WAITING iff each of its clauses on a counter or a word is in the circle of that
 *     counter or that word's frame.
 *  W2 the exposed count of a frame is the number of clauses in its circle.
 *  W3 who is woken runs its wait again from the start; so a wake that was not needed costs a look,
 *     and nothing of a wait outlives it.
 *  W4 a counter whose circle may hold clauses that hold has its bit in the events' `backlog`, and
 *     those events are in the backlog's list.
 *  W5 while the lock is held once, counters wake for RAISE_STEPS: no call gets long by how many it
 *     raises, or by who sleeps there. The rest is backlog.
 */
enum { RAISE_STEPS = 256 };

/* Boot: before frames are given out. */
void wait_init(uint64_t n_frames);
/* Wakes those that wait for the counter (W5). */
void wait_raise(struct events *events, uint32_t index);
/* An epoch has passed: who waits for one looks (W5). */
void wait_epoch(void);
/* Works on the backlog, for RAISE_STEPS: true when there is more. */
bool wait_backlog(void);
/* In elementary steps (kernel/bound.h): who wakes leaves each circle. */
uint64_t wake_steps(const struct context *context);
/* The context waits no more; it is ready, and its wait is run again. */
void wait_end(struct context *context);
/* As wait_end, with -E_INTR for its result: an upcall is due to it. */
void wait_interrupt(struct context *context);
/* Before events end: wakes all who wait there; false: *steps did not suffice, call again. */
bool wait_release(struct events *events, uint64_t *steps);
/* Does anybody wait for its words? Then it stays what it is. */
bool wait_on_frame(uint64_t frame);
/* The same before a frame is taken from its owner. */
bool wait_release_frame(uint64_t frame, uint64_t *steps);

/* ---- clause.c, for wait.c: a clause has a number, never 0; an index of its context's ---- */
/* The first clause of n that holds, n: none; or *error. Their objects are noted. */
uint32_t clauses_look(struct context *context, uint32_t n, int *error);
/* The first time at which a context that sleeps on n clauses is to look again; 0: none. */
uint64_t clauses_time(const struct context *context, uint32_t n);
/*
 * Joins the circles of what n clauses wait for, then looks once more at the words, which change
 * without the lock: the index of one that holds by now, and it is in no circle any more; or n.
 */
uint32_t clauses_sleep(struct context *context, uint32_t n);
void clauses_leave(struct context *context);
bool clause_holds(const struct context *context, uint32_t i);
struct context *clause_context(uint32_t id);
/* The circle of those that wait for a counter, the words of a frame, an epoch; NULL: no such. */
uint32_t *clause_circle(enum wait_kind kind, uint32_t object, uint64_t index);
extern uint64_t clause_joins; /* how many ever joined a circle, in this order */
/* The first in a circle, which is the one that joined first, if it joined by `mark`; 0: none. */
uint32_t clause_first(const uint32_t *circle, uint64_t mark);
/* To the end of its circle. */
void clause_behind(uint32_t id);
