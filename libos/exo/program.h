/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/program.h - a static ELF executable made ready to run: regions for its segments, and
 * the stack that it may expect (System V ABI, AMD64 supplement, process initialization).
 */
#pragma once
#include <stdint.h>
#include "libos/exo/start.h"

struct program {
    uint64_t rip, rsp; /* for exo_enter */
    uint64_t end;      /* of its segments, a page's edge */
};

enum { PROGRAM_STACK_BYTES = 8 << 20 };

/*
 * Load the program of the start page, with its arguments and environment. Page faults must be
 * served already (region_touch). 0; or an error, and *why is a phrase for the user.
 */
int program_load(const struct start_page *start, struct program *out, const char **why);
