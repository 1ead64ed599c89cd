/* SPDX-License-Identifier: MIT */
/*
 * act22_storm.c - hostile act 22: beside one that runs as it may, on its own processor and on
 * another one, are contexts that storm the kernel with calls and the largest batches. Its slices
 * begin on time all the same, and its own calls are not kept out of the kernel. Where the clock
 * counts instructions. Argument: what the storm is made of (`calls`, `batches`).
 */
#include "abi/event.h"
#include "test/boot/workers.h"

enum {
    SLOT_WORKER = 60, /* one a worker */
    WORKERS = 3,      /* the first is the one; the others storm, the last on another processor */
    SLICE_NS = 1000 * 1000,
    LATE_NS = 900 * 1000, /* beyond the other's slice: calls that were begun, on a clock for all */
    CALL_NS = 500 * 1000, /* a call beside a storm */
    AWAY_NS = SLICE_NS / 2,
    RUN_NS = 400 * 1000 * 1000,
    SLICES_MIN = RUN_NS / SLICE_NS / 8,
    TOO_LATE_NS = 40 * SLICE_NS,
};

static struct worker worker[WORKERS];
static uint64_t entries[MAP_BATCH_MAX];
static volatile bool over, starved, batches;
static volatile uint64_t alive, slices, latest_ns, slowest_ns, storms;

static void
storm(struct worker *w)
{
    uint64_t seen = 0, since = clock_ns();

    while (!over) {
        if (batches)
            call_pt_map(SLOT_ACCOUNT, exo_start_page->root_frame, 0, SCRATCH_VA, (uintptr_t)entries,
                        MAP_BATCH_MAX, SLOT_ACCOUNT);
        else
            call_event_read(SLOT_EVENTS, 0);
        storms++;
        __asm__ volatile("pause"); /* an emulator of one thread lets the other processor on */
        if (alive != seen) {
            seen = alive;
            since = clock_ns();
        } else if (w->cpu == 0 && clock_ns() - since > TOO_LATE_NS) {
            starved = true;
            over = true;
        }
    }
}

static void
one(struct worker *w)
{
    uint64_t last = clock_ns(), since = last, now, before;

    (void)w;
    for (; !over; last = now) {
        alive++;
        now = clock_ns();
        if (now - last > AWAY_NS) {
            slices++;
            since = now;
            latest_ns = now - last > latest_ns ? now - last : latest_ns;
            continue;
        }
        if (now - since > TOO_LATE_NS) /* slices have no end: others starve */
            starved = over = true;
        before = now;
        call_event_read(SLOT_EVENTS, 0);
        now = clock_ns();
        if (now - before < AWAY_NS && now - before > slowest_ns)
            slowest_ns = now - before;
        else if (now - before >= AWAY_NS)
            latest_ns = now - before > latest_ns ? now - before : latest_ns;
        __asm__ volatile("pause");
    }
}

int
exo_main(const struct start_page *start)
{
    struct wait_clause clause = {.kind = WAIT_CLOCK};
    uint64_t frame = frame_new();

    (void)start;
    stay_on(0);
    batches = !strcmp(argument(0), "batches");
    page_at(SCRATCH_VA, frame, MAP_READ);
    for (uint32_t i = 0; i < MAP_BATCH_MAX; i++)
        entries[i] = frame << FRAME_SHIFT | MAP_READ;
    for (uint32_t i = 0; i < WORKERS; i++)
        worker_start(&worker[i], SLOT_WORKER + i, i == WORKERS - 1, SLICE_NS, i ? storm : one);
    clause.value = clock_ns() + RUN_NS;
    call_wait((uintptr_t)&clause, 1);
    over = true;
    for (uint32_t i = 0; i < WORKERS; i++)
        worker_join(&worker[i], "it ends");
    say("%lu slices, the longest without one %lu us; its slowest call %lu us beside %lu of theirs",
        slices, latest_ns / 1000, slowest_ns / 1000, storms);
    hold(!starved, "it runs at all");
    expect(slices >= SLICES_MIN, "there are slices");
    hold(latest_ns <= SLICE_NS + LATE_NS, "its slices begin on time");
    hold(slowest_ns <= CALL_NS, "it gets into the kernel");
    return done();
}
