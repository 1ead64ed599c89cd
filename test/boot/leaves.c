/* SPDX-License-Identifier: MIT */
/*
 * leaves.c - what was bound by a right ends with it, though its use asks nobody: who is told by
 * counters, the counter that a context's end raises, positions of accounts that are no owners of
 * the context which they name. What was bound by another right stays. And strangers leave places
 * for the owner of counters.
 */
#include "abi/event.h"
#include "abi/slice.h"
#include "abi/transfer.h"
#include "test/boot/workers.h"

enum {
    CELLS = 30, /* slots */
    FIRST,      /* cell 1 */
    OTHER,      /* cell 2 */
    BELOW,      /* cell 3, granted from FIRST */
    EVENTS,
    CHILD,
    JOINER,
    NAMED,
    ENDING, /* a frame of cells that ends */
    ENTRY,
    COUNTER = 3,
    POSITION = 600,
    OURS = 650,
    CHILD_FRAMES = 100,
    STACK_BYTES = 8192,
    PLACES = 16, /* EVENTS_CONTEXTS_MAX of the kernel, half of them for the counters' own */
    MANY = 500,
    SLICE_NS = 1000 * 1000,
    LONG_NS = 500 * 1000 * 1000, /* on a processor that is not ours */
};

static const uint64_t PATIENCE_NS = 20000000000, STILL_NS = 20000000;

static uint64_t cells_frame, events_frame, child_frame;
static const volatile struct account_page *ring; /* of the child */

/* ---- rights ---- */

static void
bind(uint32_t from, uint32_t cells, uint32_t index, uint32_t rights, uint32_t into)
{
    struct cap cap;

    call_slot_clear(SLOT_SLOTS, into);
    fine(call_cap_grant(from, cells, index, rights | RIGHT_GRANT, 0, (uintptr_t)&cap).value,
         "cap_grant");
    fine(call_cap_bind(SLOT_SLOTS, into, (uintptr_t)&cap).value, "cap_bind");
}

static uint32_t
revoke(uint32_t cell)
{
    uint32_t n = 1;

    while (call_cap_revoke(CELLS, cell).value == -E_AGAIN)
        n++;
    return n;
}

static void
end(uint64_t frame)
{
    int64_t r;

    while ((r = call_frame_free(SLOT_ACCOUNT, frame, 1).value) == -E_AGAIN)
        ;
    fine(r, "frame_free");
}

/* Two rights to what a slot names, and one below the first. */
static void
rights(uint32_t from, uint32_t rights)
{
    revoke(1);
    revoke(2);
    bind(from, CELLS, 1, rights, FIRST);
    bind(from, CELLS, 2, rights, OTHER);
    bind(FIRST, CELLS, 3, rights, BELOW);
}

static void
events_new(void)
{
    call_slot_clear(SLOT_SLOTS, EVENTS);
    events_frame = frame_new();
    fine(call_events_make(SLOT_ACCOUNT, events_frame, EVENTS).value, "events_make");
}

static void
child_begin(void)
{
    static uint64_t name = 60;
    struct account_terms terms = {.name = name, .limit_frames = CHILD_FRAMES, .n_pages = 1};

    name++;
    terms.page_frame = frame_new();
    call_slot_clear(SLOT_SLOTS, CHILD);
    child_frame = frame_new();
    fine(call_account_make(SLOT_ACCOUNT, child_frame, CHILD, (uintptr_t)&terms).value,
         "account_make");
    ring = (const volatile struct account_page *)room_take(1);
    fine(space_map_run(&exo_space, (uintptr_t)ring, terms.page_frame, 1, MAP_READ, CHILD),
         "its page");
}

static void
child_end(void)
{
    fine(space_unmap(&exo_space, (uintptr_t)ring, 1), "unmap");
    while (fine(call_account_destroy(CHILD).value, "account_destroy") > 0)
        ;
}

/* ---- who is told by counters ---- */

/* A context that registers an upcall page for them, with no entry for events, and sleeps then. */
struct joiner {
    struct upcall_setup setup;
    uint64_t frame, vector_frame;
    volatile struct upcall_page *page;
    volatile int64_t result;
    bool sleeps;
};

static uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));

static _Noreturn void
join(struct joiner *j)
{
    j->result = call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&j->setup).value;
    if (j->sleeps)
        call_wait(0, 0);
    for (;;)
        call_yield(SLOT_NOTHING);
}

static void
joiner_run(struct joiner *j)
{
    uint64_t until = clock_ns() + PATIENCE_NS;

    fine(call_slice_set(SLOT_ACCOUNT, 0, OURS, JOINER, SLOT_NOTHING, SLICE_NS).value, "slice_set");
    while (j->result > 0 || (j->sleeps && context_told(JOINER).phase != CONTEXT_WAITING)) {
        expect(clock_ns() < until, "a context that registers runs");
        call_yield(SLOT_NOTHING);
    }
    fine(call_slice_set(SLOT_ACCOUNT, 0, OURS, SLOT_NOTHING, SLOT_NOTHING, SLICE_NS).value,
         "slice_set");
    while (context_told(JOINER).phase !=
           (j->sleeps ? CONTEXT_WAITING : CONTEXT_READY)) /* it is off its processor by then */
        call_yield(SLOT_NOTHING);
}

/* What its upcalls_set gives; it is an account's, in our environment. */
static int64_t
joins(struct joiner *j, uint32_t account, uint32_t events)
{
    struct context_start start = {.rip = (uintptr_t)join,
                                  .rsp = (uintptr_t)stack + STACK_BYTES - 8,
                                  .rdi = (uintptr_t)j,
                                  .stop_slot = SLOT_NOTHING};

    start.vector_frame = j->vector_frame = frame_of_account(account);
    j->frame = frame_of_account(account);
    j->setup = (struct upcall_setup){.frame = frame_of_account(account),
                                     .va = room_take(1),
                                     .event_mask = (uint64_t)1 << COUNTER,
                                     .events_slot = events};
    for (int i = 0; i <= UPCALL_FOREIGN; i++)
        j->setup.entry[i] = (uintptr_t)join;
    page_at(j->setup.va, j->setup.frame, MAP_READ | MAP_WRITE);
    j->page = (volatile struct upcall_page *)j->setup.va;
    j->result = 1;
    call_slot_clear(SLOT_SLOTS, JOINER);
    fine(call_context_make(SLOT_ENV, j->frame, JOINER, (uintptr_t)&start).value, "context_make");
    joiner_run(j);
    return j->result;
}

static void
joiner_end(struct joiner *j)
{
    fine(call_pt_unmap(SLOT_ACCOUNT, exo_start_page->root_frame, 0, j->setup.va, 1).value,
         "pt_unmap");
    end(j->frame);
    end(j->vector_frame);
    end(j->setup.frame);
}

/* Is it told of one more? */
static bool
is_told(struct joiner *j)
{
    j->page->pending = 0;
    fine(call_event_post(EVENTS, COUNTER, 1).value, "event_post");
    return j->page->pending >> UPCALL_EVENT & 1;
}

static struct joiner *
joined(uint32_t by)
{
    static struct joiner joiner;

    events_new();
    rights(EVENTS, RIGHT_READ);
    fine(joins(&joiner, SLOT_ACCOUNT, by), "upcalls_set");
    hold(is_told(&joiner), "it is told");
    return &joiner;
}

static void
told(void)
{
    struct joiner *j = joined(FIRST);

    revoke(2);
    hold(is_told(j), "it is told on when another right ends");
    call_slot_clear(SLOT_SLOTS, FIRST);
    hold(is_told(j), "and when a slot is emptied, which ends no right");
    revoke(1);
    hold(!is_told(j), "nobody is told by a right that was revoked");
    joiner_end(j);
    end(events_frame);

    j = joined(BELOW);
    revoke(1);
    hold(!is_told(j), "nor by one below it");
    joiner_end(j);
    end(events_frame);

    j = joined(OTHER);
    joiner_end(j);
    fine(call_event_post(EVENTS, COUNTER, 1).value, "one that ended is told nothing");
    end(events_frame);

    j = joined(OTHER);
    end(events_frame); /* under it */
    joiner_end(j);
}

/* The cells that a right stands in end with their frame. */
static void
told_by_cells_that_end(void)
{
    static struct joiner j;
    uint64_t frame = frame_new();

    events_new();
    call_slot_clear(SLOT_SLOTS, ENDING);
    fine(call_cells_make(SLOT_ACCOUNT, frame, ENDING).value, "cells_make");
    bind(EVENTS, ENDING, 5, RIGHT_READ, FIRST);
    fine(joins(&j, SLOT_ACCOUNT, FIRST), "upcalls_set");
    hold(is_told(&j), "it is told");
    end(frame);
    hold(!is_told(&j), "nobody is told when the cells of the right have ended");
    joiner_end(&j);
    end(events_frame);
}

/* Half of the places are for the account that the counters are of. */
static void
places(void)
{
    static struct joiner joiner[PLACES + 1];
    uint32_t n = 0;

    child_begin();
    events_new();
    for (; n < PLACES / 2; n++)
        fine(joins(&joiner[n], CHILD, EVENTS), "strangers take places");
    refuse(joins(&joiner[n], CHILD, EVENTS), E_NOSPC, "one stranger more than half the places");
    for (; n < PLACES; n++)
        fine(joins(&joiner[n], SLOT_ACCOUNT, EVENTS), "the owner's places");
    refuse(joins(&joiner[n], SLOT_ACCOUNT, EVENTS), E_NOSPC, "more than there are places");
    child_end();
    for (uint32_t i = PLACES / 2; i <= PLACES; i++)
        joiner_end(&joiner[i]);
    end(events_frame);
}

/* One that is parked hears of it last: first the one that waits. */
static void
soonest(void)
{
    static struct joiner parked, waits = {.sleeps = true};
    struct transfer_setup setup = {.rip = FRAME_BYTES, .rsp = FRAME_BYTES};

    events_new();
    fine(joins(&parked, SLOT_ACCOUNT, EVENTS), "upcalls_set");
    fine(call_entry_make(SLOT_ACCOUNT, frame_new(), ENTRY).value, "entry_make");
    fine(call_transfer_serve(ENTRY, JOINER, (uintptr_t)&setup).value, "transfer_serve");
    hold(is_told(&parked), "it is told, as there is nobody else");
    fine(joins(&waits, SLOT_ACCOUNT, EVENTS), "upcalls_set");
    parked.page->pending = 0;
    hold(is_told(&waits), "who waits is told");
    hold(!parked.page->pending, "and not who is parked");
    fine(call_transfer_withdraw(ENTRY, 0).value, "transfer_withdraw");
    call_slot_clear(SLOT_SLOTS, ENTRY);
    joiner_end(&parked);
    joiner_end(&waits);
    end(events_frame);
}

/* ---- the counter that an end raises ---- */

static uint64_t
counter(void)
{
    return (uint64_t)fine(call_event_read(EVENTS, COUNTER).value, "event_read");
}

static bool
end_is_told(void)
{
    uint64_t before = counter();

    fine(call_context_resume(JOINER).value, "context_resume");
    fine(call_context_stop(JOINER).value, "context_stop");
    return counter() == before + 1;
}

/* It never runs, but stops all the same. */
static uint64_t
stopped(uint32_t by)
{
    struct context_start start = {
        .rip = FRAME_BYTES, .vector_frame = frame_new(), .stop_slot = by, .stop_index = COUNTER};
    uint64_t frame = frame_new();

    events_new();
    rights(EVENTS, RIGHT_POST);
    call_slot_clear(SLOT_SLOTS, JOINER);
    fine(call_context_make(SLOT_ENV, frame, JOINER, (uintptr_t)&start).value, "context_make");
    fine(call_context_stop(JOINER).value, "context_stop");
    hold(counter() == 1, "its end is told");
    return frame;
}

static void
ends(void)
{
    uint64_t frame = stopped(FIRST);

    hold(end_is_told(), "its next one too");
    revoke(2);
    hold(end_is_told(), "and when another right has ended");
    revoke(1);
    hold(!end_is_told(), "nothing is raised by a right that was revoked");
    end(frame);
    end(events_frame);

    frame = stopped(BELOW);
    revoke(1);
    hold(!end_is_told(), "nor by one below it");
    end(frame);
    end(events_frame);

    frame = stopped(OTHER);
    fine(call_context_resume(JOINER).value, "context_resume");
    end(frame);
    hold(counter() == 2, "to be destroyed is an end, too");
    end(events_frame);

    frame = stopped(OTHER);
    end(events_frame);
    fine(call_context_resume(JOINER).value, "context_resume");
    fine(call_context_stop(JOINER).value, "it ends when there are no counters any more");
    end(frame);
}

/* ---- whom positions name ---- */

static struct worker worker;
static volatile uint64_t turns;

static void
turn(struct worker *w)
{
    for (;;) {
        turns++;
        if (w->cpu == 0)
            call_yield(SLOT_NOTHING);
    }
}

static void
name(uint32_t account, uint64_t position, uint32_t first, uint32_t second)
{
    uint64_t ns = worker.cpu ? LONG_NS : SLICE_NS;

    fine(call_slice_set(account, worker.cpu, position, first, second, ns).value, "slice_set");
}

static bool
names(uint64_t position)
{
    struct slice_state state = {0};

    fine(call_slice_read(SLOT_ACCOUNT, worker.cpu, position, (uintptr_t)&state).value,
         "slice_read");
    return state.context || state.second;
}

/* Does it run within a while? */
static bool
turns_go_on(uint64_t ns)
{
    uint64_t until = clock_ns() + ns, before = turns;

    while (turns == before && clock_ns() < until)
        call_yield(SLOT_NOTHING);
    return turns != before;
}

/* The last that the child has lost are names, there. */
static void
loss_is_told(uint64_t n, uint64_t position)
{
    uint64_t last = ring->state.n_taken;

    hold(last == n, "each name that falls is in the ring of its position's owner");
    hold(ring->taken[(last - 1) % ring->n_ring].kind == TAKEN_NAME &&
             ring->taken[(last - 1) % ring->n_ring].detail == worker.cpu &&
             ring->taken[(last - 1) % ring->n_ring].name == position,
         "by its place");
    hold(ring->state.count[ACCOUNT_SLICES].taken == 0, "and no position is taken");
}

static void
named(void)
{
    uint64_t until;

    rights(NAMED, RIGHT_RUN);
    name(CHILD, POSITION + 1, FIRST, SLOT_NOTHING);
    name(CHILD, POSITION + 2, SLOT_NOTHING, OTHER);
    name(SLOT_ACCOUNT, worker.position, FIRST, SLOT_NOTHING);
    name(CHILD, POSITION + 2, SLOT_NOTHING, SLOT_NOTHING);
    hold(ring->state.n_taken == 0, "what its owner gives up is no loss");
    name(CHILD, POSITION + 2, SLOT_NOTHING, OTHER);
    revoke(3);
    hold(!names(POSITION + 1) && !names(POSITION + 2), "strangers name it no more");
    loss_is_told(2, ring->taken[0].name == POSITION + 1 ? POSITION + 2 : POSITION + 1);
    hold(names(worker.position), "its owner's position does");
    name(CHILD, POSITION + 1, OTHER, SLOT_NOTHING);
    hold(names(POSITION + 1), "who has a right still names it again");
    name(SLOT_ACCOUNT, worker.position, SLOT_NOTHING, SLOT_NOTHING);
    expect(turns_go_on(PATIENCE_NS), "it runs there");
    revoke(1);
    hold(!names(POSITION + 1), "it is named no more");
    loss_is_told(3, POSITION + 1);
    until = clock_ns() + PATIENCE_NS / 4;
    while (turns_go_on(STILL_NS)) /* another processor hears of it soon */
        hold(clock_ns() < until, "its slice ends with the right");
    refuse(call_slice_set(CHILD, worker.cpu, POSITION + 1, FIRST, SLOT_NOTHING, SLICE_NS).value,
           E_BADF, "a right that was revoked");
    name(CHILD, POSITION + 1, OTHER, OTHER);
    rights(EVENTS, RIGHT_READ); /* which revokes the last, too */
    hold(!names(POSITION + 1), "twice at one position");
    bind(NAMED, CELLS, 4, RIGHT_RUN, JOINER);
    name(CHILD, POSITION + 1, JOINER, SLOT_NOTHING);
    revoke(1);
    hold(names(POSITION + 1), "rights to something else");
    revoke(4);
    hold(!names(POSITION + 1), "and this one");
}

/* In bounded calls, also where another walk comes by; no call says that it is over before it is. */
static void
named_often(void)
{
    uint32_t calls = 0;
    bool over = false;

    rights(NAMED, RIGHT_RUN);
    for (uint64_t i = 0; i < MANY; i++)
        name(CHILD, POSITION - 1 - i, FIRST, BELOW);
    refuse(call_cap_revoke(CELLS, 3).value, E_AGAIN, "so many in one call");
    refuse(call_cap_revoke(CELLS, 1).value, E_AGAIN, "a walk that takes that one over");
    while (!over) {
        over = call_cap_revoke(CELLS, 3).value == 0;
        calls++;
    }
    for (uint64_t i = 0; i < MANY; i++)
        hold(!names(POSITION - 1 - i), "a naming is left");
    expect(calls > 1, "in several calls");
    hold(calls < MANY / 16, "a call undoes many");
    revoke(1);
}

static void
positions(void)
{
    uint32_t cpu = cpu_count() - 1;

    child_begin();
    events_new();
    worker_start(&worker, NAMED, cpu, SLICE_NS, turn);
    for (uint64_t i = 0; i < MANY + 4; i += 2)
        expect(call_slice_take(CHILD, cpu, POSITION - MANY + i, 2).value == 2, "slice_take");
    named();
    named_often();
    name(CHILD, POSITION + 1, NAMED, SLOT_NOTHING);
    worker_stop(&worker);
    end(worker.frame); /* named by a stranger */
    hold(!names(POSITION + 1), "one that ended is named nowhere");
    child_end();
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    stay_on(0);
    cells_frame = frame_new();
    fine(call_cells_make(SLOT_ACCOUNT, cells_frame, CELLS).value, "cells_make");
    expect(call_slice_take(SLOT_ACCOUNT, 0, OURS, 1).value == 1, "slice_take");
    told();
    told_by_cells_that_end();
    places();
    soonest();
    ends();
    positions();
    return done();
}
