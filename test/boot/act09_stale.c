/* SPDX-License-Identifier: MIT */
/*
 * act09_stale.c - hostile act 9, and 7 on two processors: use a right that was taken away, through
 * the translation that another processor still holds. A context of ours on processor 1 writes to a
 * page for ever, warm; we take the page from it in every way there is. Until the epoch has passed
 * it may write on; after that never, whoever has the frame then.
 */
#include "test/boot/kit.h"
#include "abi/exposed.h"
#include "abi/slice.h"

enum { WORKER = 100, ROUNDS = 12, POSITION = 7, OTHER_CPU = 1, LOOKS = 20000, TRIES = 100000000 };

static const uint64_t PATIENCE_NS = 20000000000; /* a host may put its processor aside */

static const uint64_t PAGE_VA = 0x0000020000000000, WATCH_VA = 0x0000028000000000;
static uint64_t table; /* of level 1, where the page is mapped */
static volatile uint64_t worker_rounds;
static uint64_t waited; /* epochs that had not passed */

static const struct machine_page *
machine(void)
{
    return (const struct machine_page *)EXPOSED_MACHINE;
}

/* Runs without upcalls: the first fault ends it. */
static void
worker(void)
{
    for (;;) {
        worker_rounds++;
        *(volatile uint64_t *)PAGE_VA = worker_rounds;
    }
}

static uint64_t worker_frame, worker_vectors;

static void
worker_start(void)
{
    struct context_start start = {.rip = (uintptr_t)worker, .stop_slot = SLOT_NOTHING};
    uint64_t before = worker_rounds;

    worker_frame = frame_new();
    start.vector_frame = worker_vectors;
    fine(call_context_make(SLOT_ENV, worker_frame, WORKER, (uintptr_t)&start).value,
         "context_make");
    fine(
        call_slice_set(SLOT_ACCOUNT, OTHER_CPU, POSITION, WORKER, SLOT_NOTHING, SLICE_MAX_NS).value,
        "slice_set");
    for (uint64_t i = 0; worker_rounds < before + 1000; i++)
        expect(i < TRIES, "the worker runs");
}

/* It has faulted, and is gone. */
static void
worker_end(void)
{
    uint64_t end = clock_ns() + PATIENCE_NS;
    struct context_state state;

    for (;;) {
        fine(call_context_read(WORKER, (uintptr_t)&state).value, "context_read");
        if (state.phase == CONTEXT_STOPPED)
            break;
        hold(clock_ns() < end, "the worker goes on without the right");
    }
    expect(state.save.vector == VECTOR_PAGE && state.save.address == PAGE_VA, "by a page fault");
    while (call_frame_free(SLOT_ACCOUNT, worker_frame, 1).value != 1)
        ;
}

/* Waits as a library does: the word that everybody may read, a call only to hurry it. */
static void
epoch_pass(uint64_t epoch)
{
    const volatile uint64_t *passed = &machine()->epoch_passed;

    waited += epoch > *passed;
    while (epoch > *passed)
        if (call_tlb_flush(epoch).value == 0)
            break;
}

/* ---- the ways to take it: each gives the epoch ---- */

static uint64_t
by_unmap(uint64_t frame)
{
    (void)frame;
    return call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, PAGE_VA, 1).detail;
}

static uint64_t
by_protect(uint64_t frame)
{
    (void)frame;
    return call_pt_protect(SLOT_ACCOUNT, own_root(), 0, PAGE_VA, 1, MAP_WRITE, 0).detail;
}

static uint64_t
by_table(uint64_t frame)
{
    (void)frame;
    return call_pt_protect(SLOT_ACCOUNT, table, 0, 0, 1, MAP_WRITE, 0).detail;
}

static uint64_t
by_map(uint64_t frame)
{
    uint64_t entry = frame << FRAME_SHIFT | MAP_READ;

    return call_pt_map(SLOT_ACCOUNT, own_root(), 0, PAGE_VA, (uintptr_t)&entry, 1, SLOT_ACCOUNT)
        .detail;
}

/* A fork beside a running thread. */
static uint64_t
by_copy(uint64_t frame)
{
    struct copy_request r = {.from = (uint32_t)own_root(),
                             .to = (uint32_t)own_root(),
                             .from_va = PAGE_VA,
                             .to_va = WATCH_VA + FRAME_BYTES,
                             .n = 1,
                             .from_clear = MAP_WRITE,
                             .to_clear = MAP_WRITE};

    (void)frame;
    return call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&r).detail;
}

static uint64_t
by_sweep(uint64_t frame)
{
    return call_frame_protect(SLOT_ACCOUNT, frame, 0, 0, 0, MAP_WRITE, 0).detail;
}

static uint64_t
by_break(uint64_t frame)
{
    uint64_t epoch = call_frame_break(SLOT_ACCOUNT, frame).detail;

    page_at(WATCH_VA, frame, MAP_READ);
    return epoch;
}

static uint64_t
by_link(uint64_t frame)
{
    (void)frame;
    return call_pt_link(SLOT_ACCOUNT, own_root(), PAGE_VA, table, MAP_WRITE).detail;
}

static uint64_t
by_unlink(uint64_t frame)
{
    (void)frame;
    return call_pt_unlink(SLOT_ACCOUNT, own_root(), PAGE_VA, 1).detail;
}

static const struct way {
    const char *name;
    uint64_t (*take)(uint64_t frame);
} ways[] = {
    {"pt_unmap", by_unmap},        {"pt_protect", by_protect},
    {"a table by name", by_table}, {"pt_map", by_map},
    {"pt_copy", by_copy},          {"frame_protect", by_sweep},
    {"frame_break", by_break},     {"a link that withholds", by_link},
    {"pt_unlink", by_unlink},
};

/* The page as it was, whatever was taken. */
static void
page_restore(uint64_t frame)
{
    int64_t r = call_pt_link(SLOT_ACCOUNT, own_root(), PAGE_VA, table, 0).value;

    expect(r == 0 || r == -E_EXIST, "the table is linked");
    page_at(PAGE_VA, frame, MAP_READ | MAP_WRITE);
}

/* Once the epoch has passed the page is as it is. */
static void
stays(const struct way *way, uint64_t frame)
{
    const volatile uint64_t *word = (const volatile uint64_t *)WATCH_VA;
    uint64_t last;

    page_restore(frame);
    page_at(WATCH_VA, frame, MAP_READ);
    worker_start();
    epoch_pass(way->take(frame));
    last = *word;
    for (int i = 0; i < LOOKS; i++)
        if (*word != last)
            breach("%s: a store of another processor after the epoch", way->name);
    worker_end();
}

/* Is the frame, mapped where we watch, as it was given to us? */
static void
stays_zero(const char *what)
{
    const volatile uint64_t *word = (const volatile uint64_t *)WATCH_VA;

    for (int i = 0; i < LOOKS; i++)
        hold(*word == 0, what);
    worker_end();
}

/* Tries again once the epoch that was named has passed. */
static struct call_result
again(struct call_result r, struct call_result (*fn)(uint64_t frame), uint64_t frame)
{
    if (r.value != -E_AGAIN)
        return r;
    epoch_pass(r.detail);
    return fn(frame);
}

static struct call_result
take(uint64_t frame)
{
    return call_frame_alloc(SLOT_ACCOUNT, frame, 1);
}

static uint64_t companion;

static struct call_result
make_table(uint64_t frame)
{
    return call_pt_make(SLOT_ACCOUNT, frame, 1, companion);
}

/* Freed and taken again: what is in it is ours alone. */
static void
quarantined(uint64_t *frame)
{
    page_restore(*frame);
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, WATCH_VA, 1).value, "pt_unmap");
    worker_start();
    by_unmap(*frame);
    fine(call_frame_free(SLOT_ACCOUNT, *frame, 1).value, "frame_free");
    if (again(take(*frame), take, *frame).value != 1) { /* another partition was faster */
        worker_end();
        *frame = frame_new();
        return;
    }
    page_at(WATCH_VA, *frame, MAP_READ | MAP_WRITE);
    stays_zero("a store of another processor to a frame that was freed");
}

/* Made a page table: nobody writes its entries but the kernel. */
static void
made_table(uint64_t frame)
{
    page_restore(frame);
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, WATCH_VA, 1).value, "pt_unmap");
    worker_start();
    by_unmap(frame);
    fine(again(make_table(frame), make_table, frame).value, "pt_make");
    page_at(WATCH_VA, frame, MAP_READ);
    stays_zero("a store of another processor to a page table");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, WATCH_VA, 1).value, "pt_unmap");
    while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        ;
}

int
exo_main(const struct start_page *start)
{
    uint64_t frame = frame_new();
    struct call_result epoch_of;

    (void)start;
    companion = frame_new();
    page_at(PAGE_VA, frame, MAP_READ | MAP_WRITE);
    page_at(WATCH_VA, frame, MAP_READ);
    expect(trap_write(PAGE_VA).vector == NO_VECTOR, "the page");
    table = (uint64_t)call_pt_unlink(SLOT_ACCOUNT, own_root(), PAGE_VA, 1).value;
    if (machine()->n_cpus == 1) { /* nobody else holds anything: the epoch is 0, always */
        for (uint32_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
            page_restore(frame);
            page_at(WATCH_VA, frame, MAP_READ);
            expect(trap_write(PAGE_VA).vector == NO_VECTOR, "warm");
            expect(ways[i].take(frame) == 0, "no epoch with one processor");
            hold(trap_write(PAGE_VA).vector == VECTOR_PAGE, ways[i].name);
        }
        return done();
    }
    worker_vectors = frame_new();
    fine(call_slice_take(SLOT_ACCOUNT, OTHER_CPU, POSITION, 1).value, "slice_take");
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
            stays(&ways[i], frame);
        quarantined(&frame);
        made_table(frame);
        while ((epoch_of = take(frame)).value == -E_AGAIN)
            epoch_pass(epoch_of.detail);
        if (epoch_of.value != 1)
            frame = frame_new();
    }
    expect(waited > 0, "some epochs had not passed at once");
    say("%lu epochs waited for, %lu writes", waited, worker_rounds);
    return done();
}
