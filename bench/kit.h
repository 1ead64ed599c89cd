/* SPDX-License-Identifier: MIT */
/*
 * kit.h - the parts of the bench's kit on Tessera. `kit PART...` prints `name value` lines of each
 * part named, in guest instructions where the counter counts those, else in its cycles.
 */
#pragma once
#include <stdint.h>

/* 0, or an error of the console. */
int value_print(const char *name, uint64_t value);
/* The length of a span in C (spans.h). */
int span_print(const char *name, uint64_t (*span)(uint64_t));

/* The kernel's part of an exception. 0, or an error. */
int raw_print(void);

/* The parts: 0, or an error. */
int kit_memory(void);
int kit_threads(void);
int kit_envs(void);
int kit_wake(void);
