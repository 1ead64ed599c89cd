/* SPDX-License-Identifier: MIT */
/* wall.c - which walls a processor needs (wall.h). */
#include "lib/wall.h"
#include <stdbool.h>

enum leaf7_d_bit {
    BUFFER_CLEAR = 10,
    BRANCH_BARRIER = 26, /* Intel: with IBRS */
};
enum leaf80000008_b_bit {
    AMD_BRANCH_BARRIER = 12,
    AMD_BARRIER_RETURNS = 30, /* and it forgets returns too */
};
enum capability_bit {
    BUFFERS_SAFE = 5,     /* MDS_NO */
    ABORTS_SAFE = 8,      /* TAA_NO */
    REGISTERS_CLEAR = 28, /* verw clears the register file, which needs it */
};

static bool
bit(uint64_t word, uint32_t n)
{
    return word >> n & 1;
}

uint32_t
wall_choose(const struct wall_asked *asked)
{
    bool amd = bit(asked->leaf80000008_b, AMD_BRANCH_BARRIER);
    uint64_t safe = asked->capabilities;
    uint32_t parts = 0;

    if (bit(asked->leaf7_d, BRANCH_BARRIER) || amd) {
        parts |= WALL_BRANCHES;
        if (!amd || !bit(asked->leaf80000008_b, AMD_BARRIER_RETURNS))
            parts |= WALL_RETURNS;
    }
    if (bit(asked->leaf7_d, BUFFER_CLEAR) &&
        (!bit(safe, BUFFERS_SAFE) || !bit(safe, ABORTS_SAFE) || bit(safe, REGISTERS_CLEAR)))
        parts |= WALL_BUFFERS;
    return parts;
}
