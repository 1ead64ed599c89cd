/* SPDX-License-Identifier: MIT */
/*
 * swaps.c - a slot is called through on one processor while another empties it and binds there, in
 * turn, two entries, counters and an account. Calls take no lock: each comes to one of the two
 * entries with the identity of the right that was bound to that one, or to none. So do changes of
 * root by a slot that may name our account. Argument: how many calls of each kind at least.
 */
#include <stdatomic.h>
#include "abi/account.h"
#include "test/boot/message.h"
#include "test/boot/workers.h"

enum {
    ENTRIES = 2,
    ENTRY = 20,   /* and the next */
    CONTEXT = 24, /* and the next */
    CALLED = 30,  /* the slot that changes */
    CALLER,
    SERVED = 3000, /* calls of each entry, at least */
    SLICE_NS = 100 * 1000 * 1000,
};
static const uint64_t PATIENCE_NS = 40ull << 30;

static struct worker caller;
static struct cap cap[ENTRIES], other[2];
static uint64_t stack[ENTRIES];
static _Atomic uint64_t served[ENTRIES], refused;
static _Atomic bool over;

/* Who it was, and where. */
void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    (void)flags;
    message[0] = identity;
    message[1] = (uintptr_t)message & ~(uint64_t)(FRAME_BYTES - 1);
}

static void
called(const uint64_t message[MESSAGE_WORDS])
{
    for (uint32_t i = 0; i < ENTRIES; i++) {
        if (message[1] != stack[i])
            continue;
        if (message[0] != cap[i].cell)
            breach("entry %u is called as %lx, not %x", i, message[0], cap[i].cell);
        atomic_fetch_add(&served[i], 1);
        return;
    }
    breach("nobody's stack: %lx", message[1]);
}

static void
call_always(struct worker *w)
{
    (void)w;
    while (!atomic_load(&over)) {
        uint64_t message[MESSAGE_WORDS] = {0};
        int64_t r = message_send(transfer_word(CALLED), message);
        if (r == 0)
            called(message);
        else
            hold(r == -E_BADF || r == -E_PERM, "the slot names an entry, or none");
        atomic_fetch_add(&refused, r != 0);
        /* through the same slot, as long as it names our account */
        r = call_context_root(CALLED, own_root()).value;
        hold(r == 0 || r == -E_BADF || r == -E_PERM, "context_root");
    }
}

static void
bind(const struct cap *of)
{
    call_slot_clear(SLOT_SLOTS, CALLED);
    fine(call_cap_bind(SLOT_SLOTS, CALLED, (uintptr_t)of).value, "cap_bind");
}

static void
serve(uint32_t i)
{
    struct context_start start = {
        .rip = FRAME_BYTES, .vector_frame = frame_new(), .stop_slot = SLOT_NOTHING};

    stack[i] = (uintptr_t)page_new(MAP_READ | MAP_WRITE, NULL);
    fine(call_entry_make(SLOT_ACCOUNT, frame_new(), ENTRY + i).value, "entry_make");
    fine(call_context_make(SLOT_ENV, frame_new(), CONTEXT + i, (uintptr_t)&start).value,
         "context_make");
    activation_serve(ENTRY + i, CONTEXT + i, cpu_count() - 1, stack[i] + FRAME_BYTES);
    cap[i] = cap_of(ENTRY + i, RIGHT_RUN);
}

static bool
all_served(uint64_t n)
{
    return served[0] >= n && served[1] >= n && refused >= n;
}

int
exo_main(const struct start_page *start)
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    (void)start;
    if (cpu_count() < 2)
        return done(); /* what takes no lock is not interrupted */
    stay_on(0);
    for (uint32_t i = 0; i < ENTRIES; i++)
        serve(i);
    other[0] = cap_of(SLOT_EVENTS, RIGHT_READ);
    other[1] = cap_of(SLOT_ACCOUNT, RIGHT_MAP);
    bind(&other[0]);
    worker_start(&caller, CALLER, cpu_count() - 1, SLICE_NS, call_always);
    for (uint32_t i = 0; !all_served(argument_number(0, SERVED)); i++) {
        bind(&cap[i % ENTRIES]);
        for (uint32_t n = i / 2 % 32; n > 0; n--)
            __asm__ volatile("pause");
        bind(&other[i / 4 % 2]);
        if (clock_ns() > end)
            fail("%lu and %lu were served, %lu refused", served[0], served[1], refused);
    }
    atomic_store(&over, true);
    worker_join(&caller, "the caller");
    say("%lu and %lu served, %lu refused", served[0], served[1], refused);
    return done();
}
