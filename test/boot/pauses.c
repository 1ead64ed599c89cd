/* SPDX-License-Identifier: MIT */
/*
 * pauses.c - strikes: a child account whose contexts survive few of them has one that lingers in
 * the grace behind its slices. It lives where it leaves in time; `deaf`, it does not, and is ended,
 * but where the machine itself stood still (the test kernel's clock then finds each grace long
 * over). Where the clock counts instructions. Arguments: for how many ms it is to live; `deaf`.
 */
#include "abi/event.h"
#include "libos/exo/rpc.h"
#include "test/boot/kin.h"
#include "test/boot/workers.h"

enum {
    KIN = 20, /* KIN_SLOTS of them */
    SLOT_WORKER = 60,
    POSITION = 100,
    SLICE_NS = 200 * 1000,
    LINGER_NS = 40 * 1000, /* of the grace, which is 100 us */
};

enum {
    OURS = KIN + KIN_SLOTS, /* in the child's table: our counters */
    COUNTER_ALIVE = COUNTER_FIRST_FREE,
    COUNTER_GRACES,
    SPIN_NS = 20 * 1000,
    DEAD_NS = 1000 * 1000 * 1000,
    STRIKES = 3,
    GRACES_MIN = 50,
};

static struct child_terms kin;
static struct worker worker;
static struct upcall_page *page;
static volatile bool deaf;

static void
spin(uint64_t ns)
{
    for (uint64_t end = clock_ns() + ns; clock_ns() < end;)
        ;
}

static void __attribute__((noreturn)) busy(void)
{
    for (;;) {
        spin(SPIN_NS);
        call_event_post(OURS, COUNTER_ALIVE, 1);
    }
}

/* The end of its slice: it lingers, leaves, and goes on as if nothing had been. */
static void __attribute__((noreturn)) slice_ended(void)
{
    spin(deaf ? 10 * LINGER_NS : LINGER_NS);
    *(volatile uint32_t *)&page->depth = 0;
    call_yield(SLOT_NOTHING);
    call_event_post(OURS, COUNTER_GRACES, 1);
    busy();
}

static void
stray(void)
{
    call_context_exit(1);
}

static void
child_worker(struct worker *w)
{
    struct upcall_setup setup = {.events_slot = SLOT_NOTHING};
    uint64_t frame;

    (void)w;
    page = page_new(MAP_READ | MAP_WRITE, &frame);
    setup.frame = frame;
    setup.va = (uintptr_t)page;
    for (uint32_t i = 0; i < UPCALL_DEPTH_MAX; i++)
        setup.stack[i] = (uintptr_t)page_new(MAP_READ | MAP_WRITE, NULL) + FRAME_BYTES - 8;
    setup.entry[UPCALL_EXCEPTION] = setup.entry[UPCALL_FAULT] = setup.entry[UPCALL_FOREIGN] =
        (uintptr_t)stray;
    setup.entry[UPCALL_SLICE_END] = (uintptr_t)slice_ended;
    fine(call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&setup).value, "upcalls_set");
    busy();
}

static void
child_answer(struct rpc *m)
{
    (void)m;
}

static void
child_main(void)
{
    struct wait_clause never = {SLOT_EVENTS, WAIT_EVENT, COUNTER_FIRST_FREE, UINT64_MAX};

    if (rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, child_answer))
        call_context_exit(0);
    worker_start(&worker, SLOT_WORKER, 0, SLICE_NS, child_worker);
    for (;;)
        call_wait((uintptr_t)&never, 1);
}

static uint64_t
count_of(uint64_t counter)
{
    return (uint64_t)fine(call_event_read(SLOT_EVENTS, counter).value, "event_read");
}

/* Does it still do something? We are there ourselves: it has somebody to leave for. */
static bool
lives(uint64_t *last)
{
    uint64_t now = count_of(COUNTER_ALIVE), end = clock_ns() + DEAD_NS;

    while (now == *last && clock_ns() < end) {
        call_yield(SLOT_NOTHING);
        now = count_of(COUNTER_ALIVE);
    }
    if (now == *last)
        return false;
    *last = now;
    return true;
}

int
exo_main(const struct start_page *start)
{
    uint64_t ms = 0, last = 0, end;
    struct word word = {argument(0), strlen(argument(0))};

    (void)start;
    stay_on(0);
    rpc_begin();
    deaf = !strcmp(argument(1), "deaf");
    expect(number_decimal(word, &ms) == 0, "how long");
    kin_make(&kin, 1, KIN, 0, child_main);
    fine(call_account_time(kin.slot[CHILD_ACCOUNT], STRIKES, 0).value, "account_time");
    kin_give(&kin, SLOT_EVENTS, RIGHT_READ | RIGHT_POST, OURS);
    fine(child_run(&kin, 0, POSITION, SLICE_NS), "child_run");
    expect(lives(&last), "it begins");
    say("it has begun");
    for (end = clock_ns() + ms * 1000 * 1000; clock_ns() < end;)
        hold(lives(&last), "it is ended");
    say("%lu graces", count_of(COUNTER_GRACES));
    expect(deaf || count_of(COUNTER_GRACES) >= GRACES_MIN, "it was in its grace often");
    hold(child_destroy(&kin) == 0, "the child goes");
    return done();
}
