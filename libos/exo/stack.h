/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/stack.h - addresses for stacks: THREAD_STACK_BYTES each. The lowest page is for
 * what is not the stack's; the next one stays absent. For thread.c alone, which holds its lock.
 */
#pragma once
#include <stdint.h>

/* The lowest address of one, or 0. What it held before is not said. */
uint64_t stack_take(void);
void stack_give(uint64_t va);
