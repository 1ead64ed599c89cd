/* SPDX-License-Identifier: MIT */
/* accounts.c - a tree of accounts under arbitrary deeds, beside its model (test/kernel/accounts.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include "test/fuzz/fuzz.h"
#include "test/kernel/accounts.h"

enum { BYTES_MAX = 160 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct account_play play = accounts_play(data, size < BYTES_MAX ? size : BYTES_MAX);

    if (play.why) {
        fprintf(stderr, "deed %lu: %s\n", play.deeds, play.why);
        abort();
    }
    return 0;
}
