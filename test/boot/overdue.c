/* SPDX-License-Identifier: MIT */
/*
 * overdue.c - what a child is asked for and gives in time, by a clock that goes on while the machine
 * stands still. Arguments:
 *   MS        it gives nothing: within so long it is taken, but where the machine itself stands
 *             still at each look (the test kernel's clock then finds each look long over)
 *   paused N  it gives in the second half of its time, again and again until that was over N times
 *             when it did, or the end of input; meanwhile the host lets the machine stand still:
 *             nothing is taken
 */
#include "abi/account.h"
#include "abi/event.h"
#include "libos/exo/rpc.h"
#include "test/boot/kin.h"

enum {
    KIN = 20,               /* KIN_SLOTS of them */
    OURS = KIN + KIN_SLOTS, /* in the child's table: our counters */
    SPARE = 100,            /* what it is asked for: by force it would be found first */
    POSITION,
    COUNTER_ASKED = COUNTER_FIRST_FREE,
    COUNTER_READY,
    SLICE_NS = 200 * 1000,
    GIVE_NS = 200 * 1000 * 1000,
    DUE_NS = 400 * 1000 * 1000,
    SOON_NS = 20 * 1000 * 1000,
    ASKED_PART = 8,
};

static const uint64_t PATIENCE_NS = 20000000000;

static struct child_terms kin;
static volatile bool rude;

static void
sleep_until(uint32_t kind, uint64_t value)
{
    struct wait_clause clause = {OURS, kind, COUNTER_ASKED, value};

    while (call_wait((uintptr_t)&clause, 1).value < 0)
        ;
}

static void
child_main(void)
{
    kin_serve();
    for (uint64_t round = 0;; round++) {
        call_slice_take(SLOT_ACCOUNT, 0, SPARE, 1);
        call_event_post(OURS, COUNTER_READY, 1);
        sleep_until(WAIT_EVENT, round);
        if (rude)
            sleep_until(WAIT_EVENT, UINT64_MAX);
        sleep_until(WAIT_CLOCK, clock_ns() + GIVE_NS);
        call_slice_give(SLOT_ACCOUNT, 0, SPARE, 1);
    }
}

static struct account_count
slices(void)
{
    return account_told(kin.slot[CHILD_ACCOUNT]).count[ACCOUNT_SLICES];
}

/* False: the machine stood still while we asked, so that it was asked for in less. */
static bool
ask(uint64_t in_ns)
{
    uint64_t begin, asked = (uint64_t)call_event_read(SLOT_EVENTS, COUNTER_ASKED).value;
    struct wait_clause ready[] = {{SLOT_EVENTS, WAIT_EVENT, COUNTER_READY, asked},
                                  {SLOT_EVENTS, WAIT_CLOCK, 0, clock_ns() + PATIENCE_NS}};

    hold(call_wait((uintptr_t)ready, 2).value == 0, "it is ready");
    begin = clock_ns();
    hold(call_account_revoke(kin.slot[CHILD_ACCOUNT], ACCOUNT_SLICES, 1, begin + in_ns).value >= 0,
         "asking for a position");
    fine(call_event_post(SLOT_EVENTS, COUNTER_ASKED, 1).value, "event_post");
    return clock_ns() - begin < in_ns / ASKED_PART;
}

static void
stays_for(uint64_t ms)
{
    uint64_t due, end;

    (void)ask(SOON_NS);
    due = slices().due_ns;
    for (end = clock_ns() + ms * 1000 * 1000; clock_ns() < end; call_yield(SLOT_NOTHING))
        hold(slices().taken == 0, "its time is over");
    hold(slices().due_ns > due, "its page says until when it has time");
}

/* Was its time over by the clock when it gave? */
static bool
gives_late(void)
{
    uint64_t due = clock_ns() + DUE_NS, taken = slices().taken;
    bool in_time = ask(DUE_NS);

    while (slices().wanted) {
        hold(clock_ns() < due + PATIENCE_NS, "what was asked for is given or taken");
        call_yield(SLOT_NOTHING);
    }
    hold(slices().taken == taken || !in_time, "it was taken from who had no chance to give it");
    return in_time && clock_ns() >= due;
}

static bool
input_ended(void)
{
    uint8_t byte;

    return call_console_read(SLOT_CONSOLE, (uintptr_t)&byte, 1).value == 0;
}

static void
gives_until(uint64_t n)
{
    uint64_t late = 0;

    say("it has begun");
    while (!input_ended() && late < n)
        late += gives_late();
    say("%lu losses", late);
}

int
exo_main(const struct start_page *start)
{
    bool paused = !strcmp(argument(0), "paused");

    (void)start;
    stay_on(0);
    rpc_begin();
    rude = !paused;
    kin_make(&kin, 1, KIN, 0, child_main);
    kin_give(&kin, SLOT_EVENTS, RIGHT_READ | RIGHT_POST, OURS);
    fine(child_run(&kin, 0, POSITION, SLICE_NS), "child_run");
    if (paused)
        gives_until(argument_number(1, 1));
    else
        stays_for(argument_number(0, 1));
    hold(child_destroy(&kin) == 0, "the child goes");
    return done();
}
