/* SPDX-License-Identifier: MIT */
/*
 * abi/event.h - event counters, and the predicate that a context sleeps on.
 *
 * A frame of events holds EVENTS_PER_FRAME counters of 64 bits that only grow. Who waits names the
 * value beyond which it wants to be woken, so nothing is lost between the look and the sleep.
 * Source: Reed and Kanodia, CACM 1979, eventcounts.
 */
#pragma once
#include <stdint.h>

enum event_limit {
    EVENTS_PER_FRAME = 64,
    WAIT_CLAUSES_MAX = 32,
};

/* One comparison of a predicate; the predicate holds when any of its clauses does. */
struct wait_clause {
    uint32_t slot;  /* an events slot with READ */
    uint32_t index; /* of the counter */
    uint64_t above; /* holds when the counter is greater than this */
};
_Static_assert(sizeof(struct wait_clause) == 16, "layout");
