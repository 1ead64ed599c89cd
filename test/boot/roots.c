/* SPDX-License-Identifier: MIT */
/*
 * roots.c - a context among several roots: context_root by the slot that allowed it last, which has
 * been closed, filled anew or revoked since; roots that are none, or no more; and the one that a
 * context stands on, taken from under it on this processor and on another.
 */
#include "test/boot/message.h"
#include "abi/account.h"
#include "abi/exposed.h"
#include "abi/slice.h"

enum { SLOT = 110, CELLS, CHILD, WORKER, ENTRY, CALLEE };
enum { POSITION = 7, OTHER_CPU = 1, ROOTS = 2, FREED = 60 };
enum { INTERRUPT_NS = 50 * 1000, INTERRUPTED = 10 };
enum { ROUNDS = 100, SEEN = 100, OTHER = 777, TRIES = 100000000 };

enum { OF_ACCOUNT = RIGHT_ALLOC | RIGHT_MAP | RIGHT_INSPECT };

static uint64_t home; /* the root we began on */

static int64_t
go(uint32_t slot, uint64_t root)
{
    return call_context_root(slot, root).value;
}

/* ---- roots on which all of ours stands where it is ---- */

static void
table_make(uint64_t frame, uint64_t level)
{
    fine(call_pt_make(SLOT_ACCOUNT, frame, level, frame_new()).value, "pt_make");
}

static uint64_t upper; /* the table of level 3 that all of them share */

static uint64_t
root_new(void)
{
    uint64_t root = frame_new();

    table_make(root, PT_LEVELS);
    fine(call_pt_link(SLOT_ACCOUNT, root, LIBRARY_VA, upper, 0).value, "pt_link");
    return root;
}

static void
upper_find(void)
{
    uint64_t link;

    fine(call_pt_read(SLOT_ACCOUNT, home, PT_LEVELS, LIBRARY_VA, (uintptr_t)&link, 1).value,
         "pt_read");
    expect(link & MAP_LINK, "our library hangs in our root");
    upper = (link & ~(uint64_t)MAP_LINK) >> FRAME_SHIFT;
}

static void
root_free(uint64_t root)
{
    int64_t r;

    do
        r = call_frame_free(SLOT_ACCOUNT, root, 1).value;
    while (r == -E_AGAIN);
    expect(r == 1, "a root that nobody stands on is freed");
}

/* ---- alone ---- */

/* Each root shows its own page at the same address. */
static void
changes(uint64_t root)
{
    uint64_t frame[ROOTS] = {frame_new(), frame_new()}, other = frame_new();
    volatile uint64_t *word = (volatile uint64_t *)SCRATCH_VA;
    uint64_t table = frame_new();

    page_at(SCRATCH_VA, frame[0], MAP_READ | MAP_WRITE);
    table_make(table, 3);
    fine(call_pt_link(SLOT_ACCOUNT, root, SCRATCH_VA, table, 0).value, "pt_link");
    for (uint64_t level = 2; level >= 1; level--) {
        table = frame_new();
        table_make(table, level);
        fine(call_pt_link(SLOT_ACCOUNT, root, SCRATCH_VA, table, 0).value, "pt_link");
    }
    fine(map_one(root, SCRATCH_VA, frame[1] << FRAME_SHIFT | MAP_READ | MAP_WRITE), "pt_map");
    for (uint64_t i = 1; i < ROUNDS; i++) {
        fine(go(SLOT_ACCOUNT, home), "context_root");
        expect(*word == i - 1, "what stands at home");
        *word = i;
        fine(go(SLOT_ACCOUNT, root), "context_root");
        expect(*word == 2 * (i - 1), "what stands there");
        *word = 2 * i;
    }
    fine(go(SLOT_ACCOUNT, home), "context_root");
    page_at(SCRATCH_VA, other, MAP_READ | MAP_WRITE);
    *word = OTHER;
    fine(map_one(root, SCRATCH_VA, other << FRAME_SHIFT | MAP_READ | MAP_WRITE), "pt_map");
    fine(go(SLOT_ACCOUNT, root), "context_root");
    hold(*word == OTHER, "a page that was taken while nobody stood there");
    fine(go(SLOT_ACCOUNT, home), "context_root");
}

/* By a slot that was good twice, and is changed then. */
static void
by_slot(uint64_t root)
{
    struct account_terms terms = {.name = 1, .limit_frames = 4};
    struct cap cap;

    weaken(SLOT_ACCOUNT, OF_ACCOUNT, SLOT);
    for (int i = 0; i < 3; i++)
        fine(go(SLOT, i % 2 ? home : root), "by a slot of its own");
    fine(call_slot_clear(SLOT_SLOTS, SLOT).value, "slot_clear");
    refuse(go(SLOT, home), E_BADF, "by a slot that was closed");
    weaken(SLOT_ACCOUNT, OF_ACCOUNT & ~(uint32_t)RIGHT_MAP, SLOT);
    refuse(go(SLOT, home), E_PERM, "by one without the right");
    fine(call_slot_clear(SLOT_SLOTS, SLOT).value, "slot_clear");
    weaken(SLOT_EVENTS, RIGHT_READ | RIGHT_POST, SLOT);
    refuse(go(SLOT, home), E_BADF, "by one of another kind");
    fine(call_slot_clear(SLOT_SLOTS, SLOT).value, "slot_clear");
    fine(call_account_make(SLOT_ACCOUNT, frame_new(), CHILD, (uintptr_t)&terms).value,
         "account_make");
    refuse(go(CHILD, home), E_PERM, "by an account that is not above ours");

    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), CELLS).value, "cells_make");
    fine(call_cap_grant(SLOT_ACCOUNT, CELLS, 1, OF_ACCOUNT, 0, (uintptr_t)&cap).value, "cap_grant");
    fine(call_cap_bind(SLOT_SLOTS, SLOT, (uintptr_t)&cap).value, "cap_bind");
    for (int i = 0; i < 3; i++)
        fine(go(SLOT, i % 2 ? root : home), "by what was granted");
    while (fine(call_cap_revoke(CELLS, 1).value, "cap_revoke"))
        ;
    refuse(go(SLOT, root), E_BADF, "by what was revoked");
    refuse(go(SLOTS_PER_TABLE, home), E_BADF, "by a slot beyond the last");
    refuse(go(~0u, home), E_BADF, "by none");
}

static void
no_roots(void)
{
    uint64_t frame = frame_new();

    for (int i = 0; i < 2; i++)
        fine(go(SLOT_ACCOUNT, home), "context_root");
    refuse(go(SLOT_ACCOUNT, frame), E_INVAL, "a plain frame");
    refuse(go(SLOT_ACCOUNT, upper), E_INVAL, "a table that is no root");
    refuse(go(SLOT_ACCOUNT, 0), E_PERM, "a frame of nobody's");
    for (uint64_t beyond = (uint64_t)1 << 30; beyond; beyond <<= 1)
        refuse(go(SLOT_ACCOUNT, home + beyond), E_PERM, "a frame beyond the last");
}

/* Where we stand stays, however we came and wherever we were meanwhile. */
static void
under_us(uint64_t root)
{
    for (int i = 0; i < 3; i++) {
        fine(go(SLOT_ACCOUNT, home), "context_root");
        fine(go(SLOT_ACCOUNT, root), "context_root");
        if (i == 1)
            fine(call_yield(SLOT_NOTHING).value, "yield");
        refuse(call_frame_free(SLOT_ACCOUNT, root, 1).value, E_BUSY, "freeing where we stand");
    }
    fine(go(SLOT_ACCOUNT, home), "context_root");
    root_free(root);
    refuse(go(SLOT_ACCOUNT, root), E_PERM, "a root that was freed");
    if (call_frame_alloc(SLOT_ACCOUNT, root, 1).value == 1)
        refuse(go(SLOT_ACCOUNT, root), E_INVAL, "a frame that was a root");
}

/* ---- in a transfer ---- */

enum deed { DO_GO, DO_GO_AND_STAY, DO_FREE };

/* Until a timer has interrupted us. */
static void
stay(void)
{
    uint64_t end = clock_ns() + (uint64_t)4 * INTERRUPT_NS;

    fine(call_deadline_set(clock_ns() + INTERRUPT_NS).value, "deadline_set");
    while (clock_ns() < end)
        ;
}

void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    (void)identity;
    (void)flags;
    enum deed deed = (enum deed)message[0];

    message[0] = (uint64_t)(deed == DO_FREE ? call_frame_free(SLOT_ACCOUNT, message[1], 1).value
                                            : go(SLOT_ACCOUNT, message[1]));
    if (deed == DO_GO_AND_STAY)
        stay();
}

static int64_t
ask(enum deed deed, uint64_t root)
{
    uint64_t message[MESSAGE_WORDS] = {deed, root};

    expect(message_send(transfer_word(ENTRY), message) == 0, "a transfer");
    return (int64_t)message[0];
}

/* Who waits for an answer stands where it stood, and so does an activation that waits for calls. */
static void
in_transfers(void)
{
    uint64_t ours = root_new(), theirs = root_new();

    stay_on(0); /* where the activation is */
    (void)service_new(SLOT_ACCOUNT, SLOT_ENV, ENTRY, CALLEE);
    entry_narrow(ENTRY);
    for (int i = 0; i < ROUNDS; i++) {
        fine(go(SLOT_ACCOUNT, home), "context_root");
        fine(go(SLOT_ACCOUNT, ours), "context_root");
        refuse(ask(DO_FREE, ours), E_BUSY, "freeing where the caller stands");
        refuse(call_frame_free(SLOT_ACCOUNT, ours, 1).value, E_BUSY, "freeing where we stand");
        fine(ask(i % INTERRUPTED ? DO_GO : DO_GO_AND_STAY, theirs), "context_root of a callee");
        refuse(call_frame_free(SLOT_ACCOUNT, theirs, 1).value, E_BUSY, "freeing where it stands");
        refuse(ask(DO_FREE, theirs), E_BUSY, "freeing where the callee stands");
        fine(ask(DO_GO, i % 2 ? ours : home), "context_root of a callee");
    }
    fine(go(SLOT_ACCOUNT, home), "context_root");
    root_free(theirs);
    refuse(call_frame_free(SLOT_ACCOUNT, ours, 1).value, E_BUSY, "freeing where a callee stands");
    fine(ask(DO_GO, home), "context_root of a callee");
    root_free(ours);
}

/* ---- beside another processor ---- */

static _Atomic uint64_t roots[ROOTS];
static volatile uint64_t rounds, refusals;

/* Runs without upcalls: the first fault ends it. */
static void
worker(void)
{
    for (uint64_t i = 0;; i++) {
        refusals += call_context_root(SLOT_ACCOUNT, roots[i % ROOTS]).value < 0;
        rounds = i;
    }
}

static void
worker_start(void)
{
    struct context_start start = {.rip = (uintptr_t)worker, .stop_slot = SLOT_NOTHING};

    start.rsp = (uintptr_t)page_new(MAP_READ | MAP_WRITE, NULL) + FRAME_BYTES - 8;
    start.vector_frame = frame_new();
    fine(call_slice_take(SLOT_ACCOUNT, OTHER_CPU, POSITION, 1).value, "slice_take");
    fine(call_context_make(SLOT_ENV, frame_new(), WORKER, (uintptr_t)&start).value, "context_make");
    fine(
        call_slice_set(SLOT_ACCOUNT, OTHER_CPU, POSITION, WORKER, SLOT_NOTHING, SLICE_MAX_NS).value,
        "slice_set");
}

static void
worker_lives(void)
{
    uint64_t before = rounds;

    for (uint64_t i = 0; rounds < before + 2; i++) {
        hold(context_told(WORKER).phase != CONTEXT_STOPPED, "a root ended under who stood on it");
        expect(i < TRIES, "the worker runs");
    }
}

/* Its memory is that of the root it stands on, though it went there without the kernel's lock. */
static void
seen_where_it_stands(void)
{
    uint64_t va = SCRATCH_VA + FRAME_BYTES, away = roots[0], word = 0;

    page_at(va, frame_new(), MAP_READ | MAP_WRITE);
    *(volatile uint64_t *)va = OTHER;
    for (uint64_t i = 0; i < SEEN; i++) {
        uint64_t at = i % 2 ? home : away;
        int64_t r;

        roots[0] = roots[1] = at;
        worker_lives(); /* it has gone there */
        r = call_context_peek(WORKER, va, (uintptr_t)&word, sizeof(word)).value;
        hold(at == home ? r == sizeof(word) && word == OTHER : r == -E_FAULT,
             "what is read is the memory of the root it stands on");
    }
    roots[0] = away;
}

static void
under_another(void)
{
    uint64_t freed = 0, busy = 0, spare;

    for (int i = 0; i < ROOTS; i++)
        roots[i] = root_new();
    spare = roots[1];
    worker_start();
    seen_where_it_stands();
    roots[1] = spare;
    while (freed < FREED || !busy) {
        uint64_t i = freed % ROOTS;
        int64_t r = call_frame_free(SLOT_ACCOUNT, roots[i], 1).value;

        worker_lives();
        busy += r == -E_BUSY;
        expect(r == 1 || r == -E_BUSY || r == -E_AGAIN, "frame_free");
        if (r != 1)
            continue;
        freed++;
        roots[i] = root_new();
        worker_lives();
    }
    say("%lu roots freed beside %lu switches, %lu times somebody stood there, %lu came too late",
        freed, rounds, busy, refusals);
    while (call_context_stop(WORKER).value == -E_INPROGRESS)
        ;
}

int
exo_main(const struct start_page *start)
{
    uint64_t root;

    home = start->root_frame;
    upper_find();
    root = root_new();
    changes(root);
    by_slot(root);
    no_roots();
    under_us(root);
    in_transfers();
    if (((const struct machine_page *)EXPOSED_MACHINE)->n_cpus > 1)
        under_another();
    return done();
}
