/* SPDX-License-Identifier: MIT */
/*
 * kernel/plant/on/plant.h - the test build: the word plant=N of the command line plants fault N; the
 * word `same` has each call that is refused watched (same.c).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/plant/faults.h"

extern enum planted_fault planted_now; /* set once at boot */
void plant_init(const char *command_line);

static inline bool
planted(enum planted_fault fault)
{
    return planted_now == fault;
}

/* ---- same.c ---- */
void same_init(const char *command_line);
/* Does every call go through call_traced (kernel/trace.c), so that it is seen? */
bool plant_watches(void);
/* Boot: what others than calls write to, a stack, a device; gives the address back. */
void *plant_unwatched(void *memory, uint64_t n_frames);
/*
 * Boot, while there is boot memory: the machine has so many frames; the image's data lies
 * there, and a context's saved registers there in its frame.
 */
void plant_watch(uint64_t n_frames, uint64_t data_pa, uint32_t registers, uint32_t registers_bytes);
/* What the console's device has done is taken note of, in whatever call. */
void plant_device_acts(void);
/* A call of that number is about to be looked at; it gives that value. */
void plant_call_begins(uint64_t number);
void plant_call_ends(int64_t value);
