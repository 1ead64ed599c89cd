/* SPDX-License-Identifier: MIT */
/*
 * pauses.c - strikes: a child account whose contexts survive few of them has one that lingers in
 * the grace behind its slices. It lives where it leaves in time. Arguments:
 *   MS          for so long, where the clock counts instructions
 *   MS deaf     it does not leave, and is ended, but where the machine itself stood still (the test
 *               kernel's clock then finds each grace long over)
 *   MS deaf many   so, but it may have many strikes: it lives
 *   MS seldom   in every second grace it does not leave
 *   paused US N until it has lost US or more of its grace N times, or the end of input; meanwhile
 * the host lets the machine stand still
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
    SELDOM_NS = 150 * 1000,
    DEAF_NS = 1000 * 1000,
    PAUSED_NS = 60 * 1000,
    PAUSED_SLICE_NS = 500 * 1000, /* in which a busy host leaves it a moment, mostly */
};

enum {
    OURS = KIN + KIN_SLOTS, /* in the child's table: our counters */
    COUNTER_ALIVE = COUNTER_FIRST_FREE,
    COUNTER_GRACES,
    COUNTER_LOSSES,
    SPIN_NS = 20 * 1000,
    YIELDS_MAX = 10000, /* so often it may be passed over: it owes */
    STRIKES = 3,
    STRIKES_MANY = 1000000,
    GRACES_MIN = 50,
};

static struct child_terms kin;
static struct worker worker;
static struct upcall_page *page;
static volatile bool deaf, seldom, paused;
static volatile uint64_t loss_ns; /* so much between two looks at the clock is one */

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

/* How long it lingers; not at all when it has lingered from one end of a slice to the next. */
static uint64_t
linger_ns(void)
{
    static uint64_t graces;

    if (deaf)
        return DEAF_NS;
    if (page->depth > 1)
        return 0;
    if (paused)
        return PAUSED_NS;
    return seldom && graces++ % 2 ? SELDOM_NS : LINGER_NS;
}

static void
linger(uint64_t ns)
{
    uint64_t last = clock_ns(), end = last + ns, now;

    for (; last < end; last = now) {
        now = clock_ns();
        if (paused && now - last >= loss_ns)
            call_event_post(OURS, COUNTER_LOSSES, 1);
    }
}

/* The end of its slice: it lingers, leaves, and goes on as if nothing had been. */
static void __attribute__((noreturn)) slice_ended(void)
{
    linger(linger_ns());
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
child_main(void)
{
    struct wait_clause never = {SLOT_EVENTS, WAIT_EVENT, COUNTER_FIRST_FREE, UINT64_MAX};

    kin_serve();
    worker_start(&worker, SLOT_WORKER, 0, paused ? PAUSED_SLICE_NS : SLICE_NS, child_worker);
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
    uint64_t seen = count_of(COUNTER_ALIVE);

    for (uint32_t i = 0; i < YIELDS_MAX && seen == *last; i++) {
        call_yield(SLOT_NOTHING);
        seen = count_of(COUNTER_ALIVE);
    }
    if (seen == *last)
        return false;
    *last = seen;
    return true;
}

static uint64_t
strikes(void)
{
    if (paused)
        return 1;
    return deaf && !strcmp(argument(2), "many") ? STRIKES_MANY : STRIKES;
}

static bool
input_ended(void)
{
    uint8_t byte;

    return call_console_read(SLOT_CONSOLE, (uintptr_t)&byte, 1).value == 0;
}

static uint64_t
number_of(uint32_t n)
{
    struct word word = {argument(n), strlen(argument(n))};
    uint64_t number = 0;

    expect(number_decimal(word, &number) == 0, "a number");
    return number;
}

static void
lives_for(uint64_t ms)
{
    uint64_t last = 0, end;

    expect(lives(&last), "it begins");
    for (end = clock_ns() + ms * 1000 * 1000; clock_ns() < end;)
        hold(lives(&last), "it is ended");
    expect(deaf || count_of(COUNTER_GRACES) >= GRACES_MIN, "it was in its grace often");
}

static void
lives_until(uint64_t losses)
{
    uint64_t last = 0;

    hold(lives(&last), "it is ended"); /* before we looked: a busy host pauses it, too */
    say("it has begun");
    while (!input_ended() && count_of(COUNTER_LOSSES) < losses)
        hold(lives(&last), "it is ended");
    say("%lu losses", count_of(COUNTER_LOSSES));
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    stay_on(0);
    rpc_begin();
    paused = !strcmp(argument(0), "paused");
    deaf = !strcmp(argument(1), "deaf");
    seldom = !strcmp(argument(1), "seldom");
    loss_ns = paused ? number_of(1) * 1000 : 0;
    kin_make(&kin, 1, KIN, 0, child_main);
    fine(call_account_time(kin.slot[CHILD_ACCOUNT], strikes(), 0).value, "account_time");
    kin_give(&kin, SLOT_EVENTS, RIGHT_READ | RIGHT_POST, OURS);
    fine(child_run(&kin, 0, POSITION, SLICE_NS), "child_run");
    if (paused)
        lives_until(number_of(2));
    else
        lives_for(number_of(0));
    say("%lu graces", count_of(COUNTER_GRACES));
    hold(child_destroy(&kin) == 0, "the child goes");
    return done();
}
