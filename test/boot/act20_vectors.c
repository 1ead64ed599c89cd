/* SPDX-License-Identifier: MIT */
/*
 * act20_vectors.c - hostile act 20: every vector register and control word filled, over slices,
 * sleeps and calls: they are ours as we left them, and the victim beside sees its own, which are
 * zero. A context that begins on a frame of noise, where the head of the saved state lies, begins
 * clean; and nothing of such a frame can be reached once it is a context's.
 */
#include "abi/event.h"
#include "test/boot/vectors.h"
#include "test/boot/workers.h"

enum { ROUNDS = 40, ROUND_NS = 3 * 1000 * 1000, SLOT = 60, NOISE = 0xff, SLICE_NS = 500 * 1000 };

static volatile bool began, was_clean;
static uint8_t stack[WORKER_STACK_BYTES] __attribute__((aligned(16)));

static void __attribute__((noreturn)) begin(void)
{
    was_clean = vectors_clean();
    began = true;
    vectors_fill(UINT64_MAX);
    for (;;)
        call_context_exit(0);
}

static void
fill_for_long(void)
{
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        uint64_t pattern = i * 0x0123456789abcdef, end = clock_ns() + ROUND_NS;
        struct wait_clause sleep = {.kind = WAIT_CLOCK, .value = end};

        vectors_fill(pattern);
        if (i % 3 == 0)
            call_wait((uintptr_t)&sleep, 1);
        while (clock_ns() < end)
            if (i % 3 == 1)
                call_yield(SLOT_NOTHING);
        hold(vectors_filled(pattern), "vector registers are as we left them");
    }
}

/* A frame of ours with nothing but noise in it. */
static uint64_t
frame_of_noise(void)
{
    uint64_t frame = frame_new();

    page_at(SCRATCH_VA, frame, MAP_READ | MAP_WRITE);
    memset((void *)SCRATCH_VA, NOISE, FRAME_BYTES);
    fine(call_pt_unmap(SLOT_ACCOUNT, exo_start_page->root_frame, 0, SCRATCH_VA, 1).value,
         "pt_unmap");
    return frame;
}

static void
unreachable(uint64_t frame)
{
    uint64_t root = exo_start_page->root_frame;

    refuse(map_one(root, SCRATCH_VA, frame << FRAME_SHIFT | MAP_READ), E_PERM, "mapping it");
    refuse(call_frame_free(SLOT_ACCOUNT, frame, 1).value, E_BUSY, "freeing it");
    refuse(call_frame_pass(SLOT_ACCOUNT, frame, 1, SLOT_ACCOUNT).value, E_INVAL, "passing it");
    refuse(call_frame_protect(SLOT_ACCOUNT, frame, 0, 0, 0, MAP_CHANGEABLE, MAP_WRITE).value,
           E_INVAL, "protecting it");
    refuse(call_events_make(SLOT_ACCOUNT, frame, SLOT + 1).value, E_PERM, "making it an object");
}

static void
noise_as_state(void)
{
    struct context_start start = {.rip = (uintptr_t)begin,
                                  .rsp = (uintptr_t)stack + WORKER_STACK_BYTES - 8,
                                  .stop_slot = SLOT_NOTHING};
    uint64_t end = clock_ns() + ((uint64_t)1 << 34);
    int64_t r;

    start.vector_frame = frame_of_noise();
    while ((r = call_context_make(SLOT_ENV, frame_new(), SLOT, (uintptr_t)&start).value) ==
           -E_AGAIN)
        call_yield(SLOT_NOTHING); /* until nobody has the page as it was */
    fine(r, "context_make");
    unreachable(start.vector_frame);
    expect(call_slice_take(SLOT_ACCOUNT, 0, 700, 1).value == 1, "slice_take");
    fine(call_slice_set(SLOT_ACCOUNT, 0, 700, SLOT, SLOT_NOTHING, SLICE_NS).value, "slice_set");
    while (!began) {
        expect(clock_ns() < end, "a context on noise begins");
        call_yield(SLOT_NOTHING);
    }
    hold(was_clean, "noise is not what a context begins with");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    hold(vectors_clean(), "we begin clean");
    noise_as_state();
    if (vectors_unclean())
        breach("another context of ours filled %s", vectors_unclean());
    fill_for_long();
    return done();
}
