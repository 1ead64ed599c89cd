/* SPDX-License-Identifier: MIT */
/*
 * stalls.c - a service that is in use when its caller dies, is stopped, or has next to no time left
 * is free again soon, in slices of its own or given, and the answer finds its caller; a service of
 * an account that is destroyed in the middle of a chain; what a call does to a sleeper; and, where
 * there is more than one processor, one service that two of them are in at once.
 * Argument `time`: the first of these, bounded, where the clock counts instructions.
 */
#include "abi/event.h"
#include "abi/exposed.h"
#include "abi/slice.h"
#include "libos/exo/rpc.h"
#include "test/boot/kin.h"
#include "test/boot/message.h"

enum {
    ENTRY = 20, /* of the service that works */
    CALL,
    CONTEXT,
    CALLER,
    OTHER_ENTRY, /* of one that calls or destroys */
    OTHER_CALL,  /* in the child's table */
    OTHER_CONTEXT,
    MORE,                   /* the service's activation on another processor */
    KIN,                    /* KIN_SLOTS of them */
    LAST = KIN + KIN_SLOTS, /* as many of another */
    LAST_CALL = LAST + KIN_SLOTS,
    POSITION = 100,
    CALLER_AT = POSITION,
    SERVICE_AT,
    OTHER_AT,
    SLICE_NS = 1000 * 1000,
    LITTLE_NS = 100 * 1000,
    WORK_NS = 6 * SLICE_NS, /* 60 slices of the caller, 6 of the service */
    TURNS = 30,
    ROUNDS = 100000,
    LAST_FRAMES = 1200, /* more than one step of an account's end goes through */
};

enum deed { WORK, SLEEP, DESTROY, MEET, ADD_MORE };

static volatile uint64_t calls, answers, met[2];
static volatile int64_t result, destroyed;
static volatile bool stop_now, cut; /* cut: the caller was stopped before the answer */

static void
work(uint64_t ns)
{
    uint64_t used = 0, last = clock_ns();

    while (used < ns) { /* what passes while we are off is not work */
        uint64_t now = clock_ns();
        used += now - last < SLICE_NS / 50 ? now - last : 0;
        last = now;
    }
}

static uint64_t
cpu_of(const uint64_t *message)
{
    return message[1];
}

void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    struct wait_clause clause = {.kind = WAIT_CLOCK, .value = clock_ns() + WORK_NS};
    int64_t left = 1;

    (void)identity;
    (void)flags;
    calls++;
    switch (message[0]) {
    case WORK:
        work(WORK_NS);
        break;
    case SLEEP:
        expect(call_wait((uintptr_t)&clause, 1).value == 0, "a callee sleeps");
        break;
    case DESTROY:
        while (left > 0)
            left = call_account_destroy(KIN).value;
        destroyed = left;
        break;
    case MEET:
        met[cpu_of(message)] = 1;
        while (!met[!cpu_of(message)])
            ;
        break;
    default:
        break;
    }
    message_more();
    message[2] = ++answers;
}

static volatile bool more_right;

static void
more_fill(uint64_t more[MESSAGE_MORE])
{
    for (uint64_t i = 0; i < MESSAGE_MORE; i++)
        more[i] = 0x123456789000 * (i + 1);
}

/* Changed as message_more does. */
static bool
more_came(const uint64_t more[MESSAGE_MORE])
{
    bool right = more[MESSAGE_MORE - 1] == 0x123456789000 * MESSAGE_MORE + FRAME_BYTES;

    for (uint64_t i = 0; i < MESSAGE_MORE - 1; i++)
        right = right && more[i] == ~(0x123456789000 * (i + 1));
    return right;
}

static volatile enum deed caller_deed;
static uint32_t turns_most;

/* Does the clock count instructions? Else the host may be busy for longer than the work takes. */
static bool
exact(void)
{
    return turns_most == TURNS;
}
static uint64_t calls_before, answers_before; /* it began */

static void
caller_run(uint64_t cpu)
{
    uint64_t message[MESSAGE_WORDS] = {caller_deed, cpu}, more[MESSAGE_MORE];
    int64_t r;

    more_fill(more);
    r = message_send_all(transfer_word(CALL), message, more);
    more_right = more_came(more);
    result = r == 0 ? (int64_t)message[2] : r;
    for (;;)
        call_yield(SLOT_NOTHING);
}

static void
named(uint64_t cpu, uint64_t position, uint32_t context, uint64_t ns)
{
    int64_t r = call_slice_take(SLOT_ACCOUNT, cpu, position, 1).value;

    expect(r == 1 || r == -E_BUSY, "slice_take");
    fine(call_slice_set(SLOT_ACCOUNT, cpu, position, context, SLOT_NOTHING, ns).value, "slice_set");
}

static void
caller_begin(uint64_t cpu, enum deed deed, uint64_t ns)
{
    struct context_start start = {
        .rip = (uintptr_t)caller_run, .vector_frame = frame_new(), .stop_slot = SLOT_NOTHING};

    start.rdi = cpu;
    start.rsp = (uintptr_t)page_new(MAP_READ | MAP_WRITE, NULL) + FRAME_BYTES - 8;
    caller_deed = deed;
    calls_before = calls;
    answers_before = answers;
    result = 0;
    call_slot_clear(SLOT_SLOTS, CALLER);
    fine(call_context_make(SLOT_ENV, frame_new(), CALLER, (uintptr_t)&start).value, "context_make");
    named(cpu, CALLER_AT, CALLER, ns);
}

static void
caller_end(void)
{
    int64_t r;

    while ((r = call_context_stop(CALLER).value) == -E_INPROGRESS)
        call_yield(SLOT_NOTHING);
    fine(r, "context_stop");
}

static uint32_t
phase(uint32_t context)
{
    return context_told(context).phase;
}

/* Until somebody is in it; then how many of our turns until nobody is. */
static uint32_t
turns_until_free(void)
{
    uint32_t turns = 0;

    for (uint32_t i = 0; calls == calls_before; i++) {
        expect(i < ROUNDS, "the caller gets to its call");
        call_yield(SLOT_NOTHING);
    }
    expect(!exact() || phase(CONTEXT) != CONTEXT_PARKED, "it is at work");
    if (stop_now) {
        caller_end();
        cut = answers == answers_before;
    }
    while (phase(CONTEXT) != CONTEXT_PARKED) {
        hold(++turns < turns_most, "a service is kept busy");
        call_yield(SLOT_NOTHING);
    }
    return turns;
}

static void
little_time(void)
{
    uint32_t turns;

    named(0, SERVICE_AT, CONTEXT, SLICE_NS);
    caller_begin(0, WORK, LITTLE_NS);
    turns = turns_until_free();
    say("a caller with %u us a turn: free after %u turns", (uint32_t)LITTLE_NS / 1000, turns);
    for (uint32_t i = 0; i < ROUNDS && !result; i++)
        call_yield(SLOT_NOTHING);
    expect(result == (int64_t)answers, "the answer came to the caller");
    hold(more_right, "and with it vectors and fs");
    caller_end();
}

static void
stopped(void)
{
    uint32_t turns;

    stop_now = true;
    caller_begin(0, WORK, LITTLE_NS);
    turns = turns_until_free();
    say("a caller that was stopped: free after %u turns", turns);
    stop_now = false;
    for (uint32_t i = 0; i < TURNS; i++)
        call_yield(SLOT_NOTHING);
    if (!cut) { /* by a clock that is not exact the answer may be faster */
        expect(!exact(), "it is stopped in its call");
        return;
    }
    hold(result == 0 && phase(CALLER) == CONTEXT_STOPPED, "one that is stopped is told nothing");
    fine(call_context_resume(CALLER).value, "context_resume");
    for (uint32_t i = 0; i < ROUNDS && !result; i++)
        call_yield(SLOT_NOTHING);
    expect(result == -E_INTR, "resumed, it is told that its call was cut off");
    caller_end();
}

/* It has no slices any more: whoever finds it busy gives it some of its own. */
static void
helped(void)
{
    uint32_t turns = 0;

    fine(call_slice_set(SLOT_ACCOUNT, 0, SERVICE_AT, SLOT_NOTHING, SLOT_NOTHING, SLICE_NS).value,
         "slice_set");
    caller_begin(0, WORK, LITTLE_NS);
    for (uint32_t i = 0; calls == calls_before; i++) {
        expect(i < ROUNDS, "the caller gets to its call");
        call_yield(SLOT_NOTHING);
    }
    caller_end();
    for (uint32_t i = 0; i < TURNS; i++)
        call_yield(SLOT_NOTHING);
    expect(!exact() || phase(CONTEXT) == CONTEXT_READY, "nobody runs it");
    while (phase(CONTEXT) != CONTEXT_PARKED) {
        hold(++turns < turns_most, "a donated slice is of no use");
        fine(call_yield(CALL).value, "yield to an entry");
    }
    say("one without slices, helped: free after %u turns", turns);
    refuse(call_yield(CALL).value, E_AGAIN, "nobody is in it");
    refuse(call_yield(SLOT_EVENTS).value, E_BADF, "no entry");
    named(0, SERVICE_AT, CONTEXT, SLICE_NS);
}

/* What is posted is answered to nobody, and begins at once. */
static void
posted(void)
{
    uint64_t message[MESSAGE_WORDS] = {WORK, 0, 77}, before = answers;

    expect(message_send(post_word(CALL), message) == 0 && message[2] == 77, "a post");
    expect(!exact() || calls > before, "it has begun"); /* else our slice may have ended first */
    expect(message_send(post_word(CALL), message) == -E_AGAIN || !exact() || answers > before,
           "a second one comes too early");
    for (uint32_t i = 0; answers == before; i++) {
        hold(i < ROUNDS, "what was posted is not done");
        call_yield(SLOT_NOTHING);
    }
    while (phase(CONTEXT) != CONTEXT_PARKED)
        call_yield(SLOT_NOTHING);
    refuse(message_send(post_word(CALLER), message), E_BADF, "a post to no entry");
}

static void
untouched(void)
{
    uint64_t message[MESSAGE_WORDS] = {ADD_MORE}, more[MESSAGE_MORE];

    for (uint32_t slot = ENTRY; slot <= CALL; slot++) { /* by transfer.c, then by transfer.S */
        more_fill(more);
        expect(message_send_all(transfer_word(slot), message, more) == 0, "a transfer");
        hold(more_came(more), "vectors and fs pass, there and back");
    }
}

static void
asleep(void)
{
    uint64_t message[MESSAGE_WORDS] = {SLEEP}, before = clock_ns();

    expect(message_send(transfer_word(CALL), message) == 0, "a callee that sleeps");
    expect(clock_ns() - before >= WORK_NS, "its caller waits with it");
}

/* ---- in the child: whatever it is asked, it passes on ---- */
static void
child_answer(struct rpc *m)
{
    struct rpc other = {.word = {DESTROY}};

    m->word[2] = (uint64_t)rpc_call(OTHER_CALL, &other);
}

static void
child_main(void)
{
    rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, child_answer);
}

/* We -> a service of the child account -> one of ours, which destroys that account. */
static void
account_gone(void)
{
    uint64_t message[MESSAGE_WORDS] = {0}, turns = 0;
    struct child_terms kin;

    service_new(SLOT_ACCOUNT, SLOT_ENV, OTHER_ENTRY, OTHER_CONTEXT);
    named(0, OTHER_AT, OTHER_CONTEXT, SLICE_NS);
    kin_make(&kin, 1, KIN, 0, child_main);
    kin_give(&kin, OTHER_ENTRY, RIGHT_RUN, OTHER_CALL);
    refuse(message_send(transfer_word(kin.entry), message), E_OWNERDEAD,
           "a callee without an account");
    while (phase(OTHER_CONTEXT) != CONTEXT_PARKED) {
        hold(++turns < ROUNDS, "the service that it called is kept busy");
        call_yield(SLOT_NOTHING);
    }
    expect(destroyed == 0, "nothing is left of the account");
    refuse(message_send(transfer_word(kin.entry), message), E_BADF, "nor of its entry");
}

static void
last_answer(struct rpc *m)
{
    m->word[2]++;
}

static void
last_main(void)
{
    rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, last_answer);
}

/* From the mark on nobody enters what ends, though most of it is still there. */
static void
account_going(void)
{
    struct rpc m = {.word = {0}};
    struct child_terms last;
    int64_t left;

    kin_make(&last, 2, LAST, LAST_FRAMES, last_main);
    weaken(last.entry, RIGHT_RUN, LAST_CALL);
    expect(rpc_call(LAST_CALL, &m) == 0 && m.word[2] == 1, "it answers");
    for (uint32_t i = 0; i < LAST_FRAMES; i++)
        frame_of_account(LAST); /* its end begins with these, so that its context is there still */
    left = call_account_destroy(LAST).value;
    expect(left > 0, "its end takes a while");
    for (uint32_t i = 0; i < TURNS; i++) {
        int64_t r = rpc_call(LAST_CALL, &m);
        hold(r == -E_NOENT || r == -E_OWNERDEAD || r == -E_BADF, "an account that ends is called");
    }
    while (left > 0)
        left = call_account_destroy(LAST).value;
    expect(left == 0, "nothing is left of it");
}

/* Its only activation is another processor's. */
static void
from_elsewhere(void)
{
    if (((const struct machine_page *)EXPOSED_MACHINE)->n_cpus < 2)
        return;
    for (uint32_t i = 0; i < TURNS; i++) {
        caller_begin(1, ADD_MORE, SLICE_NS);
        while (!result)
            ;
        hold(result == (int64_t)answers && more_right, "a call from another processor");
        caller_end();
    }
    say("another processor was served");
}

static struct context *handler_here;

static void
skip_ud2(struct save_area *save)
{
    handler_here = context_here();
    save->rip += 2;
}

/* An exception while gs is what a peer has left there. */
static void
foreign_gs(void)
{
    upcall_handler *before = exo_on_exception;
    struct context *here = context_here();
    uint64_t foreign = (uintptr_t)page_new(MAP_READ | MAP_WRITE, NULL) + 8, after;

    exo_on_exception = skip_ud2;
    __asm__ volatile("wrgsbase %1\n\tud2\n\trdgsbase %0\n\twrgsbase %2"
                     : "=&r"(after)
                     : "r"(foreign), "r"(here)
                     : "memory");
    exo_on_exception = before;
    hold(handler_here == here, "a handler knows its context by what the kernel says");
    hold(after == foreign, "and leaves gs as it was");
}

/* Each waits in the service for the other. */
static void
two_at_once(void)
{
    uint64_t message[MESSAGE_WORDS] = {MEET, 0}, frame = frame_new();
    struct context_start start = {
        .rip = FRAME_BYTES, .vector_frame = frame_new(), .stop_slot = SLOT_NOTHING};

    if (((const struct machine_page *)EXPOSED_MACHINE)->n_cpus < 2)
        return;
    fine(call_context_make(SLOT_ENV, frame, MORE, (uintptr_t)&start).value, "context_make");
    activation_serve(ENTRY, MORE, 1, (uintptr_t)page_new(MAP_READ | MAP_WRITE, NULL) + FRAME_BYTES);
    caller_begin(1, MEET, SLICE_NS);
    expect(message_send(transfer_word(CALL), message) == 0, "two processors in one service");
    while (!result)
        ;
    expect(result > 0, "the other one came back too");
    caller_end();
    say("two processors were in one service");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    stay_on(0);
    rpc_begin();
    service_new(SLOT_ACCOUNT, SLOT_ENV, ENTRY, CONTEXT);
    weaken(ENTRY, RIGHT_RUN, CALL);
    turns_most = strcmp(argument(0), "time") ? ROUNDS : TURNS;
    little_time();
    stopped();
    helped();
    posted();
    untouched();
    if (exact())
        return done();
    foreign_gs();
    asleep();
    from_elsewhere();
    two_at_once();
    account_gone();
    account_going();
    return done();
}
