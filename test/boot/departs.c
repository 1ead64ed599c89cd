/* SPDX-License-Identifier: MIT */
/*
 * departs.c - the root of the last that ran on a processor, which has nothing to run but the host's messages now
 * (test/boot/floods.py sends them): it ends, its frame is ours again, and nobody stands on it.
 */
#include "test/boot/workers.h"

enum { WORKER = 60, ROUNDS = 200, SLICE_NS = 1000 * 1000, PATIENCE_NS = 2000 * 1000 * 1000 };
static const uint64_t MARK = 0x5a5a5a5a5a5a5a5a;

static struct worker worker;
static uint64_t root, upper;
static volatile uint64_t *page;

static void
leave(struct worker *w)
{
    (void)w;
    call_context_root(SLOT_ACCOUNT, root);
    call_context_exit(0);
}

static uint64_t
frame_free(uint64_t frame)
{
    int64_t r;

    do
        r = call_frame_free(SLOT_ACCOUNT, frame, 1).value;
    while (r == -E_AGAIN || r == -E_BUSY);
    expect(r == 1, "frame_free");
    return frame;
}

static void
once(void)
{
    uint64_t links = frame_new(), end = clock_ns() + PATIENCE_NS;

    root = frame_new();
    fine(call_pt_make(SLOT_ACCOUNT, root, PT_LEVELS, links).value, "pt_make");
    fine(call_pt_link(SLOT_ACCOUNT, root, LIBRARY_VA, upper, 0).value, "pt_link");
    worker_start(&worker, WORKER, 0, SLICE_NS, leave);
    while (worker_phase(&worker, NULL) != CONTEXT_STOPPED) {
        expect(clock_ns() < end, "it ends");
        __builtin_ia32_pause();
    }
    frame_free(worker.frame);
    frame_free(root);
    if (frame_again(root)) {
        page_at((uintptr_t)page, root, MAP_READ | MAP_WRITE);
        for (uint32_t i = 0; i < PT_ENTRIES; i++)
            page[i] = MARK;
        __builtin_ia32_pause(); /* an emulator of one thread lets the other processor on */
        for (uint32_t i = 0; i < PT_ENTRIES; i++)
            hold(page[i] == MARK, "nobody writes to a frame of ours");
        fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 1, (uintptr_t)page, 1).value, "pt_unmap");
        frame_free(root);
    }
    frame_free(links);
    frame_free(worker.vector_frame);
    fine(call_slice_give(SLOT_ACCOUNT, 0, worker.position, 1).value, "slice_give");
}

int
exo_main(const struct start_page *start)
{
    uint64_t link;

    (void)start;
    stay_on(1);
    page = (volatile uint64_t *)room_take(1);
    fine(call_pt_read(SLOT_ACCOUNT, own_root(), PT_LEVELS, LIBRARY_VA, (uintptr_t)&link, 1).value,
         "pt_read");
    upper = (link & ~(uint64_t)MAP_LINK) >> FRAME_SHIFT;
    for (uint32_t i = 0; i < ROUNDS; i++)
        once();
    return done();
}
