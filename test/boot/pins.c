/* SPDX-License-Identifier: MIT */
/*
 * pins.c - lasting uses of frames: a window of event counters, of our own frame and of another
 * account's, which needs a right; detached and said when the frame is taken, broken, or its account
 * or the right ends. Who sleeps on a word of a frame that is taken is woken with an error.
 */
#include "abi/account.h"
#include "abi/event.h"
#include "test/boot/kit.h"
#include "test/boot/workers.h"

enum {
    CHILD = 90, /* slots */
    FOREIGN,    /* the child's account, with MAP and PIN */
    BLIND,      /* and with MAP alone */
    EVENTS,
    WORKER,
    CELLS,
    CROWD,
    TELLS = 7, /* the counter that is raised when a window is lost */
    OTHER,
    POSTS = 5,
    LIMIT = 40,
    FULL = 40, /* more pins than a frame takes, and than a call lets fall */
    EACH = 8,  /* as many as a frame takes */
};

static const uint64_t PATIENCE_NS = 5000000000;

static uint64_t child_frame, cells_frame, n_child;

static int64_t
window(uint32_t account, uint64_t frame)
{
    return call_event_window(EVENTS, account, frame, TELLS).value;
}

static uint64_t
told(void)
{
    return (uint64_t)call_event_read(EVENTS, TELLS).value;
}

static void
post(void)
{
    fine(call_event_post(EVENTS, OTHER, 1).value, "event_post");
}

static void
bound(uint32_t into, uint64_t index, uint32_t rights)
{
    struct cap cap;

    call_slot_clear(SLOT_SLOTS, into);
    fine(call_cap_grant(CHILD, CELLS, index, rights, 0, (uintptr_t)&cap).value, "cap_grant");
    fine(call_cap_bind(SLOT_SLOTS, into, (uintptr_t)&cap).value, "cap_bind");
}

static void
child_begin(void)
{
    struct account_terms terms = {.name = 70 + n_child++, .limit_frames = LIMIT};

    child_frame = frame_new();
    cells_frame = frame_new();
    call_slot_clear(SLOT_SLOTS, CHILD);
    call_slot_clear(SLOT_SLOTS, CELLS);
    fine(call_account_make(SLOT_ACCOUNT, child_frame, CHILD, (uintptr_t)&terms).value,
         "account_make");
    fine(call_cells_make(SLOT_ACCOUNT, cells_frame, CELLS).value, "cells_make");
    bound(FOREIGN, 1, RIGHT_MAP | RIGHT_PIN);
    bound(BLIND, 2, RIGHT_MAP);
}

static void
child_end(void)
{
    while (fine(call_account_destroy(CHILD).value, "account_destroy") > 0)
        ;
    while (call_frame_free(SLOT_ACCOUNT, child_frame, 1).value == -E_AGAIN)
        ;
    while (call_frame_free(SLOT_ACCOUNT, cells_frame, 1).value == -E_AGAIN)
        ;
}

static uint64_t
pins_charged(void)
{
    return account_told(SLOT_ACCOUNT).count[ACCOUNT_PINS].used;
}

/* Counters are read without a call. */
static void
ours(void)
{
    uint64_t frame, before = pins_charged();
    const volatile uint64_t *shown = page_new(MAP_READ | MAP_WRITE, &frame);
    struct frame_state f;

    refuse(window(SLOT_ACCOUNT, 0), E_NOENT, "ending a window that is not there");
    refuse(window(SLOT_ACCOUNT, exo_start_page->root_frame), E_INVAL, "a window in a page table");
    refuse(window(SLOT_ACCOUNT, 1), E_PERM, "a window in another's frame");
    refuse(window(SLOT_EVENTS, frame), E_BADF, "a window under no account");
    refuse(call_event_window(EVENTS, SLOT_ACCOUNT, frame, EVENTS_PER_FRAME).value, E_INVAL,
           "a counter that is not there");
    post();
    fine(window(SLOT_ACCOUNT, frame), "event_window");
    refuse(window(SLOT_ACCOUNT, frame), E_EXIST, "a second window");
    hold(pins_charged() == before + 1, "it is charged");
    for (uint64_t i = 1; i <= POSTS; i++, post())
        hold(shown[OTHER] == i && shown[TELLS] == 0, "it shows the counters");
    fine(call_frame_read(SLOT_ACCOUNT, frame, 1, (uintptr_t)&f).value, "frame_read");
    hold(f.pins == 1, "the frame is pinned");
    fine(call_pt_unmap(SLOT_ACCOUNT, exo_start_page->root_frame, 0, (uintptr_t)shown, 1).value,
         "pt_unmap");
    refuse(call_frame_free(SLOT_ACCOUNT, frame, 1).value, E_BUSY, "freeing a pinned frame");
    fine(call_frame_break(SLOT_ACCOUNT, frame).value, "frame_break");
    hold(told() == 1 && pins_charged() == before, "breaking it detaches the window, and says so");
    fine(window(SLOT_ACCOUNT, frame), "event_window");
    fine(window(SLOT_ACCOUNT, 0), "ending it");
    hold(told() == 1, "which is no loss");
    while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        ;
}

/* A frame takes only so many. */
static void
full(void)
{
    static uint64_t events[FULL];
    uint64_t frame = frame_new(), n = 0;
    int64_t r = 0;

    for (; n < FULL && r == 0; n++) {
        events[n] = frame_new();
        call_slot_clear(SLOT_SLOTS, CELLS);
        fine(call_events_make(SLOT_ACCOUNT, events[n], CELLS).value, "events_make");
        r = call_event_window(CELLS, SLOT_ACCOUNT, frame, 0).value;
    }
    refuse(r, E_NOSPC, "more pins than a frame takes");
    while (n-- > 0)
        fine(call_frame_free(SLOT_ACCOUNT, events[n], 1).value, "events end with their window");
    while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        ;
}

static void
take(uint64_t frame)
{
    struct frame_state f;
    uint64_t end = clock_ns() + PATIENCE_NS;

    fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, 1, 1).value, "account_revoke");
    while (call_frame_read(CHILD, frame, 1, (uintptr_t)&f).value == 1) {
        fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, 0, 0).value, "going on");
        hold(clock_ns() < end, "a frame that another account has pinned is taken");
    }
}

/* Another account's frame: by a right; gone with the right, the frame or the account. */
static bool
foreign(void)
{
    uint64_t before = told(), frame;
    bool ours_again;

    child_begin();
    frame = frame_of_account(CHILD);
    refuse(window(BLIND, frame), E_PERM, "pinning another's frame without the right");
    fine(window(FOREIGN, frame), "pinning another's frame");
    while (call_cap_revoke(CELLS, 1).value == -E_AGAIN)
        ;
    hold(told() == before + 1, "it is detached when the right is revoked, and says so");
    bound(FOREIGN, 1, RIGHT_MAP | RIGHT_PIN);
    fine(window(FOREIGN, frame), "pinning it again");
    take(frame);
    hold(told() == before + 2, "it is detached when the frame is taken");
    ours_again = frame_again(frame);
    if (ours_again) {
        page_at(SCRATCH_VA, frame, MAP_READ);
        post();
        for (uint64_t i = 0; i < FRAME_BYTES / 8; i++)
            hold(((const volatile uint64_t *)SCRATCH_VA)[i] == 0, "and nobody writes there");
        fine(call_pt_unmap(SLOT_ACCOUNT, exo_start_page->root_frame, 0, SCRATCH_VA, 1).value,
             "pt_unmap");
        call_frame_free(SLOT_ACCOUNT, frame, 1);
    }
    frame = frame_of_account(CHILD);
    fine(window(FOREIGN, frame), "pinning another");
    child_end();
    hold(told() == before + 3, "it is detached when the account ends");
    refuse(window(SLOT_ACCOUNT, 0), E_NOENT, "there is none");
    return ours_again;
}

/* Each that falls tells who waits: a bounded number of them in a call. */
static void
crowd(void)
{
    static uint64_t events[FULL];
    uint64_t frame = 0, calls = 1;

    child_begin();
    for (uint32_t n = 0; n < FULL; n++) {
        frame = n % EACH ? frame : frame_of_account(CHILD);
        events[n] = frame_new();
        call_slot_clear(SLOT_SLOTS, CROWD);
        fine(call_events_make(SLOT_ACCOUNT, events[n], CROWD).value, "events_make");
        fine(call_event_window(CROWD, FOREIGN, frame, 0).value, "one window of many");
    }
    while (call_cap_revoke(CELLS, 1).value == -E_AGAIN)
        calls++;
    hold(calls > 2, "a call lets a bounded number of windows fall");
    for (uint32_t n = 0; n < FULL; n++)
        fine(call_frame_free(SLOT_ACCOUNT, events[n], 1).value, "events end");
    child_end();
}

static struct worker sleeper;
static volatile uint64_t word_frame;
static volatile int64_t answer;

static void
sleep_on_word(struct worker *w)
{
    struct wait_clause clause = {FOREIGN, WAIT_WORD, word_frame << FRAME_SHIFT, 0};

    (void)w;
    answer = call_wait((uintptr_t)&clause, 1).value;
}

static void
sleepers(bool freed)
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    child_begin();
    word_frame = frame_of_account(CHILD);
    answer = 1;
    worker_start(&sleeper, WORKER, cpu_count() - 1, 1000000, sleep_on_word);
    while (worker_phase(&sleeper, NULL) != CONTEXT_WAITING) {
        hold(clock_ns() < end, "it sleeps");
        call_yield(SLOT_NOTHING);
    }
    refuse(call_slots_make(CHILD, word_frame, CROWD).value, E_BUSY, "making it an object");
    refuse(call_frame_pass(CHILD, word_frame, 1, CHILD).value, E_BUSY, "passing it");
    if (freed)
        while (call_frame_free(CHILD, word_frame, 1).value == -E_AGAIN)
            ;
    else
        take(word_frame);
    worker_join(&sleeper, "woken when the frame is taken, or freed");
    hold(answer == -E_PERM, "with an error");
    child_end();
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    fine(call_events_make(SLOT_ACCOUNT, frame_new(), EVENTS).value, "events_make");
    ours();
    full();
    crowd();
    until_quiet(foreign, "a frame that was taken");
    sleepers(false);
    sleepers(true);
    return done();
}
