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

int trace_open(struct trace *t, const struct options *o);
int trace_finish(struct trace *t, const struct options *o, const struct machine *m,
                 const struct partitions *ps);
