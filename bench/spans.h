/* SPDX-License-Identifier: MIT */
/*
 * spans.h - the spans of spans.S, and how one is measured: the median of many, less the empty one.
 */
#pragma once
#include <stdint.h>

enum { SPAN_ROUNDS = 101, SPAN_UD2_BYTES = 2, SPAN_STORE_BYTES = 3 };

uint64_t span_empty(uint64_t argument);
uint64_t span_call(uint64_t number);
uint64_t span_call_enter(uint64_t number);
uint64_t span_transfer_enter(uint64_t word);
uint64_t span_illegal_enter(uint64_t argument);
uint64_t span_store(uint64_t address);
uint64_t span_store_enter(uint64_t address);

extern uint64_t span_handler_tsc; /* written by a handler's first instructions */

/* The middle one of n values, which it sorts. */
static inline uint64_t
span_median(uint64_t *v, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t j = i; j > 0 && v[j - 1] > v[j]; j--) {
            uint64_t higher = v[j - 1];

            v[j - 1] = v[j];
            v[j] = higher;
        }
    return v[n / 2];
}

/* Measures span(argument), where argument grows by step each round. */
static inline uint64_t
span_measure(uint64_t (*span)(uint64_t), uint64_t argument, uint64_t step)
{
    uint64_t v[SPAN_ROUNDS], empty[SPAN_ROUNDS];

    for (uint32_t i = 0; i < SPAN_ROUNDS; i++) {
        empty[i] = span_empty(argument);
        v[i] = span(argument + i * step);
    }
    return span_median(v, SPAN_ROUNDS) - span_median(empty, SPAN_ROUNDS);
}
