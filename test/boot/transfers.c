/* SPDX-License-Identifier: MIT */
/*
 * transfers.c - protected control transfer as the design has it, word by word, where the clock
 * counts instructions: what passes beside the message, who pays, which slices are given, who has 1
 * us left as he calls, an activation that its service keeps to itself, callees that die below
 * others.
 */
#include "abi/slice.h"
#include "libos/exo/child.h"
#include "test/boot/message.h"
#include "test/boot/pass.h"
#include "test/boot/workers.h"

enum {
    ENTRY = 20,
    CALL, /* the entry with RUN alone: without the kernel's lock */
    CONTEXT,
    CALLER,
    LINK = 30,      /* entries of a chain */
    LINK_CALL = 40, /* the same with RUN alone */
    LINK_CONTEXT = 50,
    LINKS = 5,
    SERVICE_AT = 100, /* positions */
    LINK_AT,
    SLICE_NS = 1000 * 1000,
    LITTLE_NS = 100 * 1000,
    WORK_NS = 6 * SLICE_NS,
    AWAY_NS = 1000, /* a longer step is not ours: the kernel was there, or others */
    LEFT_NS = 1000,
    LEFT_MOST_NS = 20 * 1000, /* the first of the calls that come ever later in a slice */
    LEFT_STEP_NS = 400,
    TURNS = 40,
    PERCENT_SLACK = 5,
};

enum deed { ADD, ADD_LATE, WORK, HOLD, NEST };

static volatile uint64_t begun, done_with, worked_ns, left_ns;
static volatile bool keep;
static struct pass seen;
static volatile int64_t told[LINKS]; /* 1: nothing yet */
static volatile bool deepest;

/* ---- the service ---- */

static void
work(void)
{
    uint64_t first = clock_ns(), last = first;

    worked_ns = left_ns = 0;
    while (worked_ns < WORK_NS) { /* what passes while we are off is not work */
        uint64_t now = clock_ns();
        if (now - last < AWAY_NS)
            worked_ns += now - last;
        else if (!left_ns)
            left_ns = last - first + 1;
        last = now;
    }
}

static void
hold_on(void)
{
    while (keep)
        call_yield(SLOT_NOTHING);
}

static void
nest(uint64_t n)
{
    uint64_t message[MESSAGE_WORDS] = {NEST, n + 1};

    if (n < LINKS - 1) {
        told[n] = message_send(transfer_word(LINK_CALL + n + 1), message);
        return;
    }
    deepest = true;
    hold_on();
}

void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    (void)identity;
    (void)flags;
    begun++;
    switch ((enum deed)message[0]) {
    case ADD_LATE:
        pass_look(&seen);
        work();
        pass_turn();
        break;
    case ADD:
        pass_look(&seen);
        pass_turn();
        break;
    case WORK:
        work();
        break;
    case HOLD:
        hold_on();
        break;
    case NEST:
        nest(message[1]);
        break;
    default:
        break;
    }
    done_with++;
}

static void
service_slices(uint32_t context, uint64_t position)
{
    fine(call_slice_set(SLOT_ACCOUNT, 0, position, context, SLOT_NOTHING, SLICE_NS).value,
         "slice_set");
}

/* Turns of ours until nobody is in it. */
static uint32_t
turns_until_free(uint32_t context, const char *what)
{
    uint32_t turns = 0;

    while (context_told(context).phase != CONTEXT_PARKED) {
        hold(++turns < TURNS, what);
        call_yield(SLOT_NOTHING);
    }
    return turns;
}

/* ---- what passes ---- */

static void
pass_fill(struct pass *p)
{
    for (uint32_t i = 0; i < sizeof(p->ymm0); i++) {
        p->ymm0[i] = (uint8_t)(0x30 + i);
        p->ymm15[i] = (uint8_t)(0xa0 - i);
    }
    p->fs = 0x123456789000;
    p->gs = 0x223456789000;
    p->pkru = 0xc0000000; /* of keys that nothing has */
    p->mxcsr = 0x1f80;
    p->fcw = 0x37f;
}

/* As pass_turn does. */
static bool
turned(const struct pass *p)
{
    struct pass was = {.fs = 0};
    bool right;

    pass_fill(&was);
    right = p->fs == was.fs + FRAME_BYTES && p->gs == was.gs + FRAME_BYTES &&
            p->pkru == (was.pkru ^ PASS_KEYS) && p->mxcsr == (was.mxcsr ^ PASS_MXCSR) &&
            p->fcw == (was.fcw ^ PASS_FCW);
    for (uint32_t i = 0; i < sizeof(was.ymm0); i++)
        right = right && (p->ymm0[i] ^ was.ymm0[i]) == 0xff && (p->ymm15[i] ^ was.ymm15[i]) == 0xff;
    return right;
}

static struct pass came_back;
static volatile int64_t result;
static volatile enum deed caller_deed;
static volatile bool caller_posts;
static volatile uint64_t call_at_ns; /* before the end of a slice; 0: at once */

/* At the begin of a turn: when the last is over. */
static uint64_t
turn_begin(void)
{
    uint64_t last = clock_ns(), now = last;

    while (now - last < AWAY_NS) {
        last = now;
        now = clock_ns();
    }
    return now;
}

static void
caller_run(struct worker *w)
{
    (void)w;
    pass_fill(&came_back);
    if (call_at_ns)
        for (uint64_t end = turn_begin() + LITTLE_NS - call_at_ns; clock_ns() < end;)
            ;
    result =
        pass_send(caller_posts ? post_word(CALL) : transfer_word(CALL), &came_back, caller_deed);
}

static struct worker caller;

static void
caller_begin(enum deed deed, uint64_t slice_ns)
{
    caller_deed = deed;
    result = 1;
    worker_start(&caller, CALLER, 0, slice_ns, caller_run);
}

static void
same_was_seen(const char *what)
{
    struct pass want = {.fs = 0};

    pass_fill(&want);
    hold(!memcmp(&seen, &want, offsetof(struct pass, unused)), what);
}

static void
passes(void)
{
    static struct pass p;

    for (uint32_t slot = ENTRY; slot <= CALL; slot++) { /* by transfer.c, then by transfer.S */
        memset(&seen, 0, sizeof(seen));
        pass_fill(&p);
        expect(pass_send(transfer_word(slot), &p, ADD) == 0, "a transfer");
        same_was_seen("all passes to the callee");
        hold(turned(&p), "and back");
    }
    memset(&seen, 0, sizeof(seen));
    pass_fill(&p);
    expect(pass_send(post_word(CALL), &p, ADD) == 0, "a post");
    service_slices(CONTEXT, SERVICE_AT);
    turns_until_free(CONTEXT, "what was posted is not done");
    same_was_seen("all passes to whom it is posted");
    caller_begin(ADD_LATE, LITTLE_NS); /* the callee goes on in its own slices, and returns alone */
    worker_join(&caller, "a caller with little time");
    hold(result == 0 && turned(&came_back), "all passes back from a callee in its own slices");
    service_slices(SLOT_NOTHING, SERVICE_AT);
    caller_begin(ADD_LATE, SLICE_NS); /* off and on again as a chain */
    worker_join(&caller, "a caller");
    same_was_seen("all passes to the callee of a chain");
    hold(result == 0 && turned(&came_back), "and back over the ends of slices");
    say("vectors, bases, rights of keys passed");
}

/* ---- who pays, and whose slices they are ---- */

static uint64_t
cycles_of(uint64_t ns)
{
    static uint64_t per_ms;
    uint64_t from = clock_ns(), cycles = clock_counter();

    if (!per_ms) {
        while (clock_ns() - from < SLICE_NS / 4)
            ;
        per_ms = (clock_counter() - cycles) * SLICE_NS / (clock_ns() - from);
    }
    return ns * per_ms / SLICE_NS;
}

/* A service without slices: those of its caller, this and later ones, bring it to its return. */
static void
caller_pays(void)
{
    uint64_t before = context_told(CONTEXT).charged_cycles, took = cycles_of(WORK_NS);

    caller_begin(WORK, SLICE_NS);
    worker_join(&caller, "a caller, over several slices");
    hold(result == 0 && worked_ns >= WORK_NS, "the callee has come to its return");
    hold(context_told(CALLER).charged_cycles * 100 >= took * (100 - PERCENT_SLACK),
         "who waits pays for the callee");
    hold((context_told(CONTEXT).charged_cycles - before) * 100 <= took * PERCENT_SLACK,
         "which is charged nothing");
}

/* What is posted has the rest of one slice, and then its own, which it pays for. */
static void
posted_pays(void)
{
    uint64_t before = context_told(CONTEXT).charged_cycles, took = cycles_of(WORK_NS), rest;

    caller_posts = true;
    caller_begin(WORK, SLICE_NS);
    worker_join(&caller, "one that posts");
    caller_posts = false;
    rest = worked_ns;
    expect(result == 0 && rest > 0 && rest <= SLICE_NS, "the rest of a slice");
    for (uint32_t i = 0; i < TURNS; i++)
        call_yield(SLOT_NOTHING);
    hold(worked_ns == rest && context_told(CONTEXT).phase == CONTEXT_READY, "and no more");
    service_slices(CONTEXT, SERVICE_AT);
    turns_until_free(CONTEXT, "it does not go on in its own slices");
    hold(context_told(CONTEXT).charged_cycles - before >= took - took * PERCENT_SLACK / 100,
         "it pays for these");
    hold(context_told(CALLER).charged_cycles * 2 < took, "and not who posted");
    say("who pays is who gives the slice");
}

/* Calls ever later in a slice of the caller's, who is stopped after some. */
static void
next_to_nothing_left(void)
{
    uint64_t least = UINT64_MAX;

    for (uint64_t left = LEFT_MOST_NS; left < 2ull * LEFT_MOST_NS; left -= LEFT_STEP_NS) {
        uint64_t before = begun, after = done_with;
        call_at_ns = left ? left : 1;
        caller_begin(WORK, LITTLE_NS);
        while (begun == before)
            call_yield(SLOT_NOTHING);
        turns_until_free(CONTEXT, "a caller without time keeps a service busy");
        hold(done_with == after + 1, "it came to its return");
        least = left_ns && left_ns < least ? left_ns : least;
        worker_stop(&caller);
    }
    call_at_ns = 0;
    say("a caller with %lu ns left: its service is free in time", least);
    expect(least <= LEFT_NS, "one of them had less than 1 us");
}

/* ---- an activation that its service keeps to itself ---- */

/* Masked is busy: the service is in it itself, and who waits gives it time through the entry. */
static void
masked(uint64_t frame)
{
    struct transfer_setup setup = {.rip = FRAME_BYTES, .rsp = FRAME_BYTES};
    uint64_t message[MESSAGE_WORDS] = {HOLD};

    service_slices(SLOT_NOTHING, SERVICE_AT);
    keep = true;
    expect(message_send(post_word(CALL), message) == 0, "the service masks it");
    fine(call_entry_make(SLOT_ACCOUNT, frame_new(), LINK).value, "entry_make");
    refuse(call_transfer_serve(LINK, CONTEXT, (uintptr_t)&setup).value, E_BUSY,
           "another entry for one that is at work");
    for (uint32_t slot = ENTRY; slot <= CALL; slot++) {
        memset(message, 0, sizeof(message));
        refuse(message_send(transfer_word(slot), message), E_AGAIN, "a masked activation");
        hold(message[2] == frame, "the context that holds it is named");
        refuse(message_send(post_word(slot), message), E_AGAIN, "a post to a masked activation");
        fine(call_yield(slot).value, "who waits gives it time");
    }
    keep = false;
    fine(call_yield(CALL).value, "and it unmasks");
    hold(context_told(CONTEXT).phase == CONTEXT_PARKED, "in what it was given");
    message[0] = ADD + 100;
    expect(message_send(transfer_word(CALL), message) == 0, "it is called again");
}

/* ---- those in the middle die ---- */

static void
base_run(struct worker *w)
{
    uint64_t message[MESSAGE_WORDS] = {NEST, 0};

    (void)w;
    result = message_send(transfer_word(LINK_CALL), message);
}

static void
links_make(void)
{
    for (uint32_t i = 0; i < LINKS; i++) {
        call_slot_clear(SLOT_SLOTS, LINK + i);
        call_slot_clear(SLOT_SLOTS, LINK_CALL + i);
        call_slot_clear(SLOT_SLOTS, LINK_CONTEXT + i);
        service_new(SLOT_ACCOUNT, SLOT_ENV, LINK + i, LINK_CONTEXT + i);
        weaken(LINK + i, RIGHT_RUN, LINK_CALL + i);
        told[i] = 1;
    }
    service_slices(LINK_CONTEXT + LINKS - 1, LINK_AT);
}

/* All between the first and the deepest die before any of them runs again. */
static void
unwinds(bool backward)
{
    uint32_t first = 0;

    links_make();
    keep = true;
    deepest = false;
    result = 1;
    worker_start(&caller, CALLER, 0, SLICE_NS, base_run);
    while (!deepest)
        call_yield(SLOT_NOTHING);
    for (uint32_t i = 1; i < LINKS - 1; i++)
        fine(call_context_stop(LINK_CONTEXT + (backward ? LINKS - 1 - i : i)).value,
             "context_stop");
    worker_join(&caller, "the base of the chain");
    while (first < LINKS && told[first] == 0) /* it went on before the next one died */
        first++;
    hold(result == 0 && told[first] == -E_OWNERDEAD && (backward || first == 0),
         "the first that lives is told");
    for (uint32_t i = first + 1; i < LINKS; i++)
        hold(told[i] == 1, "who died is told nothing");
    for (uint32_t i = 1; i < LINKS - 1; i++)
        expect(context_told(LINK_CONTEXT + i).phase == CONTEXT_STOPPED, "it is dead");
    expect(context_told(LINK_CONTEXT).phase == CONTEXT_PARKED, "the first is free");
    expect(context_told(LINK_CONTEXT + LINKS - 1).phase == CONTEXT_READY, "the deepest goes on");
    keep = false;
    turns_until_free(LINK_CONTEXT + LINKS - 1, "the deepest does not come to its return");
    say("those in the middle died, from %s", backward ? "behind" : "the front");
}

int
exo_main(const struct start_page *start)
{
    uint64_t frame;

    (void)start;
    stay_on(0);
    expect(call_slice_take(SLOT_ACCOUNT, 0, SERVICE_AT, 2).value == 2, "slice_take");
    frame = service_new(SLOT_ACCOUNT, SLOT_ENV, ENTRY, CONTEXT);
    weaken(ENTRY, RIGHT_RUN, CALL);
    passes();
    caller_pays();
    posted_pays();
    next_to_nothing_left();
    masked(frame);
    unwinds(false);
    unwinds(true);
    return done();
}
