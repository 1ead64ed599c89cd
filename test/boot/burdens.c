/* SPDX-License-Identifier: MIT */
/*
 * burdens.c - what ends, is taken or looked at while as much hangs on it as may: bench/stretch.py
 * measures how long the kernel runs at a stretch meanwhile (docs/bounds.md). Here it is shown that
 * all of it comes to its end, however many calls that takes.
 */
#include "abi/account.h"
#include "abi/event.h"
#include "abi/slice.h"
#include "test/boot/message.h"
#include "test/boot/workers.h"

enum {
    CELLS = 20, /* slots */
    FOREIGN,    /* the deepest account, with MAP and PIN */
    SPARE,
    LINE,                          /* accounts, each below the one before */
    DEPTH = ACCOUNT_DEPTH_MAX - 2, /* below ours, as deep as there are */
    DEEP = LINE + DEPTH - 1,
    EVENTS = 40, /* WINDOWS of them */
    WINDOWS = 32,
    WORKER = 80,
    LINK, /* LINKS entries, each called by the activation of the one before */
    LINKS = 36,
    PAGES = 2,
    EACH = 8, /* pins of a frame */
    BATCH = FRAME_BATCH_MAX,
    POSITIONS = 700, /* from here on */
    FIRST = 60,
    RING = 7, /* counters */
    NEVER,
    WORDS_FRAMES = WAIT_CLAUSES_MAX,
    STACK_BYTES = 2048,
    TABLES = 3,
};

static const uint64_t PATIENCE_NS = 20000000000, SLICE_NS = 1000000;

static uint64_t line_frame;

static void
until(int64_t (*step)(void), const char *what)
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    for (int64_t r; (r = step()) != 0;) {
        expect(r == -E_AGAIN || r > 0, what);
        hold(clock_ns() < end, what);
    }
}

/* ---- accounts, one below the other, each with a page ---- */

static int64_t
line_destroyed(void)
{
    return call_account_destroy(LINE).value;
}

static void
line_begin(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = ACCOUNT_NO_LIMIT, .n_pages = PAGES};
    uint32_t parent = SLOT_ACCOUNT;

    for (uint32_t i = 0; i < DEPTH; parent = LINE + i++) {
        struct pool pool = pool_of(parent);
        uint64_t frame = frame_of_account(parent);
        fine(pool_take_run(&pool, PAGES, &terms.page_frame), "frames");
        call_slot_clear(SLOT_SLOTS, LINE + i);
        fine(call_account_make(parent, frame, LINE + i, (uintptr_t)&terms).value, "account_make");
        line_frame = i ? line_frame : frame;
    }
}

static void
line_end(void)
{
    until(line_destroyed, "a line of accounts ends");
    while (call_frame_free(SLOT_ACCOUNT, line_frame, 1).value == -E_AGAIN)
        ;
}

/* n frames of an account's that follow each other. */
static uint64_t
frames_of(uint32_t account, uint64_t n)
{
    struct pool pool = pool_of(account);
    uint64_t first;

    fine(pool_take_run(&pool, n, &first), "frames");
    return first;
}

/* In batches as large as there are; what is left when one call frees some. */
static void
freed(uint64_t first, uint64_t n)
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    for (int64_t r; n; first += r > 0 ? (uint64_t)r : 0, n -= r > 0 ? (uint64_t)r : 0) {
        r = call_frame_free(SLOT_ACCOUNT, first, n < BATCH ? n : BATCH).value;
        expect(r > 0 || r == -E_AGAIN, "frame_free");
        hold(clock_ns() < end, "all is freed");
    }
}

/* ---- objects with all that may hang on them ---- */

static void
tables_of_slots(uint32_t account)
{
    uint64_t first = frames_of(account, BATCH);
    struct cap cap = cap_of(SLOT_EVENTS, RIGHT_READ);

    for (uint64_t i = 0; i < BATCH; i++) {
        call_slot_clear(SLOT_SLOTS, SPARE);
        fine(call_slots_make(account, first + i, SPARE).value, "slots_make");
        for (uint64_t k = 0; k < SLOTS_PER_TABLE; k++)
            fine(call_cap_bind(SPARE, k, (uintptr_t)&cap).value, "cap_bind");
    }
    if (account == SLOT_ACCOUNT)
        freed(first, BATCH);
}

static void
entries(uint32_t account)
{
    uint64_t first = frames_of(account, BATCH);

    for (uint64_t i = 0; i < BATCH; i++) {
        call_slot_clear(SLOT_SLOTS, SPARE);
        fine(call_entry_make(account, first + i, SPARE).value, "entry_make");
    }
    if (account == SLOT_ACCOUNT)
        freed(first, BATCH);
}

static void
counters(uint32_t account)
{
    uint64_t first = frames_of(account, BATCH), shown = frames_of(account, BATCH / EACH);

    for (uint64_t i = 0; i < BATCH; i++) {
        call_slot_clear(SLOT_SLOTS, SPARE);
        fine(call_events_make(account, first + i, SPARE).value, "events_make");
        fine(call_event_window(SPARE, account, shown + i / EACH, RING).value, "event_window");
    }
    if (account != SLOT_ACCOUNT)
        return;
    freed(first, BATCH);
    freed(shown, BATCH / EACH);
}

/* Each with a page, as deep as there are. */
static void
accounts(uint32_t parent)
{
    struct account_terms terms = {.limit_frames = ACCOUNT_NO_LIMIT, .n_pages = 1};
    uint64_t first = frames_of(parent, BATCH), page = frames_of(parent, BATCH);

    for (uint64_t i = 0; i < BATCH; i++) {
        terms.name = 100 + i;
        terms.page_frame = page + i;
        call_slot_clear(SLOT_SLOTS, SPARE);
        fine(call_account_make(parent, first + i, SPARE, (uintptr_t)&terms).value, "account_make");
    }
}

/* Each entry of a table names the same frame, or the same table. */
static void
full_tables(uint32_t account)
{
    static uint64_t entry[PT_ENTRIES];
    uint64_t first = frames_of(account, TABLES), above = frame_of_account(account);
    uint64_t plain = frame_of_account(account);

    for (uint64_t i = 0; i < PT_ENTRIES; i++)
        entry[i] = plain << FRAME_SHIFT | MAP_READ;
    for (uint64_t i = 0; i < TABLES; i++) {
        fine(call_pt_make(account, first + i, 1, frame_of_account(account)).value, "pt_make");
        for (uint64_t n = 0; n < PT_ENTRIES;)
            n += (uint64_t)fine(call_pt_map(account, first + i, 1, n << FRAME_SHIFT,
                                            (uintptr_t)(entry + n), PT_ENTRIES - n, account)
                                    .value,
                                "pt_map");
    }
    if (account == SLOT_ACCOUNT) {
        freed(first, TABLES);
        return;
    }
    fine(call_pt_make(account, above, 2, frame_of_account(account)).value, "pt_make");
    for (uint64_t i = 0; i < PT_ENTRIES; i++)
        fine(call_pt_link(account, above, i << (FRAME_SHIFT + 9), first, 0).value, "pt_link");
}

/* By turns of two accounts far below: each change of owner is a discharge of its own. */
static void
by_turns(void)
{
    uint64_t first = frames_of(SLOT_ACCOUNT, BATCH);

    for (uint64_t i = 0; i < BATCH; i++)
        fine(call_frame_pass(SLOT_ACCOUNT, first + i, 1, i % 2 ? DEEP : DEEP - 1).value,
             "frame_pass");
    freed(first, BATCH);
}

static void
large(void)
{
    uint64_t first = frames_aligned_new(), end = clock_ns() + PATIENCE_NS;
    int64_t r;

    while ((r = call_frame_join(SLOT_ACCOUNT, first, 1).value) == -E_AGAIN)
        ;
    fine(r, "frame_join");
    fine(call_frame_pass(SLOT_ACCOUNT, first, PT_ENTRIES, DEEP).value, "frame_pass");
    r = fine(call_account_revoke(LINE, ACCOUNT_FRAMES, BATCH, 1).value, "account_revoke");
    while (r > 0) {
        r = fine(call_account_revoke(LINE, ACCOUNT_FRAMES, 0, 0).value, "going on");
        hold(clock_ns() < end, "parts of a large frame are taken");
    }
}

static void
objects(void)
{
    static void (*const kinds[])(uint32_t) = {tables_of_slots, entries, counters, full_tables};

    for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        kinds[i](SLOT_ACCOUNT);
        line_begin();
        kinds[i](DEEP);
        line_end();
    }
    line_begin();
    accounts(DEEP - 1);
    line_end();
    line_begin();
    by_turns();
    large();
    line_end();
}

/* ---- those who are told ---- */

/* They have upcalls, and sleep on the most that one may: to tell one is to wake it. */
struct told {
    uint64_t number, frame, page;
    uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));
};
static struct told told[WINDOWS];
static uint64_t asleep;

static void
sleep_for_ever(void)
{
    struct wait_clause clause[WAIT_CLAUSES_MAX];

    for (uint32_t i = 0; i < WAIT_CLAUSES_MAX; i++)
        clause[i] = (struct wait_clause){EVENTS + i % WINDOWS, WAIT_EVENT, NEVER, 0};
    for (;;)
        call_wait((uintptr_t)clause, WAIT_CLAUSES_MAX);
}

static void
told_body(struct told *t)
{
    uint64_t entry = (uintptr_t)sleep_for_ever, top = (uintptr_t)t->stack + STACK_BYTES - 8;
    struct upcall_setup setup = {.frame = t->page,
                                 .entry = {entry, entry, entry},
                                 .stack = {top, top, top, top},
                                 .event_mask = (uint64_t)1 << RING,
                                 .events_slot = EVENTS + (uint32_t)t->number};

    setup.va = (uintptr_t)SCRATCH_VA;
    setup.entry[UPCALL_EVENT] = setup.entry[UPCALL_FOREIGN] = entry;
    if (call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&setup).value < 0)
        call_context_exit(1);
    __atomic_fetch_add(&asleep, 1, __ATOMIC_SEQ_CST);
    sleep_for_ever();
}

static void
told_begin(void)
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    for (uint32_t i = 0; i < WINDOWS; i++) {
        struct told *t = &told[i];
        struct context_start start = {.rip = (uintptr_t)told_body,
                                      .rsp = (uintptr_t)t->stack + STACK_BYTES - 8,
                                      .rdi = (uintptr_t)t,
                                      .stop_slot = SLOT_NOTHING};
        *t = (struct told){.number = i, .frame = frame_new(), .page = frame_new()};
        start.vector_frame = frame_new();
        call_slot_clear(SLOT_SLOTS, WORKER);
        fine(call_context_make(SLOT_ENV, t->frame, WORKER, (uintptr_t)&start).value,
             "context_make");
        fine(call_slice_set(SLOT_ACCOUNT, 0, FIRST + i, WORKER, SLOT_NOTHING, SLICE_NS).value,
             "slice_set");
    }
    while (__atomic_load_n(&asleep, __ATOMIC_SEQ_CST) < WINDOWS) {
        hold(clock_ns() < end, "those who are to be told sleep");
        call_yield(SLOT_NOTHING);
    }
    for (uint32_t i = 0; i < 2 * WINDOWS; i++)
        call_yield(SLOT_NOTHING);
}

static void
granted(void)
{
    struct cap cap;

    call_slot_clear(SLOT_SLOTS, FOREIGN);
    fine(call_cap_grant(DEEP, CELLS, 1, RIGHT_MAP | RIGHT_PIN, 0, (uintptr_t)&cap).value,
         "cap_grant");
    fine(call_cap_bind(SLOT_SLOTS, FOREIGN, (uintptr_t)&cap).value, "cap_bind");
}

/* EACH a frame; they sleep again by then. */
static uint64_t
pinned(void)
{
    uint64_t frame = 0;

    for (uint32_t i = 0; i < 4 * WINDOWS; i++)
        call_yield(SLOT_NOTHING);
    for (uint32_t i = 0; i < WINDOWS; i++) {
        frame = i % EACH ? frame : frame_of_account(DEEP);
        fine(call_event_window(EVENTS + i, FOREIGN, frame, RING).value, "event_window");
    }
    return frame;
}

static uint64_t
lost(void)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < WINDOWS; i++)
        n += (uint64_t)fine(call_event_read(EVENTS + i, RING).value, "event_read");
    return n;
}

static int64_t
revoked(void)
{
    return call_cap_revoke(CELLS, 1).value;
}

/* All who are told that a frame is lost sleep, and each loss tells another. */
static void
pins(void)
{
    uint64_t before = lost(), n;

    line_begin();
    granted();
    (void)pinned();
    until(revoked, "cap_revoke");
    hold(lost() == before + WINDOWS, "each window fell with its right, and said so");
    granted();
    fine(call_frame_break(SLOT_ACCOUNT, pinned()).value, "frame_break");
    hold(lost() == before + WINDOWS + EACH, "all windows of a frame are detached by one call");
    for (uint32_t i = 0; i < WINDOWS - EACH; i++)
        fine(call_event_window(EVENTS + i, FOREIGN, 0, 0).value, "event_window");
    (void)pinned();
    n = (uint64_t)fine(
        call_account_revoke(DEEP, ACCOUNT_FRAMES, account_told(DEEP).count[0].held, 1).value,
        "account_revoke");
    for (uint64_t end = clock_ns() + PATIENCE_NS; n > 0;) {
        n = (uint64_t)fine(call_account_revoke(DEEP, ACCOUNT_FRAMES, 0, 0).value, "going on");
        if (account_told(DEEP).dying)
            break;
        hold(clock_ns() < end, "pinned frames are taken");
    }
    line_end();
    hold(lost() == before + WINDOWS + WINDOWS + EACH,
         "each window of a frame that is taken says so");
}

/* ---- positions ---- */

static void
sleep_on_words(struct worker *w)
{
    struct wait_clause clause[WAIT_CLAUSES_MAX];
    uint64_t frame = frames_of(SLOT_ACCOUNT, WORDS_FRAMES);

    (void)w;
    for (uint32_t i = 0; i < WAIT_CLAUSES_MAX; i++)
        clause[i] = (struct wait_clause){SLOT_ACCOUNT, WAIT_WORD, (frame + i) << FRAME_SHIFT, 0};
    for (;;)
        call_wait((uintptr_t)clause, WAIT_CLAUSES_MAX);
}

static struct worker sleeper;

static void
name_everywhere(uint32_t account, uint32_t first, uint32_t second, uint64_t from, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        fine(call_slice_set(account, 0, from + i, first, second, SLICE_NS).value, "slice_set");
}

static void
nap(void)
{
    clock_sleep_until(clock_ns() + SLICE_NS);
    call_yield(SLOT_NOTHING);
}

static void
positions_take(uint32_t account, uint64_t n)
{
    for (uint64_t at = POSITIONS - n; at < POSITIONS;)
        at += (uint64_t)fine(
            call_slice_take(account, 0, at,
                            POSITIONS - at < SLICE_BATCH_MAX ? POSITIONS - at : SLICE_BATCH_MAX)
                .value,
            "slice_take");
}

static void
positions_give(uint32_t account, uint64_t n)
{
    for (uint64_t at = POSITIONS - n; at < POSITIONS;)
        at += (uint64_t)fine(
            call_slice_give(account, 0, at,
                            POSITIONS - at < SLICE_BATCH_MAX ? POSITIONS - at : SLICE_BATCH_MAX)
                .value,
            "slice_give");
}

/* A vector full of one who sleeps; whoever else runs is found behind. */
static void
positions(void)
{
    uint64_t n = POSITIONS - FIRST - WINDOWS;

    line_begin();
    positions_take(DEEP, n);
    worker_start(&sleeper, WORKER, 0, SLICE_NS, sleep_on_words);
    while (worker_phase(&sleeper, NULL) != CONTEXT_WAITING)
        call_yield(SLOT_NOTHING);
    name_everywhere(DEEP, WORKER, WORKER, POSITIONS - n, n);
    nap();
    positions_give(DEEP, n);
    positions_take(DEEP, n);
    name_everywhere(DEEP, WORKER, WORKER, POSITIONS - n, n);
    line_end();
    positions_take(SLOT_ACCOUNT, n);
    name_everywhere(SLOT_ACCOUNT, WORKER, WORKER, POSITIONS - n, n);
    nap();
    call_context_stop(WORKER);
    freed(sleeper.frame, 1);
    positions_give(SLOT_ACCOUNT, n);
}

/* ---- a chain of calls, whose top sleeps ---- */

static uint64_t link_frame[LINKS];
static volatile bool reached;
static struct worker base;

void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    struct wait_clause clause = {EVENTS, WAIT_EVENT, NEVER, 0};

    (void)identity;
    (void)flags;
    if (++message[0] < LINKS) {
        (void)message_send(transfer_word(LINK + message[0]), message);
        return;
    }
    reached = true;
    for (;;)
        call_wait((uintptr_t)&clause, 1);
}

static void
call_through(struct worker *w)
{
    uint64_t message[MESSAGE_WORDS] = {0};

    (void)w;
    (void)message_send(transfer_word(LINK), message);
}

/* A vector full of the one at its bottom: each look goes to its top. Then it ends, link by link. */
static void
chain(void)
{
    uint64_t n = POSITIONS - FIRST - WINDOWS, end = clock_ns() + PATIENCE_NS;

    for (uint32_t i = 0; i < LINKS; i++) {
        call_slot_clear(SLOT_SLOTS, SPARE);
        link_frame[i] = service_new(SLOT_ACCOUNT, SLOT_ENV, LINK + i, SPARE);
    }
    worker_start(&base, WORKER, 0, SLICE_NS, call_through);
    while (!reached) {
        expect(clock_ns() < end, "a chain of calls");
        call_yield(SLOT_NOTHING);
    }
    positions_take(SLOT_ACCOUNT, n);
    name_everywhere(SLOT_ACCOUNT, WORKER, WORKER, POSITIONS - n, n);
    nap();
    fine(call_context_stop(WORKER).value, "context_stop");
    for (uint32_t i = 0; i < LINKS; i++)
        freed(link_frame[i], 1);
    freed(base.frame, 1);
    positions_give(SLOT_ACCOUNT, n);
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    stay_on(0);
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), CELLS).value, "cells_make");
    fine(call_slice_take(SLOT_ACCOUNT, 0, FIRST, WINDOWS).value, "slice_take");
    for (uint32_t i = 0; i < WINDOWS; i++)
        fine(call_events_make(SLOT_ACCOUNT, frame_new(), EVENTS + i).value, "events_make");
    objects();
    positions();
    chain();
    told_begin();
    pins();
    return done();
}
