/* SPDX-License-Identifier: MIT */
/*
 * throng.c - a context on every other processor stands on a root of ours while frames lose their
 * mappings there, objects with a part for each processor end, accounts die that may be called from
 * all, and who is named in every vector wakes. bench/stretch.py measures how long the kernel runs at
 * a stretch meanwhile (docs/bounds.md); here all of it comes to its end.
 */
#include "abi/event.h"
#include "test/boot/kin.h"
#include "test/boot/workers.h"

enum {
    EVENTS = 20,
    CHILD,
    SPARE,
    KIN = 30,
    WORKER = 50, /* one a processor */
    PAGES = 384,
    BATCH = FRAME_BATCH_MAX,
    TABLES = 24,
    SLEEPERS = 120,
    RING = 3,
    ALL = 128, /* positions from here on */
    SLICE_NS = 1000 * 1000,
    STACK_BYTES = 1024,
    STACKS_MAX = 63,
};

static const uint64_t PATIENCE_NS = 60000000000;

static struct worker worker[STACKS_MAX];
static uint8_t stack[SLEEPERS][STACK_BYTES] __attribute__((aligned(16)));
static volatile bool over;
static volatile uint64_t standing, asleep, woken;
static uint64_t deadline_ns, child_frame, sleeper[SLEEPERS];

static void
later(const char *what)
{
    hold(clock_ns() < deadline_ns, what);
    __builtin_ia32_pause();
}

static void
begin(void)
{
    deadline_ns = clock_ns() + PATIENCE_NS;
}

/* ---- those who stand there ---- */

static void
stand(struct worker *w)
{
    (void)w;
    __atomic_fetch_add(&standing, 1, __ATOMIC_SEQ_CST);
    while (!over)
        __builtin_ia32_pause();
}

static void
all_stand(void)
{
    for (uint32_t cpu = 1; cpu < cpu_count(); cpu++)
        worker_start(&worker[cpu - 1], WORKER + cpu - 1, cpu, SLICE_NS, stand);
    for (begin(); standing + 1 < cpu_count();)
        later("each stands on its processor");
}

/* ---- frames of a child that we map ---- */

static void
child_new(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = ACCOUNT_NO_LIMIT};

    call_slot_clear(SLOT_SLOTS, CHILD);
    child_frame = frame_new();
    fine(call_account_make(SLOT_ACCOUNT, child_frame, CHILD, (uintptr_t)&terms).value,
         "account_make");
}

/* Each is mapped once, so that each loses its last mapping by itself. */
static void
child_mapped(uint64_t va)
{
    for (uint64_t i = 0; i < PAGES; i++) {
        uint64_t entry = frame_of_account(CHILD) << FRAME_SHIFT | MAP_READ;
        fine(space_map(&exo_space, va + i * FRAME_BYTES, &entry, 1, CHILD), "a page of a child");
    }
}

static void
child_ends(void)
{
    for (begin(); fine(call_account_destroy(CHILD).value, "account_destroy") > 0;)
        later("a child ends");
    while (call_frame_free(SLOT_ACCOUNT, child_frame, 1).value == -E_AGAIN)
        later("so does its account's frame");
}

static void
mappings(uint64_t va)
{
    int64_t left;

    child_new();
    child_mapped(va);
    child_ends();
    child_new();
    child_mapped(va);
    left = fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, PAGES, 1).value, "account_revoke");
    for (begin(); left > 0; later("a child's frames are taken"))
        left = fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, 0, 0).value, "going on");
    child_ends();
}

/* ---- objects with a part for each processor ---- */

static void
freed(uint64_t first, uint64_t n)
{
    for (begin(); n;) {
        int64_t r = call_frame_free(SLOT_ACCOUNT, first, n < BATCH ? n : BATCH).value;
        expect(r > 0 || r == -E_AGAIN, "frame_free");
        first += r > 0 ? (uint64_t)r : 0;
        n -= r > 0 ? (uint64_t)r : 0;
        later("all is freed");
    }
}

static uint64_t
frames_new(uint64_t n)
{
    struct pool pool = pool_of(SLOT_ACCOUNT);
    uint64_t first;

    fine(pool_take_run(&pool, n, &first), "frames");
    return first;
}

static void
entries(void)
{
    uint64_t first = frames_new(BATCH);

    for (uint64_t i = 0; i < BATCH; i++) {
        call_slot_clear(SLOT_SLOTS, SPARE);
        fine(call_entry_make(SLOT_ACCOUNT, first + i, SPARE).value, "entry_make");
    }
    freed(first, BATCH);
}

/* Roots; then plain frames that lose one mapping each by pt_unmap, all with one epoch. */
static void
roots_and_pages(uint64_t va)
{
    uint64_t first = frames_new(2ul * TABLES), page = frames_new(BATCH);

    for (uint64_t i = 0; i < TABLES; i++)
        fine(call_pt_make(SLOT_ACCOUNT, first + i, PT_LEVELS, first + TABLES + i).value, "pt_make");
    freed(first, 2ul * TABLES);
    for (uint64_t i = 0; i < BATCH; i++)
        page_at(va + i * FRAME_BYTES, page + i, MAP_READ | MAP_WRITE);
    fine(space_unmap(&exo_space, va, BATCH), "pages go");
    freed(page, BATCH);
}

/* ---- who is named by every processor ---- */

static void
sleep_once(void)
{
    struct wait_clause clause = {EVENTS, WAIT_EVENT, RING, 0};

    __atomic_fetch_add(&asleep, 1, __ATOMIC_SEQ_CST);
    (void)call_wait((uintptr_t)&clause, 1);
    __atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
    call_context_exit(0);
}

static void
sleeper_new(uint32_t i, uint32_t position)
{
    struct context_start start = {.rip = (uintptr_t)sleep_once,
                                  .rsp = (uintptr_t)stack[i] + STACK_BYTES - 8,
                                  .vector_frame = frame_new(),
                                  .stop_slot = SLOT_NOTHING};

    call_slot_clear(SLOT_SLOTS, SPARE);
    sleeper[i] = frame_new();
    fine(call_context_make(SLOT_ENV, sleeper[i], SPARE, (uintptr_t)&start).value, "context_make");
    for (uint32_t cpu = 0; cpu < cpu_count(); cpu++) {
        fine(call_slice_take(SLOT_ACCOUNT, cpu, position, 1).value, "slice_take");
        fine(call_slice_set(SLOT_ACCOUNT, cpu, position, SPARE, SLOT_NOTHING, SLICE_NS).value,
             "slice_set");
    }
    for (begin(); asleep <= i; later("it sleeps"))
        call_yield(SPARE);
}

/* They wake because their counter is raised, or because it ends. */
static void
sleepers(uint64_t events, uint32_t position)
{
    asleep = woken = 0;
    for (uint32_t i = 0; i < SLEEPERS; i++)
        sleeper_new(i, position + i);
    for (uint32_t i = 0; i < SLEEPERS; i++)
        call_yield(SLOT_NOTHING);
    call_slot_clear(SLOT_SLOTS, SPARE);
    if (events)
        freed(events, 1);
    else
        fine(call_event_post(EVENTS, RING, 1).value, "event_post");
    for (begin(); woken < SLEEPERS; later("all wake"))
        call_yield(SLOT_NOTHING);
    for (uint32_t i = 0; i < SLEEPERS; i++)
        freed(sleeper[i], 1);
}

/* ---- an account that may be called from everywhere ---- */

static void
called(void)
{
    struct child_terms kin;

    kin_make(&kin, 2, KIN, 0, kin_serve);
    for (begin(); fine(call_account_destroy(kin.slot[CHILD_ACCOUNT]).value, "account_destroy") > 0;)
        later("an account that is called ends");
}

int
exo_main(const struct start_page *start)
{
    uint64_t va = room_take(PAGES), events = frame_new();

    (void)start;
    stay_on(0);
    fine(call_events_make(SLOT_ACCOUNT, events, EVENTS).value, "events_make");
    all_stand();
    sleepers(0, ALL);
    sleepers(events, ALL + SLEEPERS);
    mappings(va);
    entries();
    roots_and_pages(va);
    called();
    over = true;
    for (uint32_t cpu = 1; cpu < cpu_count(); cpu++)
        worker_join(&worker[cpu - 1], "one that stood there");
    return done();
}
