/* SPDX-License-Identifier: MIT */
/*
 * act24_revoke.c - act 24: what is asked back is given or taken, whatever the other does. A child
 * of ours, in an account of its own and with a context on every processor, is asked for frames and
 * positions: one that listens chooses what it gives; one that does not loses some past the deadline
 * and reads which; one that loops in its handlers everywhere cannot hold anything; what is vital
 * stays; one that has nothing but page tables is taken whole.
 */
#include "abi/account.h"
#include "abi/exposed.h"
#include "abi/event.h"
#include "abi/slice.h"
#include "libos/exo/child.h"
#include "libos/exo/rpc.h"
#include "test/boot/kit.h"

enum {
    SLOT_KIN = 90, /* CHILD_SLOT_COUNT of them */
    SLOT_ENTRY = 96,
    SLOT_OURS, /* a frame of cells */
    CPUS_KNOWN = 8,
    CACHE = 200,   /* pages that it could do without */
    DEAR = 8,      /* of these it marks so many vital */
    RESERVE = 210, /* more than its image, contexts, tables and what it marks take */
    LIMIT = 700,
    ASKED = 24,
    POSITION = 600, /* of ours that becomes its */
    SPARE = 900,    /* a position that it has no use for */
    BOUND_MS = 20,  /* two slices of others' */
    RING_PAGES = 2,
};

static const uint64_t SLICE_NS = 1000000, NEVER_NS = 3600000000000, SOON_NS = 30000000,
                      QUIET_NS = 300000000, NAP_NS = 1000000000;
static const uint64_t PATTERN = 0x6b9a1c55d2e70f31;
static uint64_t patience_ns = 60000000000;

enum mode { POLITE, RUDE, LOOPS, TABLES };

/* What both see: a page of the child's. */
static struct shared {
    volatile uint64_t wrong; /* the line of a check of its own that failed */
    volatile uint64_t heard; /* REVOKE upcalls */
    volatile uint64_t n_given, n_found, dquot, n_marked;
    volatile uint64_t woken; /* sleeps that a REVOKE upcall ended */
    volatile uint64_t looping[CPUS_KNOWN], turns[CPUS_KNOWN];
    uint64_t frame[CACHE];
    uint64_t given[CACHE];
    uint64_t rest[FRAME_BYTES / 8 - 7 - 2 * CPUS_KNOWN - 2 * CACHE];
} shared __attribute__((aligned(4096)));
_Static_assert(sizeof(shared) == FRAME_BYTES, "a page");

static enum mode mode;
static uint64_t cache_va;

/* ---- the child ---- */

/* It has no console: we say for it which check failed. */
static void
check_at(bool truth, uint64_t line)
{
    if (!truth && !shared.wrong)
        shared.wrong = line;
}
#define CHECK(truth) check_at(truth, __LINE__)

static volatile uint64_t *
cached(uint64_t i)
{
    return (volatile uint64_t *)(cache_va + i * FRAME_BYTES);
}

static bool
is_cached(uint64_t frame)
{
    for (uint64_t i = 0; i < CACHE; i++)
        if (shared.frame[i] == frame)
            return true;
    return false;
}

static void
loop(uint64_t cpu)
{
    for (;;) {
        shared.looping[cpu]++;
        shared.turns[cpu]++;
    }
}

static void
on_revoke(struct save_area *save)
{
    (void)save;
    shared.heard++;
    if (mode == LOOPS)
        loop(context_here()->index);
}

static void
cache_fill(void)
{
    struct pool pool = pool_of(SLOT_ACCOUNT);

    cache_va = room_take(CACHE);
    for (uint64_t i = 0; i < CACHE; i++) {
        CHECK(pool_take_run(&pool, 1, &shared.frame[i]) == 0);
        CHECK(space_map_run(&exo_space, cache_va + i * FRAME_BYTES, shared.frame[i], 1,
                            MAP_READ | MAP_WRITE, SLOT_ACCOUNT) == 0);
        *cached(i) = PATTERN * (i + 1);
    }
}

static int64_t
mark(uint64_t frame, uint64_t on)
{
    int64_t r = call_frame_mark(SLOT_ACCOUNT, frame, on).value;

    shared.n_marked += r == 0 ? 2 * on - 1 : 0;
    return r;
}

/* All but the cache is vital to it; then as many of the cache as it may, and DEAR of them stay. */
static void
all_mark(void)
{
    uint64_t end = ((const struct machine_page *)EXPOSED_MACHINE)->n_frames, n = 0;
    struct frame_state state;

    for (uint64_t f = 0; f < end; f++)
        if (call_frame_read(SLOT_ACCOUNT, f, 1, (uintptr_t)&state).value == 1 &&
            state.type == FRAME_PLAIN && !is_cached(f))
            CHECK(mark(f, 1) == 0);
    if (mode == TABLES)
        return;
    while (n < CACHE && mark(shared.frame[n], 1) == 0)
        n++;
    shared.dquot = n < CACHE && mark(shared.frame[n], 1) == -E_DQUOT;
    CHECK(mark(shared.frame[0], 1) == 0); /* again: nothing changes */
    shared.n_marked--;
    while (n > DEAR)
        CHECK(mark(shared.frame[--n], 0) == 0);
}

static void
tables_make(void)
{
    struct pool pool = pool_of(SLOT_ACCOUNT);
    uint64_t frame[2];

    while (pool_take_run(&pool, 1, &frame[0]) == 0 && pool_take_run(&pool, 1, &frame[1]) == 0)
        CHECK(call_pt_make(SLOT_ACCOUNT, frame[0], 1, frame[1]).value == 0);
    call_frame_free(SLOT_ACCOUNT, frame[0], 1);
}

/* It chooses: every other page of its cache, from the end. */
static void
give(void)
{
    uint64_t wanted = account_shown()->state.count[ACCOUNT_FRAMES].wanted;

    if (account_shown()->state.count[ACCOUNT_SLICES].wanted)
        CHECK(call_slice_give(SLOT_ACCOUNT, 0, SPARE, 1).value == 1);
    for (uint64_t i = CACHE - 1; wanted > 0; i -= 2, wanted--) {
        CHECK(space_unmap(&exo_space, cache_va + i * FRAME_BYTES, 1) == 0);
        while (call_frame_free(SLOT_ACCOUNT, shared.frame[i], 1).value == -E_AGAIN)
            ;
        shared.given[shared.n_given++] = shared.frame[i];
    }
}

/* Which are gone, and are those the ones that the ring names? */
static void
find_out(void)
{
    const volatile struct account_page *page = account_shown();
    uint64_t n = page->state.n_taken, gone = 0, entry;

    CHECK(n <= page->n_ring && page->state.count[ACCOUNT_FRAMES].taken == n);
    for (uint64_t i = 0; i < n; i++)
        CHECK(page->taken[i].kind == ACCOUNT_FRAMES && is_cached(page->taken[i].name));
    for (uint64_t i = 0; i < CACHE; i++) {
        bool named = false;
        for (uint64_t k = 0; k < n; k++)
            named |= page->taken[k].name == shared.frame[i];
        CHECK(space_read(&exo_space, (uintptr_t)cached(i), &entry, 1) == 0);
        CHECK(named == !(entry & MAP_READ) && !(named && i < DEAR));
        CHECK(named || *cached(i) == PATTERN * (i + 1));
        gone += named;
        if (named && gone == 1)
            CHECK(trap_read((uintptr_t)cached(i)).vector != NO_VECTOR);
    }
    CHECK(gone == n);
    shared.n_found = n;
}

/* Not for ever: what it waits for may have come just before. */
static void
nap(void)
{
    struct wait_clause until = {0, WAIT_CLOCK, 0, clock_ns() + NAP_NS};

    shared.woken += call_wait((uintptr_t)&until, 1).value == -E_INTR;
}

static _Noreturn void
live(uint64_t cpu)
{
    for (uint64_t done = 0;;) {
        shared.turns[cpu]++;
        if (mode == LOOPS && shared.heard)
            loop(cpu); /* as the one that was told */
        if (mode == POLITE && done == shared.heard)
            nap();
        if (cpu || done == shared.heard)
            continue;
        if (mode == RUDE && account_shown()->state.count[ACCOUNT_FRAMES].wanted)
            continue; /* let it */
        done++;
        if (mode == POLITE)
            give();
        else if (mode == RUDE)
            find_out();
    }
}

static void
beside(void *cpu)
{
    CHECK(mode == POLITE || call_account_listen(SLOT_ACCOUNT, 1).value == 0);
    live((uintptr_t)cpu);
}

static void
answer(struct rpc *m)
{
    uint64_t entry = 0;

    CHECK(space_read(&exo_space, (uintptr_t)&shared, &entry, 1) == 0);
    m->word[0] = entry >> FRAME_SHIFT;
}

static void
child_main(void)
{
    exo_on_revoke = on_revoke;
    CHECK(account_shown());
    CHECK(call_account_listen(SLOT_ACCOUNT, 1).value == 0);
    CHECK(call_slice_take(SLOT_ACCOUNT, 0, SPARE, 1).value == 1);
    for (uint64_t cpu = 1; cpu < cpu_count() && cpu < CPUS_KNOWN; cpu++) {
        struct context *c = context_add(beside, (void *)cpu);
        CHECK(c && context_place(c, (uint32_t)cpu, SLICE_NS) == 0);
    }
    if (mode == TABLES)
        tables_make();
    else
        cache_fill();
    all_mark();
    rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, answer);
    live(0);
}

/* ---- its parent ---- */

static struct child_terms terms = {
    .limit_frames = LIMIT,
    .reserve_frames = RESERVE,
    .n_pages = RING_PAGES,
    .slot = {SLOT_KIN, SLOT_KIN + 1, SLOT_KIN + 2, SLOT_KIN + 3, SLOT_KIN + 4},
    .entry = SLOT_ENTRY,
    .cells = SLOT_OURS,
    .first_cell = 1,
    .main = child_main,
};
static volatile struct shared *theirs;
static const volatile struct account_page *ring;
static uint64_t cells_frame;

static void
child_begin(enum mode as)
{
    struct rpc m = {0};
    uint64_t frame;

    mode = as;
    terms.name++;
    fine(pool_take_run(&exo_pool, RING_PAGES, &terms.page_frame), "frames of a page");
    call_slot_clear(SLOT_SLOTS, SLOT_OURS);
    call_slot_clear(SLOT_SLOTS, SLOT_KIN);
    fine(pool_take_run(&exo_pool, 1, &cells_frame), "a frame of cells");
    fine(call_cells_make(SLOT_ACCOUNT, cells_frame, SLOT_OURS).value, "cells_make");
    fine(child_make(&terms), "child_make");
    fine(rpc_call(SLOT_ENTRY, &m), "rpc_call");
    frame = m.word[0];
    fine(space_map_run(&exo_space, (uintptr_t)theirs, frame, 1, MAP_READ, SLOT_KIN), "its page");
    fine(space_map_run(&exo_space, (uintptr_t)ring, terms.page_frame, RING_PAGES, MAP_READ,
                       SLOT_KIN),
         "its account's page");
    if (theirs->wrong)
        breach("a check of the child's, in line %lu", theirs->wrong);
    fine(call_transfer_withdraw(SLOT_ENTRY, 0).value, "transfer_withdraw");
    fine(call_slice_take(SLOT_KIN, 0, POSITION, 1).value, "slice_take");
    fine(call_slice_set(SLOT_KIN, 0, POSITION, SLOT_KIN + CHILD_CONTEXT, SLOT_NOTHING, SLICE_NS)
             .value,
         "slice_set");
    for (uint64_t cpu = 0; cpu < cpu_count() && cpu < CPUS_KNOWN; cpu++)
        while (!theirs->turns[cpu])
            call_yield(SLOT_NOTHING);
}

static void
child_end(void)
{
    fine(space_unmap(&exo_space, (uintptr_t)theirs, 1), "unmap");
    fine(space_unmap(&exo_space, (uintptr_t)ring, RING_PAGES), "unmap");
    fine(child_destroy(&terms), "child_destroy");
    fine(pool_give(&exo_pool, cells_frame, 1), "frame_free");
}

static struct account_state
state(void)
{
    return account_told(SLOT_KIN);
}

static int64_t
ask(enum account_kind kind, uint64_t n, uint64_t in_ns)
{
    return call_account_revoke(SLOT_KIN, kind, n, clock_ns() + in_ns).value;
}

/* Until nothing of the kind is wanted; how long after it was due. */
static uint64_t
met(enum account_kind kind, uint64_t from_ns)
{
    uint64_t late_ms;

    while (state().count[kind].wanted) {
        hold(clock_ns() < from_ns + patience_ns, "what was asked for is given or taken");
        call_yield(SLOT_NOTHING);
    }
    late_ms = clock_ns() > from_ns ? (clock_ns() - from_ns) / 1000000 : 0;
    if (!strcmp(argument(0), "bound")) /* where the clock counts instructions */
        hold(late_ms <= BOUND_MS, "soon after it was due");
    return late_ms;
}

static void
seen_right(void)
{
    if (theirs->wrong)
        breach("a check of the child's, in line %lu", theirs->wrong);
}

/* One that listens chooses, and nothing is taken. */
static void
polite(void)
{
    struct frame_state f;

    child_begin(POLITE);
    say("it has %lu frames, and marked %lu", state().used_frames, theirs->n_marked);
    hold(ask(ACCOUNT_FRAMES, ASKED, NEVER_NS) == ASKED, "asking for frames");
    met(ACCOUNT_FRAMES, clock_ns());
    hold(ask(ACCOUNT_SLICES, 1, NEVER_NS) == 1, "asking for a position");
    met(ACCOUNT_SLICES, clock_ns());
    hold(theirs->heard == 2 && theirs->n_given == ASKED, "it has heard, and given");
    hold(theirs->woken > 0, "which woke it");
    seen_right();
    for (uint64_t i = 0; i < ASKED; i++)
        hold(theirs->given[i] == theirs->frame[CACHE - 1 - 2 * i] &&
                 call_frame_read(SLOT_KIN, theirs->given[i], 1, (uintptr_t)&f).value == -E_PERM,
             "those that it chose");
    for (uint64_t i = 0; i < CACHE; i += 2)
        hold(call_frame_read(SLOT_KIN, theirs->frame[i], 1, (uintptr_t)&f).value == 1,
             "and no other");
    hold(state().n_taken == 0 && ring->state.n_taken == 0, "nothing is taken");
    child_end();
}

static uint64_t cache[CACHE]; /* ours to look at, should their page be taken */

static bool
may_be_lost(uint64_t frame)
{
    for (uint64_t i = DEAR; i < CACHE; i++)
        if (cache[i] == frame)
            return true;
    return false;
}

/* One that does nothing loses what is not vital, down to its reserve, and finds out which. */
static void
rude(void)
{
    struct call_result r;
    uint64_t most, late_ms, due;
    bool early;

    child_begin(RUDE);
    for (uint64_t i = 0; i < CACHE; i++)
        cache[i] = theirs->frame[i];
    hold(theirs->dquot, "no more is vital than is reserved");
    r = call_account_revoke(SLOT_KIN, ACCOUNT_FRAMES, LIMIT, 0);
    refuse(r.value, E_RANGE, "asking for what is reserved");
    most = r.detail;
    hold(most == state().used_frames - RESERVE, "what may be asked for");
    expect(most > ASKED && most < CACHE - DEAR, "there is enough that is not vital");
    due = clock_ns() + SOON_NS;
    hold(ask(ACCOUNT_FRAMES, most, SOON_NS) == (int64_t)most, "asking for all that may be");
    early = state().n_taken == 0;
    hold(early || clock_ns() >= due, "nothing is taken at once");
    late_ms = met(ACCOUNT_FRAMES, clock_ns() + SOON_NS);
    say("%lu frames taken %lu ms after they were due", most, late_ms);
    hold(state().used_frames == RESERVE && ring->state.n_taken == most, "the reserve is left");
    for (uint64_t i = 0; i < most; i++)
        hold(ring->taken[i].kind == ACCOUNT_FRAMES && may_be_lost(ring->taken[i].name),
             "nothing vital is taken");
    for (uint64_t end = clock_ns() + patience_ns; theirs->n_found != most;) {
        seen_right();
        hold(clock_ns() < end, "it finds out which");
        call_yield(SLOT_NOTHING);
    }
    refuse(call_account_revoke(SLOT_KIN, ACCOUNT_FRAMES, 1, 0).value, E_RANGE,
           "asking for what is reserved");
    hold(!state().dying, "it lives");
    child_end();
}

/* Has no processor of theirs run it for a while? */
static bool
quiet(void)
{
    uint64_t turns[CPUS_KNOWN], end = clock_ns() + QUIET_NS;
    bool same = true;

    for (int i = 0; i < CPUS_KNOWN; i++)
        turns[i] = theirs->turns[i];
    while (clock_ns() < end)
        ;
    for (int i = 0; i < CPUS_KNOWN; i++)
        same &= turns[i] == theirs->turns[i];
    return same;
}

/* One that loops on every processor at once: its time and memory are taken all the same. */
static void
loops(void)
{
    uint64_t n = cpu_count() + 1, mine = 0, end;

    child_begin(LOOPS);
    hold(ask(ACCOUNT_FRAMES, ASKED, SOON_NS) == ASKED, "asking for frames");
    for (uint64_t cpu = 0; cpu < cpu_count(); cpu++)
        while (!theirs->looping[cpu])
            mine++;
    hold(ask(ACCOUNT_SLICES, n, SOON_NS) == (int64_t)n, "asking for all of its time");
    say("it loops; taken %lu ms", met(ACCOUNT_FRAMES, clock_ns() + SOON_NS));
    say("and %lu ms after that was due", met(ACCOUNT_SLICES, clock_ns() + SOON_NS));
    hold(state().n_taken == ASKED + n, "each is said");
    for (uint64_t i = 0; i < ASKED + n; i++)
        if (ring->taken[i].kind == ACCOUNT_SLICES) {
            hold(ring->taken[i].detail < cpu_count() &&
                     (ring->taken[i].name >= 64 && ring->taken[i].name <= SPARE),
                 "by processor and position");
            mine |= (uint64_t)1 << 63;
        }
    hold(mine >> 63, "positions are in the ring");
    for (end = clock_ns() + patience_ns; !quiet();)
        hold(clock_ns() < end, "it runs no more");
    child_end();
}

/* One that turned all into page tables. */
static void
whole(void)
{
    struct context_state c = {0};
    uint64_t end, due;
    bool early;

    child_begin(TABLES);
    hold(state().used_frames > LIMIT - 2, "it has all that it may");
    due = clock_ns() + SOON_NS;
    hold(ask(ACCOUNT_FRAMES, ASKED, SOON_NS) == ASKED, "asking for frames");
    early = !state().dying;
    hold(early || clock_ns() >= due, "it is not ended at once");
    for (end = clock_ns() + patience_ns; !state().dying;)
        hold(clock_ns() < end, "what has only tables is taken whole");
    hold(state().n_taken == 0, "nothing singly");
    for (end = clock_ns() + patience_ns; state().used_frames;)
        hold(clock_ns() < end, "all of it comes back");
    hold(call_context_read(SLOT_KIN + CHILD_CONTEXT, (uintptr_t)&c).value == -E_BADF,
         "its context is gone");
    child_end();
}

/* Used by us, and not only in the pool. */
static uint64_t
frames_had(void)
{
    return account_told(SLOT_ACCOUNT).used_frames - exo_pool.n;
}

int
exo_main(const struct start_page *start)
{
    uint64_t used, va = room_take(1 + RING_PAGES);

    (void)start;
    if (!strcmp(argument(0), "brief"))
        patience_ns = 2000000000;
    rpc_begin();
    stay_on(0);
    theirs = (volatile struct shared *)va;
    ring = (const volatile struct account_page *)(va + FRAME_BYTES);
    polite();
    used = frames_had();
    rude();
    loops();
    whole();
    hold(used == frames_had(), "all is had back");
    return done();
}
