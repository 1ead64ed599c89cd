/* SPDX-License-Identifier: MIT */
/* trace.h - the option --trace: see trace.c. */
#pragma once
#include <stdio.h>

#include "host/machine.h"
#include "host/options.h"
#include "host/partition.h"

struct trace {
    FILE *to; /* NULL: not asked for */
};

/* The file is a valid one from now on. Returns 0, or an exit code, having said why. */
int trace_open(struct trace *t, const struct options *o);
/* The machine has ended.  Returns 0, or an exit code, having said why. */
int trace_finish(struct trace *t, const struct options *o, const struct machine *m,
                 const struct partitions *ps);
