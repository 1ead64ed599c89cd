/* SPDX-License-Identifier: MIT */
/*
 * stops.c - many of one chain of calls end at once, while it runs on another processor: that ends
 * them with interrupts off, and so takes only so many requests before it has looked.
 *
 * LINKS activations call each other; each is to tell, when it stops, one who sleeps in as many
 * places as there are, and has a deadline, the same for all. `asked`: we ask each to stop. `dies`: the
 * account of every other one is destroyed. `resumed`: the one at the bottom is stopped alone, and goes
 * on: its call was cut off. bench/stretch.py measures both.
 */
#include "abi/event.h"
#include "test/boot/kin.h"
#include "test/boot/message.h"
#include "test/boot/workers.h"

enum {
    EVENTS = 20,
    WORKER,
    SPARE,
    LINK = 50, /* LINKS entries */
    LINKS = TRANSFER_DEPTH_MAX,
    KIN = 30,
    TOLD = 16, /* counters, and who is told */
    FIRST = 60,
    NEVER,
    STACK_BYTES = 2048,
    SLICE_NS = 1000 * 1000,
    AHEAD_NS = 40 * 1000 * 1000,
};

enum how { ASKED, DIES, RESUMED };

static const uint64_t PATIENCE_NS = 20000000000;

static uint8_t stacks[LINKS + TOLD][STACK_BYTES] __attribute__((aligned(16)));
static struct worker base;
static struct cap link_cap[LINKS];
static volatile bool reached, over;
static volatile int64_t result = 1;
static uint64_t asleep;
static volatile uint64_t *counter; /* the window of EVENTS */

static bool
is_kin(uint64_t link, enum how how)
{
    return how == DIES && link % 2 == 0;
}

/* ---- those who are told ---- */

static void
sleep_for_ever(void)
{
    struct wait_clause clause[WAIT_CLAUSES_MAX];

    for (uint32_t i = 0; i < WAIT_CLAUSES_MAX; i++)
        clause[i] = (struct wait_clause){EVENTS, WAIT_EVENT, TOLD + i, NEVER};
    for (;;)
        call_wait((uintptr_t)clause, WAIT_CLAUSES_MAX);
}

static void
told_body(uint64_t number, uint64_t page)
{
    uint64_t entry = (uintptr_t)sleep_for_ever;
    uint64_t top = (uintptr_t)stacks[LINKS + number] + STACK_BYTES - 8;
    struct upcall_setup setup = {.frame = page,
                                 .entry = {entry, entry, entry},
                                 .stack = {top, top, top, top},
                                 .event_mask = (uint64_t)1 << number,
                                 .events_slot = EVENTS};

    setup.va = (uintptr_t)SCRATCH_VA;
    setup.entry[UPCALL_EVENT] = entry;
    if (call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&setup).value < 0)
        call_context_exit(1);
    __atomic_fetch_add(&asleep, 1, __ATOMIC_SEQ_CST);
    sleep_for_ever();
}

static uint64_t told_page[TOLD];

static void
told_enter(uint64_t number)
{
    told_body(number, told_page[number]);
}

static void
told_begin(void)
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    fine(call_slice_take(SLOT_ACCOUNT, 0, FIRST, TOLD).value, "slice_take");
    for (uint32_t i = 0; i < TOLD; i++) {
        struct context_start start = {.rip = (uintptr_t)told_enter,
                                      .rsp = (uintptr_t)stacks[LINKS + i] + STACK_BYTES - 8,
                                      .rdi = i,
                                      .vector_frame = frame_new(),
                                      .stop_slot = SLOT_NOTHING};
        told_page[i] = frame_new();
        call_slot_clear(SLOT_SLOTS, SPARE);
        fine(call_context_make(SLOT_ENV, frame_new(), SPARE, (uintptr_t)&start).value,
             "context_make");
        fine(call_slice_set(SLOT_ACCOUNT, 0, FIRST + i, SPARE, SLOT_NOTHING, SLICE_NS).value,
             "slice_set");
    }
    while (__atomic_load_n(&asleep, __ATOMIC_SEQ_CST) < TOLD) {
        expect(clock_ns() < end, "those who are to be told sleep");
        call_yield(SLOT_NOTHING);
    }
    for (uint32_t i = 0; i < 2 * TOLD; i++)
        call_yield(SLOT_NOTHING);
}

/* ---- the chain, on processor 1 ---- */

/* Words: its place, deadline. The last goes on until all is over. */
void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    (void)identity;
    (void)flags;
    fine(call_deadline_set(message[1]).value, "deadline_set");
    if (++message[0] < LINKS) {
        (void)message_send(transfer_word(LINK + message[0]), message);
        return; /* a kin's own memory is a copy: all that it knows is in the message */
    }
    reached = true;
    while (!over)
        ;
}

static void
call_through(struct worker *w)
{
    uint64_t message[MESSAGE_WORDS] = {0, clock_ns() + AHEAD_NS};

    (void)w;
    result = message_send(transfer_word(LINK), message);
}

/* One link: an entry of the account's, and its activation on processor 1. */
static void
link_begin(uint32_t i, uint32_t account, uint32_t env)
{
    struct context_start start = {.rip = FRAME_BYTES,
                                  .vector_frame = frame_of_account(account),
                                  .stop_slot = EVENTS,
                                  .stop_index = i % TOLD};

    call_slot_clear(SLOT_SLOTS, SPARE);
    fine(call_entry_make(account, frame_of_account(account), LINK + i).value, "entry_make");
    fine(call_context_make(env, frame_of_account(account), SPARE, (uintptr_t)&start).value,
         "context_make");
    link_cap[i] = cap_of(SPARE, RIGHT_STOP | RIGHT_INSPECT | RIGHT_RUN);
    activation_serve(LINK + i, SPARE, 1, (uintptr_t)stacks[i] + STACK_BYTES);
}

static void
chain_begin(enum how how)
{
    struct child_terms kin = {0};
    uint64_t end;

    if (how == DIES)
        kin_make(&kin, 1, KIN, 0, kin_serve);
    for (uint32_t i = 0; i < LINKS; i++)
        link_begin(i, is_kin(i, how) ? kin.slot[CHILD_ACCOUNT] : SLOT_ACCOUNT,
                   is_kin(i, how) ? kin.slot[CHILD_ENV] : SLOT_ENV);
    for (uint32_t i = 1; i < LINKS && how == DIES; i += 2)
        kin_give(&kin, LINK + i, RIGHT_RUN, LINK + i);
    worker_start(&base, WORKER, 1, SLICE_NS, call_through);
    for (end = clock_ns() + PATIENCE_NS; !reached; __builtin_ia32_pause())
        expect(clock_ns() < end, "a chain of calls");
}

/* ---- its end ---- */

static uint64_t
told_of(void)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < TOLD; i++)
        n += counter[i];
    return n;
}

static void
bind(const struct cap *cap)
{
    call_slot_clear(SLOT_SLOTS, SPARE);
    fine(call_cap_bind(SLOT_SLOTS, SPARE, (uintptr_t)cap).value, "cap_bind");
}

/* Asks each in turn, from all over the chain; at no time are there many who were asked and run. */
static void
ask_all(enum how how)
{
    uint64_t asked = 0, at_once = 0, most = 0, again = 0, end = clock_ns() + PATIENCE_NS;
    uint64_t before = told_of();

    for (uint32_t i = 0; i < LINKS; i++) {
        uint32_t at = (i * 37 + 5) % LINKS;
        int64_t r;
        if (is_kin(at, how))
            continue;
        for (bind(&link_cap[at]); (r = call_context_stop(SPARE).value) == -E_AGAIN; again++) {
            expect(clock_ns() < end, "it is asked at last");
            __builtin_ia32_pause();
        }
        expect(r == 0 || r == -E_INPROGRESS, "context_stop");
        asked++;
        at_once = asked + before - told_of();
        most = at_once > most ? at_once : most;
    }
    say("%lu asked, at most %lu at once, again %lu times", asked, most, again);
    while (told_of() < before + asked) {
        hold(clock_ns() < end, "all that were asked stop, and say so");
        __builtin_ia32_pause();
    }
    hold(most <= CONTEXT_STOPS_MAX, "a processor is to stop only so many at once");
    if (again == 0 && how == ASKED)
        say("no meeting: each was stopped before the next was asked");
}

static void
account_goes(void)
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    while (fine(call_account_destroy(KIN + CHILD_ACCOUNT).value, "account_destroy") > 0) {
        hold(clock_ns() < end, "an account in a chain ends");
        __builtin_ia32_pause();
    }
}

/* It is the lowest of those that run there. */
static void
base_stopped(void)
{
    refuse(call_context_stop(WORKER).value, E_INPROGRESS, "it runs elsewhere");
    for (uint64_t end = clock_ns() + PATIENCE_NS; worker_phase(&base, NULL) != CONTEXT_STOPPED;
         __builtin_ia32_pause())
        expect(clock_ns() < end, "the base stops");
    fine(call_context_resume(WORKER).value, "context_resume");
}

static void
base_goes(int64_t told)
{
    for (uint64_t end = clock_ns() + PATIENCE_NS; result > 0; __builtin_ia32_pause())
        hold(clock_ns() < end, "the base is told");
    hold(result == told || (told == -E_OWNERDEAD && result == 0),
         "it is told, or its callee was and returned");
    worker_join(&base, "the base");
}

int
exo_main(const struct start_page *start)
{
    enum how how = argument(0)[0] == 'd' ? DIES : argument(0)[0] == 'r' ? RESUMED : ASKED;
    uint64_t shown;

    (void)start;
    stay_on(0);
    counter = page_new(MAP_READ, &shown);
    fine(call_events_make(SLOT_ACCOUNT, frame_new(), EVENTS).value, "events_make");
    fine(call_event_window(EVENTS, SLOT_ACCOUNT, shown, EVENTS_PER_FRAME - 1).value,
         "event_window");
    told_begin();
    chain_begin(how);
    if (how == DIES)
        account_goes();
    if (how == RESUMED)
        base_stopped();
    if (how != ASKED)
        base_goes(how == DIES ? -E_OWNERDEAD : -E_INTR);
    ask_all(how);
    if (how == ASKED)
        base_goes(-E_OWNERDEAD);
    return done();
}
