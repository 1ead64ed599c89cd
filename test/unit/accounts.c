/* SPDX-License-Identifier: MIT */
/* accounts.c - kernel/account.c, names.c, reap.c and revoke.c on the host. */
#include <stdio.h>
#include "test/kernel/accounts.h"
#include "test/unit/test.h"

enum { ROUNDS = 100, BYTES = 2000 };

static void
random_accounts_keep_every_invariant(void)
{
    static uint8_t bytes[BYTES];
    uint64_t x = 1;
    struct account_play sum = {0};

    for (int round = 0; round < ROUNDS; round++) {
        struct account_play play;

        for (size_t i = 0; i < sizeof(bytes); i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(x >> 56);
        }
        play = accounts_play(bytes, sizeof(bytes));
        if (play.why)
            printf("round %d, deed %lu: %s\n", round, play.deeds, play.why);
        CHECK(!play.why);
        sum.refused += play.refused;
        sum.forced += play.forced;
        sum.ended += play.ended;
    }
    CHECK(sum.refused > ROUNDS); /* else it shows nothing */
    CHECK(sum.forced > ROUNDS);
    CHECK(sum.ended > ROUNDS);
}

const struct test accounts_tests[] = {
    {"random_accounts_keep_every_invariant", random_accounts_keep_every_invariant},
    {NULL, NULL},
};
