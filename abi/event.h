/* SPDX-License-Identifier: MIT */
/*
 * abi/event.h - event counters, and the predicate that a context sleeps on.
 *
 * A frame of events holds EVENTS_PER_FRAME counters of 63 bits that only grow. Who waits names the
 * value beyond which it wants to be woken, so nothing is lost between the look and the sleep. They
 * begin at 0, or where their maker says (event_start): contexts and rings that go on elsewhere from
 * what was kept of them find the values that they remember. None ever overflows: who posts
 * EVENT_POST_MAX every 100 ns needs a hundred years for that, wherever the counter began.
 *
 * A word of user memory is waited for by what it holds. Who changes it fences, then looks at the
 * count of its frame in EXPOSED_WAITERS (abi/exposed.h), and calls wake if that is not 0; wait
 * raises the count, fences, looks once more at the word, and then sleeps: so one of the two sees
 * the other. Source: Reed and Kanodia, CACM 1979, eventcounts; Franke, Russell, Kirkwood, OLS 2002,
 * futexes.
 */
#pragma once
#include <stdint.h>

enum event_limit {
    EVENTS_PER_FRAME = 64,
    EVENT_POST_MAX = 256,  /* by so much one post raises a counter, at most */
    EVENT_START_BITS = 56, /* it begins below 1 << that */
    WAIT_CLAUSES_MAX = 32,
    WAKE_MAX = 16, /* contexts that one wake wakes */
};

enum wait_kind {
    WAIT_EVENT = 0, /* slot: events with READ, where: index; the counter is greater than value */
    WAIT_WORD,      /* slot: account with MAP that covers the frame; where: frame << FRAME_SHIFT |
                       offset of a 32-bit word, aligned; the word is not value */
    WAIT_CLOCK,     /* the clock is at value or past it; slot and where are not looked at */
    WAIT_EPOCH,     /* the epoch value has passed (abi/memory.h); likewise. tlb_flush hastens it */
    WAIT_KINDS,
};

/* Between two interruptions of a running context by posts of other accounts; counters never wait.
 */
enum { EVENT_POST_GAP_NS = 500 * 1000 };

/* One comparison of a predicate; the predicate holds when any of its clauses does. */
struct wait_clause {
    uint32_t slot;
    uint32_t kind; /* enum wait_kind */
    uint64_t where;
    uint64_t value;
};
_Static_assert(sizeof(struct wait_clause) == 24, "layout");
