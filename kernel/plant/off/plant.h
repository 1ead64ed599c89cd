/* SPDX-License-Identifier: MIT */
/* kernel/plant/off/plant.h - the release build: no fault is planted. */
#pragma once
#include <stdbool.h>
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
