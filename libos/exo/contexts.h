/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/contexts.h - further contexts of our environment, so that we run on several processors
 * at once. All have the same address space to begin with, and the same library; context_here()
 * tells them apart.
 *
 * What one writes to the console is whole, whoever else writes.
 *
 * Each takes a slot from CONTEXT_SLOT on and two counters of SLOT_EVENTS, by its index.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "libos/exo/context.h"

enum {
    CONTEXTS_MAX = 16,
    CONTEXT_SLOT = 110,    /* + index, but for the first: SLOT_CONTEXT */
    CONTEXT_POSITION = 64, /* of a processor's vector, the first that we look at */
};

/* A context that will begin with fn(argument), which does not return. Null: no memory, or too many.
 */
struct context *context_add(void (*fn)(void *argument), void *argument);

/* Let it run on a processor, in a slice of so many nanoseconds. 0, or an error. */
int context_place(struct context *c, uint32_t cpu, uint64_t slice_ns);

/* Interrupt it, or end its sleep: an EVENT upcall. */
void context_poke(const struct context *c);

/*
 * Stop it wherever it is, and wait until its registers are complete. Not one's own, and none that
 * runs threads: those that it has ready would stop with it. 0 or an error.
 */
int context_stop(const struct context *c);

/* Has it stopped? */
bool context_stopped(const struct context *c);

/* Take back one that has stopped; what it was about is lost: see roll.h first. 0, or an error. */
int context_remove(struct context *c);

/* By index; null: there is none. */
struct context *context_at(uint32_t index);

/*
 * For thread.c: who writes a piece, among contexts without threads and all threads together. Try: not
 * if another does. Take: sleep until none does.
 */
enum { OUTPUT_THREAD = CONTEXTS_MAX + 1, OUTPUT_PAUSE_NS = 200 * 1000 };
bool contexts_output_try(uint32_t self);
void contexts_output_take(void);
void contexts_output_drop(void);

/* The number of processors. */
uint32_t cpu_count(void);
