/* SPDX-License-Identifier: MIT */
/* wall.c - lib/wall.c: what processors of the market ask for between accounts. */
#include "lib/wall.h"
#include "test/unit/test.h"

enum { BUFFERS = 1u << 10, BARRIER = 1u << 26, AMD = 1u << 12, AMD_RETURNS = 1u << 30 };

static void
a_processor_that_asks_for_nothing_gets_nothing(void)
{
    struct wall_asked none = {0, 0, 0}, others = {~(BUFFERS | BARRIER), ~AMD, ~(uint64_t)0};

    CHECK(wall_choose(&none) == 0);
    CHECK(wall_choose(&others) == 0);
}

static void
a_barrier_that_keeps_returns_goes_with_a_filled_stack(void)
{
    struct wall_asked intel = {.leaf7_d = BARRIER}, amd = {.leaf80000008_b = AMD};
    struct wall_asked late = {.leaf80000008_b = AMD | AMD_RETURNS};

    CHECK(wall_choose(&intel) == (WALL_BRANCHES | WALL_RETURNS));
    CHECK(wall_choose(&amd) == (WALL_BRANCHES | WALL_RETURNS));
    CHECK(wall_choose(&late) == WALL_BRANCHES);
}

static void
buffers_are_cleared_unless_all_are_safe(void)
{
    const uint64_t mds = 1 << 5, taa = 1 << 8, registers = 1 << 28;
    struct wall_asked asked = {.leaf7_d = BUFFERS};

    CHECK(wall_choose(&asked) == WALL_BUFFERS);
    asked.capabilities = mds;
    CHECK(wall_choose(&asked) == WALL_BUFFERS);
    asked.capabilities = taa;
    CHECK(wall_choose(&asked) == WALL_BUFFERS);
    asked.capabilities = mds | taa;
    CHECK(wall_choose(&asked) == 0);
    asked.capabilities = mds | taa | registers;
    CHECK(wall_choose(&asked) == WALL_BUFFERS);
    asked.leaf7_d = 0; /* it could not */
    CHECK(wall_choose(&asked) == 0);
}

const struct test wall_tests[] = {
    {"a_processor_that_asks_for_nothing_gets_nothing",
     a_processor_that_asks_for_nothing_gets_nothing},
    {"a_barrier_that_keeps_returns_goes_with_a_filled_stack",
     a_barrier_that_keeps_returns_goes_with_a_filled_stack},
    {"buffers_are_cleared_unless_all_are_safe", buffers_are_cleared_unless_all_are_safe},
    {NULL, NULL},
};
