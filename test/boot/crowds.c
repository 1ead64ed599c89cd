/* SPDX-License-Identifier: MIT */
/*
 * crowds.c - many contexts that sleep on what comes at once. Who is to wake is found behind all who
 * are not, though nothing else happens on the machine; and a call that raises many counters, each
 * with sleepers of its own, wakes all, but a bounded number of them itself (bench/stretch.py).
 */
#include "abi/event.h"
#include "test/boot/kit.h"
#include "test/boot/workers.h"

enum {
    EVENTS = 40, /* slots: WINDOWS of them */
    WORKER = 90,
    WINDOWS = 30,
    PINS = 8, /* of a frame */
    EACH = 4,
    MANY = WINDOWS * EACH,
    SLICE_NS = 1000 * 1000,
    CROWDED = 5, /* counters */
    ANSWER,
    LOST,
    NEVER,
};

static const uint64_t PATIENCE_NS = 2000000000; /* less than an idle processor sleeps at most */

static struct worker worker[MANY];
static uint64_t awake;
static volatile bool answered;

/* They come one after the other, and the last is the one that is to wake. */
static void
stand(struct worker *w)
{
    struct wait_clause clause = {EVENTS, WAIT_EVENT, CROWDED, w == &worker[MANY - 1] ? 0 : 1};

    if (call_wait((uintptr_t)&clause, 1).value != 0)
        return;
    answered = true;
    call_event_post(EVENTS, ANSWER, 1);
}

/* On a window that is lost, and on all else that there is to wait for. */
static void
stand_everywhere(struct worker *w)
{
    struct wait_clause clause[WAIT_CLAUSES_MAX];

    for (uint32_t i = 0; i < WAIT_CLAUSES_MAX; i++)
        clause[i] = (struct wait_clause){EVENTS + i % WINDOWS, WAIT_EVENT, NEVER, 0};
    clause[WAIT_CLAUSES_MAX - 1] =
        (struct wait_clause){EVENTS + (uint32_t)(w - worker) % WINDOWS, WAIT_EVENT, LOST, 0};
    if (call_wait((uintptr_t)clause, WAIT_CLAUSES_MAX).value == WAIT_CLAUSES_MAX - 1)
        __atomic_fetch_add(&awake, 1, __ATOMIC_SEQ_CST);
}

/* Starts one, and goes on when it sleeps; its slot is the next one's then. */
static void
sleeps(struct worker *w, void (*body)(struct worker *))
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    worker_start(w, WORKER, 0, SLICE_NS, body);
    while (worker_phase(w, NULL) != CONTEXT_WAITING) {
        expect(clock_ns() < end, "it sleeps");
        call_yield(WORKER);
    }
}

/* Who posts goes on, alone on a processor, which no slice ends; theirs has nothing to do. */
static void
poster_spins(void)
{
    uint64_t end;

    stay_on(cpu_count() - 1);
    answered = false;
    fine(call_event_post(EVENTS, CROWDED, 1).value, "event_post");
    for (end = clock_ns() + PATIENCE_NS; !answered; __builtin_ia32_pause())
        hold(clock_ns() < end, "the last of many wakes while who woke it goes on");
    stay_on(0);
}

static void
the_last_of_many(void)
{
    struct wait_clause clause[] = {{EVENTS, WAIT_EVENT, ANSWER, 0}, {0, WAIT_CLOCK, 0, 0}};

    for (uint32_t i = 0; i < MANY; i++)
        sleeps(&worker[i], stand);
    if (cpu_count() > 1)
        poster_spins();
    else
        fine(call_event_post(EVENTS, CROWDED, 1).value, "event_post");
    clause[1].value = clock_ns() + PATIENCE_NS;
    hold(call_wait((uintptr_t)clause, 2).value == 0, "the last of many wakes");
    fine(call_event_post(EVENTS, CROWDED, 1).value, "event_post");
    clause[0].value = MANY - 1;
    clause[1].value = clock_ns() + PATIENCE_NS;
    hold(call_wait((uintptr_t)clause, 2).value == 0, "and then all others");
}

static void
many_at_once(void)
{
    uint64_t frame[(WINDOWS + PINS - 1) / PINS], end;

    for (uint32_t i = 0; i < WINDOWS; i++) {
        if (i % PINS == 0)
            frame[i / PINS] = frame_new();
        fine(call_event_window(EVENTS + i, SLOT_ACCOUNT, frame[i / PINS], LOST).value,
             "event_window");
    }
    for (uint32_t i = 0; i < MANY; i++)
        sleeps(&worker[i], stand_everywhere);
    for (uint32_t i = 0; i < WINDOWS; i += PINS)
        fine(call_frame_break(SLOT_ACCOUNT, frame[i / PINS]).value, "frame_break");
    for (end = clock_ns() + PATIENCE_NS; __atomic_load_n(&awake, __ATOMIC_SEQ_CST) < MANY;) {
        hold(clock_ns() < end, "all who are told wake");
        call_yield(SLOT_NOTHING);
    }
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    stay_on(0);
    for (uint32_t i = 0; i < WINDOWS; i++)
        fine(call_events_make(SLOT_ACCOUNT, frame_new(), EVENTS + i).value, "events_make");
    the_last_of_many();
    many_at_once();
    return done();
}
