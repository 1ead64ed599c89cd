/* SPDX-License-Identifier: MIT */
/* heap.c - any bytes as commands to lib/heap.c, beside the model of its unit tests. */
#include "test/unit/heap_model.h"
#include "test/fuzz/fuzz.h"

enum { ENOUGH = 900 }; /* bytes: more show nothing new, and take long */

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *wrong = heap_lead(bytes, n < ENOUGH ? n : ENOUGH);

    if (wrong)
        fprintf(stderr, "%s\n", wrong);
    REQUIRE(!wrong);
    return 0;
}
