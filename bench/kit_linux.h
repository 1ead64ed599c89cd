/* SPDX-License-Identifier: MIT */
/* kit_linux.h - the parts of the bench's kit on Linux: what kit.h is on the other side. */
#pragma once
#include <stddef.h>
#include <stdint.h>

void value_print(const char *name, uint64_t value);
/* The length of a span in C (spans.h). */
void span_print(const char *name, uint64_t (*span)(uint64_t));
/* Anonymous memory, or the end. */
uint64_t pages_map(size_t bytes, int protection);

/* The counter's cycles a second. */
uint64_t counter_hz(void);

/* The parts: 0, or 1. */
int kit_memory(void);
int kit_threads(void);
int kit_procs(void);
int kit_envs(void);
int kit_wake(void);
