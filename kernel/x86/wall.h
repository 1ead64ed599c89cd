/* SPDX-License-Identifier: MIT */
/* kernel/x86/wall.h - what lies between two accounts on a processor. */
#pragma once
#include <stdint.h>
#include "lib/wall.h"

/* Boot, while text can still be written: wall_pass does what this processor needs, no more. */
void wall_build(void);
extern uint32_t wall_parts; /* what that is; 0: nothing */
/* A context is about to run: of another account than the last that ran here, the wall is passed. */
struct context;
void wall_before(const struct context *to);
/* The wall itself. wall_pass.S. */
void wall_pass(void);
