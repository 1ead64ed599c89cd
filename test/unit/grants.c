/* SPDX-License-Identifier: MIT */
/* grants.c - kernel/grant.c and kernel/cap.c on the host. */
#include <stdio.h>
#include <stdlib.h>
#include "test/kernel/grants.h"
#include "test/unit/test.h"

enum { ROUNDS = 100, BYTES = 4000 };

static void
random_grants_and_revocations_keep_every_invariant(void)
{
    static uint8_t bytes[BYTES];
    uint64_t x = 1, unfinished = 0, refused = 0;

    for (int round = 0; round < ROUNDS; round++) {
        struct play play;

        for (size_t i = 0; i < sizeof(bytes); i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(x >> 56);
        }
        play = grants_play(bytes, sizeof(bytes));
        if (play.why)
            printf("round %d, deed %lu: %s\n", round, play.deeds, play.why);
        CHECK(!play.why);
        unfinished += play.unfinished;
        refused += play.refused;
    }
    CHECK(unfinished > ROUNDS); /* else it shows nothing */
    CHECK(refused > ROUNDS);
}

const struct test grants_tests[] = {
    {"random_grants_and_revocations_keep_every_invariant",
     random_grants_and_revocations_keep_every_invariant},
    {NULL, NULL},
};
