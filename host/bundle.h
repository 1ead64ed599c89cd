/* SPDX-License-Identifier: MIT */
/* bundle.h - the boot bundle as a file without a name: see bundle.c. */
#pragma once
#include "host/partition.h"

struct bundle {
    int fd; /* a memfd */
    uint64_t length_bytes;
};

/* Returns 0, or an exit code, having said why. */
int bundle_make(struct bundle *b, const struct partitions *ps, const struct options *o);
