/* SPDX-License-Identifier: MIT */
/*
 * starts.c - event counters begin where their maker says, and never go back or over: contexts that
 * were kept find the values which they remember, and sleep until more comes.
 */
#include "abi/event.h"
#include "test/boot/kit.h"
#include "test/boot/workers.h"

enum { EVENTS = 90, USERS, WORKER, COUNTER = 63, OTHER = 0, POSTS = 1000 };

static const uint64_t KEPT = ((uint64_t)3 << 40) + 7; /* what somebody remembers of another time */
static const uint64_t LAST = ((uint64_t)1 << EVENT_START_BITS) - 1;
static const uint64_t PATIENCE_NS = 5000000000;

static struct worker sleeper;
static volatile int64_t answer = -1;

static uint64_t
counter(uint32_t index)
{
    return (uint64_t)fine(call_event_read(EVENTS, index).value, "event_read");
}

static void
sleep_beyond(struct worker *w)
{
    struct wait_clause clause = {EVENTS, WAIT_EVENT, COUNTER, KEPT};

    (void)w;
    answer = call_wait((uintptr_t)&clause, 1).value;
}

static void
asleep(void)
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    while (worker_phase(&sleeper, NULL) != CONTEXT_WAITING) {
        hold(clock_ns() < end, "it sleeps");
        call_yield(SLOT_NOTHING);
    }
}

/* Started, it is as if it had been raised so far; one who remembers that value sleeps on. */
static void
started(const volatile uint64_t *shown)
{
    hold(counter(COUNTER) == 0 && counter(OTHER) == 0, "counters begin at 0");
    worker_start(&sleeper, WORKER, cpu_count() - 1, 1000000, sleep_beyond);
    asleep();
    fine(call_event_start(EVENTS, COUNTER, KEPT).value, "event_start");
    hold(counter(COUNTER) == KEPT && shown[COUNTER] == KEPT, "it begins where its maker says");
    hold(counter(OTHER) == 0 && shown[OTHER] == 0, "and no other does");
    asleep();
    hold(answer == -1, "who waits for more sleeps on");
    fine(call_event_post(EVENTS, COUNTER, 1).value, "event_post");
    worker_join(&sleeper, "woken by the first that comes");
    hold(answer == 0 && counter(COUNTER) == KEPT + 1, "by one more");
}

/* Who sleeps and remembers less is woken by the start itself. */
static void
woken(void)
{
    struct wait_clause clause = {EVENTS, WAIT_EVENT, COUNTER, KEPT};

    hold(call_wait((uintptr_t)&clause, 1).value == 0, "what is beyond already is no sleep");
    call_slot_clear(SLOT_SLOTS, WORKER);
    fine(call_events_make(SLOT_ACCOUNT, frame_new(), USERS).value, "events_make");
    call_slot_clear(SLOT_SLOTS, EVENTS);
    weaken(USERS, RIGHT_READ | RIGHT_WRITE | RIGHT_POST, EVENTS);
    answer = -1;
    worker_start(&sleeper, WORKER, cpu_count() - 1, 1000000, sleep_beyond);
    asleep();
    fine(call_event_start(EVENTS, COUNTER, LAST).value, "event_start");
    worker_join(&sleeper, "woken where it begins beyond");
    hold(answer == 0 && counter(COUNTER) == LAST, "it does");
}

/* It only grows, also from the last value at which it may begin. */
static void
onwards(void)
{
    refuse(call_event_start(EVENTS, COUNTER, LAST - 1).value, E_INVAL, "going back by one");
    refuse(call_event_start(EVENTS, COUNTER, 0).value, E_INVAL, "going back to nothing");
    refuse(call_event_start(EVENTS, OTHER, LAST + 1).value, E_INVAL, "beginning too far");
    refuse(call_event_start(EVENTS, OTHER, UINT64_MAX).value, E_INVAL, "beginning at the end");
    refuse(call_event_start(EVENTS, EVENTS_PER_FRAME, 1).value, E_INVAL, "a counter not there");
    hold(counter(OTHER) == 0 && counter(COUNTER) == LAST, "nothing has changed");
    for (uint64_t i = 1; i <= POSTS; i++) {
        fine(call_event_post(EVENTS, COUNTER, EVENT_POST_MAX).value, "event_post");
        hold(counter(COUNTER) == LAST + i * EVENT_POST_MAX, "it grows");
    }
    refuse(call_event_start(EVENTS, COUNTER, LAST).value, E_INVAL, "beginning again");
}

/* Who may post, and no more, says nothing about where it begins. */
static void
users(void)
{
    weaken(USERS, RIGHT_READ | RIGHT_POST, WORKER + 1);
    refuse(call_event_start(WORKER + 1, OTHER, KEPT).value, E_PERM, "a user's word");
    hold(counter(OTHER) == 0, "it stays where it is");
}

int
exo_main(const struct start_page *start)
{
    uint64_t frame;
    const volatile uint64_t *shown = page_new(MAP_READ | MAP_WRITE, &frame);

    (void)start;
    fine(call_events_make(SLOT_ACCOUNT, frame_new(), EVENTS).value, "events_make");
    fine(call_event_window(EVENTS, SLOT_ACCOUNT, frame, 1).value, "event_window");
    started(shown);
    woken();
    onwards();
    users();
    return done();
}
