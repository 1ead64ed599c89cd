/* SPDX-License-Identifier: MIT */
/* accounts.c - kernel/account.c, charge.c, shown.c, names.c, reap.c and revoke.c on the host. */
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

/*
 * Six accounts, each in a frame of the one before: looking at the five that are not empty yet takes
 * all steps of a call but none for the last, which is (found by the fuzzer).
 */
static void
a_chain_of_accounts_ends(void)
{
    static const uint8_t deeds[] = {
        0x51, 0x31, 0x00, 0xd5, 0x61, 0x43, 0xc0, 0x16, 0x00, 0x8c, 0x77, 0xfe,
        0xe0, 0xb6, 0xf5, 0xf9, 0x22, 0x27, 0x5d, 0xaf, 0x29, 0x74, 0xdd, 0x2c,
        0x04, 0xdf, 0x54, 0x3b, 0x97, 0xf3, 0x62, 0x00, 0x00, 0xd5, 0xf3, 0x2d,
        0x00, 0xf5, 0x51, 0x34, 0x00, 0x3e, 0xff, 0x80, 0x80, 0x80, 0x80, 0x6e,
    };
    struct account_play play = accounts_play(deeds, sizeof(deeds));

    if (play.why)
        printf("%s\n", play.why);
    CHECK(!play.why);
}

const struct test accounts_tests[] = {
    {"random_accounts_keep_every_invariant", random_accounts_keep_every_invariant},
    {"a_chain_of_accounts_ends", a_chain_of_accounts_ends},
    {NULL, NULL},
};
