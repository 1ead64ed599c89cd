/* SPDX-License-Identifier: MIT */
/*
 * spans.h - the spans of spans.S, and how one is measured: the median of many, less the empty one.
 */
#pragma once
#include <stdint.h>

enum { SPAN_ROUNDS = 101, SPAN_UD2_BYTES = 2, SPAN_STORE_BYTES = 3 };

uint64_t span_empty(uint64_t argument);
uint64_t span_call(uint64_t number);
uint64_t span_call_with(uint64_t number);
uint64_t span_call_enter(uint64_t number);
uint64_t span_transfer_enter(uint64_t word);
uint64_t span_illegal_enter(uint64_t argument);
uint64_t span_store(uint64_t address);
uint64_t span_store_enter(uint64_t address);

extern uint64_t span_handler_tsc; /* written by a handler's first instructions */
extern uint64_t span_arguments[2];

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

/* Measures span(argument) less empty(argument), where argument grows by step each round. */
static inline uint64_t
span_measure_beside(uint64_t (*empty)(uint64_t), uint64_t (*span)(uint64_t), uint64_t argument,
                    uint64_t step)
{
    uint64_t v[SPAN_ROUNDS], none[SPAN_ROUNDS], least;

    for (uint32_t i = 0; i < SPAN_ROUNDS; i++) {
        none[i] = empty(argument);
        v[i] = span(argument + i * step);
    }
    least = span_median(none, SPAN_ROUNDS);
    return span_median(v, SPAN_ROUNDS) - least;
}

static inline uint64_t
span_measure(uint64_t (*span)(uint64_t), uint64_t argument, uint64_t step)
{
    return span_measure_beside(span_empty, span, argument, step);
}

/* ---- spans in C: a stamp, what is measured, a stamp ---- */

static inline uint64_t
span_stamp(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* What the two stamps alone cost. */
static inline uint64_t
span_nothing(uint64_t argument)
{
    uint64_t from = span_stamp();

    (void)argument;
    return span_stamp() - from;
}

/* The same for a span in C, whose argument grows by 1 each round: 0, 1, 2, ... */
static inline uint64_t
span_measure_c(uint64_t (*span)(uint64_t))
{
    return span_measure_beside(span_nothing, span, 0, 1);
}
