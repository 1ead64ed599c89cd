/* SPDX-License-Identifier: MIT */
/*
 * lib/siphash.h - SipHash-2-4: a 64-bit tag over bytes that only a holder of the key can make.
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The tag of n bytes (any alignment) under the 128-bit key, low half first. Cannot fail. */
uint64_t siphash_2_4(const uint64_t key[2], const void *bytes, size_t n);
