/* SPDX-License-Identifier: MIT */
/*
 * lib/wall.h - what a processor needs between two parties that are not to learn of each other by
 * speculation, nor steer it, from what it says of itself.
 * Source: Intel, "Speculative execution side channel mitigations", "Microarchitectural data
 * sampling"; AMD, "Software techniques for managing speculation".
 */
#pragma once
#include <stdint.h>

enum wall_part {
    WALL_BRANCHES = 1 << 0, /* predictions of indirect branches are forgotten: IBPB */
    WALL_RETURNS = 1 << 1,  /* predictions of returns lead nowhere: the return stack is filled */
    WALL_BUFFERS = 1 << 2,  /* store, fill and load buffers are cleared: verw */
};

/* What CPUID and IA32_ARCH_CAPABILITIES (0: there is none) say. */
struct wall_asked {
    uint32_t leaf7_d; /* CPUID 7.0: edx */
    uint32_t leaf80000008_b;
    uint64_t capabilities;
};

/* Set of wall_part. */
uint32_t wall_choose(const struct wall_asked *asked);
