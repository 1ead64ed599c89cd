/* SPDX-License-Identifier: MIT */
/*
 * lib/plan.h - reading the plan, module "plan" of the boot bundle: docs/report.md.
 *
 *     struct plan plan = plan_of(text, length);
 *     while ((r = plan_next(&plan, &partition)) > 0) {
 *         struct lines at = partition.block;
 *         while (plan_argument_next(&at, &word))
 *             n = percent_decode(to, size, word);     // fails only where it does not fit
 *     }
 *     if (r < 0) plan.why, plan.line_number
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/bundle.h"
#include "lib/words.h"

enum plan_limit {
    PLAN_NAME_MAX = 32,        /* of a partition, with the ending 0 */
    PLAN_TEXT_MAX = 128 << 10, /* bytes of one argument or variable, decoded, with its 0 */
};

/* An iterator. The text must stay as it is while it runs. */
struct plan {
    struct lines lines;
    uint64_t channels;    /* bit n: channel n is taken */
    uint32_t line_number; /* of the line read last, from 1 */
    bool log;             /* a line `log` stood before the first block: known after plan_next */
    const char *why;      /* after an error: a short phrase */
};

struct plan_partition {
    uint32_t channel; /* 1 .. CHANNEL_MAX - 1, its own */
    char name[PLAN_NAME_MAX];
    uint64_t memory_bytes; /* at least 1 */
    char library[BUNDLE_NAME_MAX];
    char program[BUNDLE_NAME_MAX]; /* "": none */
    uint32_t n_arguments;
    uint32_t n_environment;
    struct lines block; /* for plan_argument_next and plan_environment_next */
};

struct plan plan_of(const char *text, size_t length);

/*
 * Decode and check the next block, its arguments and variables with it.
 * Returns 1; 0: no block is left; -E_INVAL: plan->why and plan->line_number say what is wrong and
 * where, and every further call says so again.
 */
int plan_next(struct plan *plan, struct plan_partition *out);

/* Take the next argument, still encoded, off a copy of a partition's block. False: none left. */
bool plan_argument_next(struct lines *block, struct word *out);

/* The same for the next variable, KEY=VALUE. */
bool plan_environment_next(struct lines *block, struct word *out);
