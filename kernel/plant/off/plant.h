/* SPDX-License-Identifier: MIT */
/* kernel/plant/off/plant.h - the release build: no fault is planted, and nobody watches. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/plant/faults.h"

static inline bool
planted(enum planted_fault fault)
{
    (void)fault;
    return false;
}

static inline void
plant_init(const char *command_line)
{
    (void)command_line;
}

static inline bool
plant_watches(void)
{
    return false;
}

static inline void *
plant_unwatched(void *memory, uint64_t n_frames)
{
    (void)n_frames;
    return memory;
}

static inline void
plant_watch(uint64_t n_frames, uint64_t data_pa, uint32_t registers, uint32_t registers_bytes)
{
    (void)n_frames;
    (void)data_pa;
    (void)registers;
    (void)registers_bytes;
}

static inline void
plant_device_acts(void)
{
}

static inline void
plant_call_begins(uint64_t number)
{
    (void)number;
}

static inline void
plant_call_ends(int64_t value)
{
    (void)value;
}
