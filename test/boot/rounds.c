/* SPDX-License-Identifier: MIT */
/*
 * rounds.c - all positions of a processor name one who waits for the return of the longest chain of calls, whose
 * last sleeps: who gives its slice away is back soon all the same. Where the clock counts instructions.
 */
#include "test/boot/message.h"
#include "test/boot/workers.h"

enum {
    ENTRY = 20, /* TRANSFER_DEPTH_MAX of them */
    CONTEXT = ENTRY + TRANSFER_DEPTH_MAX,
    BASE,
    YIELDS = 20,
    SLICE_NS = 1000 * 1000,
    BOUND_NS = 1000 * 1000, /* half a million instructions; each chain followed each time: two */
};

static struct worker base;
static volatile bool asleep;

void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    uint64_t next = message[0] + 1;

    (void)identity;
    (void)flags;
    message[0] = next;
    if (next < TRANSFER_DEPTH_MAX)
        (void)message_send(transfer_word(ENTRY + next), message);
    asleep = true;
    call_wait(0, 0);
}

static void
begin(struct worker *w)
{
    uint64_t message[MESSAGE_WORDS] = {0};

    (void)w;
    (void)message_send(transfer_word(ENTRY), message);
}

static uint64_t
yield_ns(void)
{
    uint64_t from = clock_ns();

    for (uint32_t i = 0; i < YIELDS; i++)
        call_yield(SLOT_NOTHING);
    return (clock_ns() - from) / YIELDS;
}

int
exo_main(const struct start_page *start)
{
    uint64_t usual, crowded, named = 0;

    (void)start;
    stay_on(0);
    for (uint32_t i = 0; i < TRANSFER_DEPTH_MAX; i++) {
        call_slot_clear(SLOT_SLOTS, CONTEXT);
        service_new(SLOT_ACCOUNT, SLOT_ENV, ENTRY + i, CONTEXT);
    }
    worker_start(&base, BASE, 0, SLICE_NS, begin);
    while (!asleep)
        call_yield(SLOT_NOTHING);
    usual = yield_ns();
    for (uint64_t at = 0; at < SLICE_POSITIONS; at++)
        if (call_slice_take(SLOT_ACCOUNT, 0, at, 1).value == 1) {
            fine(call_slice_set(SLOT_ACCOUNT, 0, at, BASE, SLOT_NOTHING, SLICE_NS).value,
                 "slice_set");
            named++;
        }
    crowded = yield_ns();
    say("%lu ns, and %lu ns beside %lu positions that cannot run", usual, crowded, named);
    hold(crowded < BOUND_NS, "a round through all positions is short");
    return done();
}
