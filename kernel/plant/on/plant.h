/* SPDX-License-Identifier: MIT */
/* kernel/plant/on/plant.h - the test build: the word plant=N of the command line plants fault N. */
#pragma once
#include <stdbool.h>
#include "kernel/plant/faults.h"

extern enum planted_fault planted_now; /* set once at boot */
void plant_init(const char *command_line);

static inline bool
planted(enum planted_fault fault)
{
    return planted_now == fault;
}
