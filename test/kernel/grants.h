/* SPDX-License-Identifier: MIT */
/*
 * test/kernel/grants.h - the grant tree played with at random, beside a model that knows what
 * must be alive: for the unit test and the fuzzer.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct play {
    uint64_t deeds;      /* calls made */
    uint64_t unfinished; /* revocations, frees that took more than one */
    uint64_t refused;    /* grants and binds below what was revoked */
    const char *why;     /* NULL: all held; else what did not */
};

/*
 * Does what n bytes say (four a deed), and looks at every invariant of kernel/grant.h and
 * kernel/cap.h after each deed.
 */
struct play grants_play(const uint8_t *bytes, size_t n);
