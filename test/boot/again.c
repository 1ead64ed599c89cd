/* SPDX-License-Identifier: MIT */
/*
 * again.c - what one does to oneself, and what is done once more: a context stops itself, and goes on
 * when it is resumed; more contexts listen for an account than may, and one that has ended beside one
 * that lives; a position's second runs once the first has stopped; accounts of which something is
 * asked are asked again, and none is forgotten.
 */
#include "abi/account.h"
#include "abi/slice.h"
#include "libos/exo/rpc.h"
#include "test/boot/kin.h"
#include "test/boot/workers.h"

enum {
    WORKER = 20,
    LISTENERS = ACCOUNT_LISTENERS_MAX + 1,
    KIN = WORKER + LISTENERS, /* KIN_SLOTS of them */
    ASKED = KIN + KIN_SLOTS,  /* slots of ASKED_COUNT accounts */
    ASKED_COUNT = 3,
    FRAMES = 4,
    POSITION = 500, /* of ours, that become theirs */
    SLICE_NS = 1000 * 1000,
    SOON_NS = 200 * 1000 * 1000,
    HEARD = 7,
};

static const uint64_t PATIENCE_NS = 20000000000, NEVER_NS = 3600000000000;

/* ---- a context that stops itself ---- */

static volatile int64_t told;
static volatile bool went_on;

static void
stops_itself(struct worker *w)
{
    told = call_context_stop(w->slot).value;
    went_on = true;
}

static void
itself(uint32_t cpu)
{
    static struct worker w;
    uint64_t end = clock_ns() + PATIENCE_NS;
    struct context_state state;

    told = 1;
    went_on = false;
    worker_start(&w, WORKER, cpu, SLICE_NS, stops_itself);
    while (worker_phase(&w, NULL) != CONTEXT_STOPPED) {
        expect(clock_ns() < end, "it stops itself");
        call_yield(SLOT_NOTHING);
    }
    hold(!went_on, "who stops itself does nothing more");
    state = context_told(WORKER);
    hold(state.cause == CAUSE_STOPPED && state.save.rax == 0 && state.save.rdx == 0,
         "its registers say that it has");
    fine(call_context_stop(WORKER).value, "stopping it again");
    fine(call_context_resume(WORKER).value, "context_resume");
    worker_join(&w, "one that stopped itself");
    expect(went_on && told == 0, "it goes on behind its call");
    call_slot_clear(SLOT_SLOTS, WORKER);
}

/* ---- those who listen ---- */

static struct worker listener[LISTENERS];
static volatile int64_t listened[LISTENERS];

static void
listens(struct worker *w)
{
    listened[w->number] = call_account_listen(SLOT_ACCOUNT, 1).value;
}

/* It has ended when this returns, and keeps its place. */
static int64_t
listener_add(uint32_t n)
{
    listened[n] = 1;
    listener[n].number = n;
    worker_start(&listener[n], WORKER + n, 0, SLICE_NS, listens);
    worker_join(&listener[n], "one that listens");
    return listened[n];
}

static void
places(void)
{
    fine(call_account_listen(SLOT_ACCOUNT, 1).value, "account_listen");
    for (uint32_t i = 0; i < LISTENERS - 2; i++)
        fine(listener_add(i), "account_listen, up to the last place");
    refuse(listener_add(LISTENERS - 2), E_NOSPC, "one listens too many");
    refuse(call_account_listen(SLOT_ACCOUNT, 1).value, E_EXIST, "listening twice");
    fine(call_account_listen(SLOT_ACCOUNT, 0).value, "account_listen");
    fine(listener_add(LISTENERS - 1), "in the place of one who listens no more");
    refuse(call_account_listen(SLOT_ACCOUNT, 1).value, E_NOSPC, "it is taken");
    frame_gone(listener[3].frame);
    fine(call_account_listen(SLOT_ACCOUNT, 1).value, "in the place of one that is gone");
    fine(call_account_listen(SLOT_ACCOUNT, 0).value, "account_listen");
    for (uint32_t i = 0; i < LISTENERS; i++)
        if (i != 3)
            frame_gone(listener[i].frame);
}

/* ---- of two that listen one has ended ---- */

static volatile uint64_t heard;

static void
on_revoke(struct save_area *save)
{
    (void)save;
    heard++;
}

static void
answer(struct rpc *m)
{
    (void)m;
}

static void
child_main(void)
{
    exo_on_revoke = on_revoke;
    if (listener_add(0) < 0 || call_account_listen(SLOT_ACCOUNT, 1).value < 0 ||
        rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, answer))
        call_context_exit(2);
    while (!heard) /* it has slices of its own by now */
        call_yield(SLOT_NOTHING);
    call_context_exit(HEARD);
}

static void
who_lives_hears(void)
{
    struct context_state state = {0};
    struct child_terms kin;
    uint64_t end;

    rpc_begin();
    kin_make(&kin, 1, KIN, 0, child_main);
    fine(child_run(&kin, 0, POSITION, SLICE_NS), "child_run");
    hold(call_account_revoke(kin.slot[CHILD_ACCOUNT], ACCOUNT_FRAMES, 1, clock_ns() + NEVER_NS)
                 .value == 1,
         "account_revoke");
    for (end = clock_ns() + PATIENCE_NS; state.phase != CONTEXT_STOPPED;) {
        hold(clock_ns() < end, "of those who listen one that lives hears");
        call_yield(SLOT_NOTHING);
        state = context_told(kin.slot[CHILD_CONTEXT]);
    }
    expect(state.cause == CAUSE_EXIT && state.status == HEARD, "it ends because it has heard");
    fine(child_destroy(&kin), "child_destroy");
}

/* ---- the second at a position ---- */

static volatile uint64_t turned[2];
static volatile bool over;

static void
turns(struct worker *w)
{
    while (!over)
        turned[w->number]++;
}

static bool
goes_on(uint32_t i)
{
    uint64_t end = clock_ns() + PATIENCE_NS, before = turned[i];

    while (turned[i] == before && clock_ns() < end)
        call_yield(SLOT_NOTHING);
    return turned[i] != before;
}

static void
first_alone(void)
{
    uint64_t before;

    expect(goes_on(0), "the first runs");
    before = turned[1];
    for (int i = 0; i < 3; i++)
        expect(goes_on(0), "the first runs on");
    hold(turned[1] == before, "its second does not, beside it");
}

static void
seconds(void)
{
    static struct worker w[2];

    for (uint32_t i = 0; i < 2; i++) {
        w[i].number = i;
        worker_start(&w[i], WORKER + i, 0, SLICE_NS, turns);
    }
    fine(call_slice_set(SLOT_ACCOUNT, 0, w[1].position, SLOT_NOTHING, SLOT_NOTHING, SLICE_NS).value,
         "slice_set");
    fine(call_slice_set(SLOT_ACCOUNT, 0, w[0].position, WORKER, WORKER + 1, SLICE_NS).value,
         "slice_set");
    first_alone();
    fine(call_context_stop(WORKER).value, "context_stop");
    for (int i = 0; i < 2; i++)
        hold(goes_on(1), "the second has its time once it has stopped");
    fine(call_context_resume(WORKER).value, "context_resume");
    first_alone();
    over = true;
    worker_join(&w[1], "the second ends, once the first has"); /* at the first's position */
    worker_join(&w[0], "and so has the first");
}

/* ---- asked again while asked ---- */

static uint64_t asked_frame[ASKED_COUNT];

static void
account_new(uint32_t i)
{
    struct account_terms terms = {.name = 90 + i, .limit_frames = 2ul * FRAMES};

    asked_frame[i] = frame_new();
    fine(call_account_make(SLOT_ACCOUNT, asked_frame[i], ASKED + i, (uintptr_t)&terms).value,
         "account_make");
    for (uint32_t n = 0; n < FRAMES; n++)
        frame_of_account(ASKED + i);
}

static uint64_t
wanted(uint32_t i, enum account_kind kind)
{
    return account_told(ASKED + i).count[kind].wanted;
}

/* The first is asked for more while all are asked; by the tick alone each loses what is wanted. */
static void
asked_again(void)
{
    uint64_t end, due = clock_ns() + SOON_NS;

    for (uint32_t i = 0; i < ASKED_COUNT; i++)
        account_new(i);
    fine(call_slice_take(ASKED, 0, POSITION, 1).value, "slice_take");
    for (uint32_t i = 0; i < ASKED_COUNT; i++)
        fine(call_account_revoke(ASKED + i, ACCOUNT_FRAMES, 1, due).value, "account_revoke");
    fine(call_account_revoke(ASKED, ACCOUNT_SLICES, 1, due).value, "asking again");
    for (uint32_t i = 0; i < ASKED_COUNT; i++)
        for (end = clock_ns() + PATIENCE_NS; wanted(i, ACCOUNT_FRAMES);) {
            hold(clock_ns() < end, "each that is asked loses what it does not give");
            call_yield(SLOT_NOTHING);
        }
    for (end = clock_ns() + PATIENCE_NS; wanted(0, ACCOUNT_SLICES);)
        hold(clock_ns() < end, "and of the second kind");
    for (uint32_t i = 0; i < ASKED_COUNT; i++) {
        hold(account_told(ASKED + i).count[ACCOUNT_FRAMES].taken == 1, "just that");
        while (fine(call_account_destroy(ASKED + i).value, "account_destroy") > 0)
            ;
        frame_gone(asked_frame[i]);
    }
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    stay_on(0);
    itself(0);
    itself(cpu_count() - 1);
    places();
    who_lives_hears();
    seconds();
    for (int i = 0; i < 2; i++)
        asked_again();
    return done();
}
