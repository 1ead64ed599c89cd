/* SPDX-License-Identifier: MIT */
/*
 * posts.c - another account on another processor posts to our counter as fast as it can. It
 * interrupts us no more often than abi/event.h says, leaves us our time, and no post is lost: the
 * counter counts each, and behind the last we are told once more.
 * Argument `share`: the time that we lose is measured, where the clock counts instructions.
 */
#include "abi/event.h"
#include "abi/exposed.h"
#include "abi/slice.h"
#include "libos/exo/rpc.h"
#include "test/boot/kin.h"

enum {
    KIN = 20,               /* KIN_SLOTS of them */
    OURS = KIN + KIN_SLOTS, /* in the child's table: our counters */
    POSITION = 100,
    COUNTER_GO = COUNTER_FIRST_FREE, /* odd: the child posts to us; else to a counter of nobody's */
    COUNTER_DULL,
    SLICE_NS = 10 * 1000 * 1000,
    WARM_NS = 20 * 1000 * 1000,
    RUN_NS = 300 * 1000 * 1000,
    LAST_NS = 2000 * 1000 * 1000,
    MORE_UPCALLS = 64, /* slices that begin, and the phases of ours */
    LOST_MAX_PERMILLE = 50,
};

static struct child_terms kin;
static volatile uint64_t upcalls;
static uint64_t seen;

static void
on_event(struct save_area *save)
{
    uint64_t before = __atomic_load_n(&seen, __ATOMIC_RELAXED);
    uint64_t count = (uint64_t)call_event_read(SLOT_EVENTS, COUNTER_SIGNALS).value;

    (void)save;
    upcalls++;
    while (before < count && /* one may come while we are here, and see more */
           !__atomic_compare_exchange_n(&seen, &before, count, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        ;
}

static void
child_main(void)
{
    kin_serve();
    for (;;) {
        call_event_post(
            OURS, call_event_read(OURS, COUNTER_GO).value & 1 ? COUNTER_SIGNALS : COUNTER_DULL, 1);
        __asm__ volatile("pause"); /* an emulator of one thread lets the other processor on */
    }
}

static uint64_t usual = 1; /* nanoseconds that a round of ours takes beside the child */

/* How often we come round in a while, and how much of it went in rounds of far more than usual. */
static uint64_t
rounds(uint64_t ns, uint64_t *lost_ns)
{
    uint64_t from = clock_ns(), last = from, now = from, n = 0;

    for (*lost_ns = 0; now < from + ns; n++) {
        __asm__ volatile("pause");
        now = clock_ns();
        *lost_ns += now - last > 3 * usual ? now - last - usual : 0;
        last = now;
    }
    return n;
}

static uint64_t
lost(uint64_t ns)
{
    uint64_t lost_ns;

    (void)rounds(ns, &lost_ns);
    return lost_ns * 1000 / ns;
}

static void
go(void)
{
    fine(call_event_post(SLOT_EVENTS, COUNTER_GO, 1).value, "event_post");
    (void)lost(WARM_NS);
}

int
exo_main(const struct start_page *start)
{
    uint64_t quiet, flooded, from, before, most, posts, end;

    (void)start;
    stay_on(0);
    rpc_begin();
    exo_on_event = on_event;
    fine(call_event_post(SLOT_EVENTS, COUNTER_DULL, EVENT_POST_MAX).value, "event_post");
    refuse(call_event_post(SLOT_EVENTS, COUNTER_DULL, EVENT_POST_MAX + 1).value, E_INVAL,
           "a post that is too large");
    kin_make(&kin, 1, KIN, 0, child_main);
    kin_give(&kin, SLOT_EVENTS, RIGHT_READ | RIGHT_POST, OURS);
    fine(call_transfer_withdraw(kin.entry, 0).value, "transfer_withdraw");
    fine(call_slice_take(kin.slot[CHILD_ACCOUNT], 1, POSITION, 1).value, "slice_take");
    fine(call_slice_set(kin.slot[CHILD_ACCOUNT], 1, POSITION, kin.slot[CHILD_CONTEXT], SLOT_NOTHING,
                        SLICE_NS)
             .value,
         "slice_set");
    (void)lost(WARM_NS);
    usual = WARM_NS / (rounds(WARM_NS, &quiet) | 1);
    quiet = lost(RUN_NS);
    go();
    before = upcalls;
    posts = (uint64_t)call_event_read(SLOT_EVENTS, COUNTER_SIGNALS).value;
    from = clock_ns();
    flooded = lost(RUN_NS);
    most = (clock_ns() - from) / EVENT_POST_GAP_NS + MORE_UPCALLS;
    before = upcalls - before;
    posts = (uint64_t)call_event_read(SLOT_EVENTS, COUNTER_SIGNALS).value - posts;
    go();
    say("%lu posts, %lu upcalls in %lu ms; %lu permille lost, %lu without", posts, before,
        (uint64_t)RUN_NS / 1000000, flooded, quiet);
    expect(posts > most, "it is a flood");
    hold(before > 0 && before <= most, "how often posts may interrupt");
    for (end = clock_ns() + LAST_NS;
         seen != (uint64_t)call_event_read(SLOT_EVENTS, COUNTER_SIGNALS).value;)
        hold(clock_ns() < end, "the last post is told");
    if (argument(0)[0])
        hold(flooded <= LOST_MAX_PERMILLE, "a flood leaves us our time");
    hold(child_destroy(&kin) == 0, "the child goes");
    return done();
}
