/* SPDX-License-Identifier: MIT */
/*
 * test/kernel/accounts.h - a tree of accounts played with at random, beside a model that counts
 * again: for the unit test and the fuzzer.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct account_play {
    uint64_t deeds;
    uint64_t refused; /* for a limit, a reserve or a name */
    uint64_t forced;  /* frames and positions taken by force */
    uint64_t ended;   /* accounts ended, by their holder or for want of what can be taken */
    const char *why;  /* NULL: all held; else what did not */
};

/*
 * Does what n bytes say (four a deed), and looks at every invariant of kernel/account.h and of
 * kernel/revoke.h after each deed.
 */
struct account_play accounts_play(const uint8_t *bytes, size_t n);
