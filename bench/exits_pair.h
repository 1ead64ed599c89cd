/* SPDX-License-Identifier: MIT */
/*
 * exits_pair.h - what exits_kit.c does with another: an environment that it calls or makes, a
 * context of its own on the second processor. Each takes how often, and returns how often it was
 * done.
 */
#pragma once
#include <stdint.h>

int64_t pair_begin(void); /* once, before the others: the longest slices for us. 0, or an error */
uint64_t pair_transfer(uint64_t n);         /* calls of another environment that trusts nobody */
uint64_t pair_env_create(uint64_t n);       /* an environment made, called once, destroyed */
uint64_t pair_remote_flush(uint64_t n);     /* a page taken from a context that runs elsewhere */
uint64_t pair_event_post(uint64_t n);       /* an event that it takes by an upcall */
uint64_t pair_remote_flush_off(uint64_t n); /* the same two where it is on no processor */
uint64_t pair_event_post_off(uint64_t n);
uint64_t pair_dedicated(uint64_t n_ms); /* busy on a processor whose vector names us alone */
