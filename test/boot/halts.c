/* SPDX-License-Identifier: MIT */
/*
 * halts.c - an activation on another processor is stopped while it answers: it may be back in its place by the time
 * that processor hears of it, and is stopped all the same.
 */
#include "test/boot/message.h"
#include "test/boot/workers.h"

enum {
    ENTRY = 20,
    CALL,
    CONTEXT,
    CALLER,
    OTHER_CPU = 1,
    ROUNDS = 1000,
    SPINS = 512, /* at most: of the answer, and until it is stopped */
    SLICE_NS = 100 * 1000 * 1000,
};
static const uint64_t PATIENCE_NS = 1000000000;

static struct worker caller;
static volatile uint64_t called, answered, spins;
static volatile bool over;

static void
spin(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile("pause");
}

void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    (void)message;
    (void)identity;
    (void)flags;
    spin(spins);
}

static void
call_always(struct worker *w)
{
    uint64_t message[MESSAGE_WORDS] = {0};

    (void)w;
    while (!over) {
        while (answered == called && !over)
            __asm__ volatile("pause");
        (void)message_send(transfer_word(CALL), message);
        answered = called;
    }
}

/* True: it was still under way, or just back. */
static bool
once(uint64_t seed, uint64_t stack)
{
    uint64_t end = clock_ns() + PATIENCE_NS;
    int64_t r;

    activation_serve(ENTRY, CONTEXT, OTHER_CPU, stack);
    spins = seed % SPINS;
    called++;
    spin(seed / SPINS % SPINS);
    r = call_context_stop(CONTEXT).value;
    expect(r == 0 || r == -E_INPROGRESS, "context_stop");
    while (context_told(CONTEXT).phase != CONTEXT_STOPPED)
        hold(clock_ns() < end, "a stop that has begun ends");
    while (answered != called)
        hold(clock_ns() < end, "its caller goes on");
    fine(call_context_resume(CONTEXT).value, "context_resume");
    return r != 0;
}

int
exo_main(const struct start_page *start)
{
    struct context_start of = {
        .rip = FRAME_BYTES, .vector_frame = frame_new(), .stop_slot = SLOT_NOTHING};
    uint64_t stack = (uintptr_t)page_new(MAP_READ | MAP_WRITE, NULL) + FRAME_BYTES, seed = 1;
    uint32_t under_way = 0;

    (void)start;
    stay_on(0);
    if (cpu_count() < 2)
        return done();
    fine(call_entry_make(SLOT_ACCOUNT, frame_new(), ENTRY).value, "entry_make");
    weaken(ENTRY, RIGHT_RUN, CALL);
    fine(call_context_make(SLOT_ENV, frame_new(), CONTEXT, (uintptr_t)&of).value, "context_make");
    worker_start(&caller, CALLER, OTHER_CPU, SLICE_NS, call_always);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        under_way += once(seed >> 32, stack);
    }
    say("%u of %u were under way", under_way, (uint32_t)ROUNDS);
    over = true;
    worker_join(&caller, "the caller");
    return done();
}
