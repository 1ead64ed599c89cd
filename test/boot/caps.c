/* SPDX-License-Identifier: MIT */
/*
 * caps.c - grants and binds: fewer rights, never more; the holder's alone; not a bit changed; dead
 * with the cell or the object, also where the same frame holds another by now.
 * Argument: how many of noise (100,000).
 */
#include "test/boot/kit.h"
#include "abi/account.h"

enum {
    CHILD = 100,
    CHILD_SLOTS,
    CELLS,
    EVENTS,
    BOUND,
    TARGET, /* empty between checks */
    INDEX = 40,
    RANDOM_CAPS = 100000,
    RIGHT_UNKNOWN = 1 << 16,
};

static uint32_t next_index = 1;

static int64_t
grant(uint32_t slot, uint32_t rights, uint32_t holder, struct cap *cap)
{
    return call_cap_grant(slot, CELLS, next_index++, rights, holder, (uintptr_t)cap).value;
}

/* Waits where too many were wrong before. */
static int64_t
bind(const struct cap *cap)
{
    struct call_result r;

    do
        r = call_cap_bind(SLOT_SLOTS, TARGET, (uintptr_t)cap);
    while (r.value == -E_AGAIN && r.detail);
    return r.value;
}

static void
weaker(void)
{
    struct cap cap, more;

    fine(grant(EVENTS, RIGHT_READ | RIGHT_GRANT, 0, &cap), "grant");
    fine(bind(&cap), "bind");
    fine(call_event_read(TARGET, 0).value, "the right that was granted");
    refuse(call_event_post(TARGET, 0, 1).value, E_PERM, "the right that was not");
    refuse(grant(TARGET, RIGHT_READ | RIGHT_POST, 0, &more), E_PERM, "granting more than one has");
    fine(grant(TARGET, RIGHT_READ, 0, &more), "granting less");
    refuse(bind(&more), E_EXIST, "binding to a slot that is taken");
    fine(call_slot_clear(SLOT_SLOTS, TARGET).value, "slot_clear");
    fine(bind(&more), "bind");
    refuse(grant(TARGET, RIGHT_NONE, 0, &cap), E_PERM, "granting without GRANT");
    call_slot_clear(SLOT_SLOTS, TARGET);
}

static void
shapes(void)
{
    struct cap cap;

    refuse(call_cap_grant(EVENTS, CELLS, 0, RIGHT_READ, 0, (uintptr_t)&cap).value, E_INVAL,
           "cell 0");
    refuse(call_cap_grant(EVENTS, CELLS, CELLS_PER_FRAME, RIGHT_READ, 0, (uintptr_t)&cap).value,
           E_INVAL, "a cell beyond the frame");
    refuse(call_cap_grant(EVENTS, CELLS, 1, RIGHT_READ, 0, (uintptr_t)&cap).value, E_EXIST,
           "a cell that is taken");
    refuse(grant(EVENTS, RIGHT_UNKNOWN, 0, &cap), E_INVAL, "a right that there is not");
    fine(grant(EVENTS, RIGHT_READ, 0, &cap), "grant");
    refuse(call_cap_bind(SLOT_SLOTS, SLOTS_PER_TABLE, (uintptr_t)&cap).value, E_INVAL,
           "a slot beyond the table");
}

/* Every bit of a good one, then noise. */
static void
forged(void)
{
    struct cap good, cap;
    uint64_t x = 1, n = argument_number(0, RANDOM_CAPS);

    fine(grant(EVENTS, RIGHT_READ, 0, &good), "grant");
    for (uint32_t bit = 0; bit < sizeof(cap) * 8; bit++) {
        cap = good;
        ((uint8_t *)&cap)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refuse(bind(&cap), E_KEYREJECTED, "a capability with a bit changed");
    }
    for (uint64_t i = 0; i < n; i++) {
        cap = good;
        x = x * 6364136223846793005u + 1442695040888963407u;
        ((uint64_t *)&cap)[x >> 62] ^= x;
        refuse(bind(&cap), E_KEYREJECTED, "a capability of noise");
    }
    fine(bind(&good), "the good one");
    call_slot_clear(SLOT_SLOTS, TARGET);
}

static void
holders(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = 8};
    uint64_t child = frame_new(), own = object_of_slot(SLOT_ACCOUNT);
    struct cap cap;

    fine(call_account_make(SLOT_ACCOUNT, child, CHILD, (uintptr_t)&terms).value, "account_make");
    fine(call_slots_make(CHILD, frame_of_account(CHILD), CHILD_SLOTS).value, "slots_make");
    fine(grant(EVENTS, RIGHT_READ, (uint32_t)child, &cap), "grant to the child");
    refuse(bind(&cap), E_PERM, "binding what is the child's");
    fine(call_cap_bind(CHILD_SLOTS, INDEX, (uintptr_t)&cap).value,
         "binding it in the child's table");
    fine(grant(EVENTS, RIGHT_READ, (uint32_t)own, &cap), "grant to ourselves");
    refuse(call_cap_bind(CHILD_SLOTS, INDEX + 1, (uintptr_t)&cap).value, E_PERM,
           "binding what is ours in the child's table");
    fine(bind(&cap), "binding it in our own");
    call_slot_clear(SLOT_SLOTS, TARGET);
}

/* A cell that ends takes its slots and capabilities with it; a new one in its place is another. */
static bool
dead_cells(void)
{
    uint64_t frame = frame_new();
    struct cap cap, again;

    call_slot_clear(SLOT_SLOTS, BOUND);
    fine(call_cells_make(SLOT_ACCOUNT, frame, BOUND).value, "cells_make");
    fine(call_cap_grant(EVENTS, BOUND, 1, RIGHT_READ, 0, (uintptr_t)&cap).value, "grant");
    fine(bind(&cap), "bind");
    fine(call_event_read(TARGET, 0).value, "it lives");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "the cells end");
    refuse(call_event_read(TARGET, 0).value, E_BADF, "a slot of a dead cell");
    call_slot_clear(SLOT_SLOTS, TARGET);
    refuse(bind(&cap), E_BADF, "a capability of a dead cell");

    if (!frame_again(frame)) {
        call_slot_clear(SLOT_SLOTS, TARGET);
        return false;
    }
    call_slot_clear(SLOT_SLOTS, BOUND);
    fine(call_cells_make(SLOT_ACCOUNT, frame, BOUND).value, "cells again");
    refuse(bind(&cap), E_BADF, "an old capability of an empty cell");
    fine(call_cap_grant(EVENTS, BOUND, 1, RIGHT_POST, 0, (uintptr_t)&again).value, "grant");
    refuse(bind(&cap), E_BADF, "an old capability of a new cell");
    fine(bind(&again), "the new one");
    call_slot_clear(SLOT_SLOTS, TARGET);
    return true;
}

/* The same for the object: what was granted of the old one is nothing of the new one. */
static bool
dead_objects(void)
{
    uint64_t frame = frame_new();
    struct cap cap;

    call_slot_clear(SLOT_SLOTS, BOUND);
    fine(call_events_make(SLOT_ACCOUNT, frame, BOUND).value, "events_make");
    fine(grant(BOUND, RIGHT_READ | RIGHT_POST, 0, &cap), "grant");
    fine(bind(&cap), "bind");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "the counters end");
    refuse(call_event_read(TARGET, 0).value, E_BADF, "a slot of dead counters");
    refuse(call_event_read(BOUND, 0).value, E_BADF, "their maker's slot");
    if (!frame_again(frame)) {
        call_slot_clear(SLOT_SLOTS, TARGET);
        return false;
    }
    fine(call_events_make(SLOT_ACCOUNT, frame, BOUND).value,
         "counters again, in the slot that fell with the old ones");
    refuse(call_event_post(TARGET, 0, 1).value, E_BADF, "an old slot of new counters");
    call_slot_clear(SLOT_SLOTS, TARGET);
    refuse(bind(&cap), E_BADF, "an old capability of new counters");
    hold(call_event_read(BOUND, 0).value == 0, "they count from 0");
    return true;
}

/* What init granted us, and the rights that it kept, cannot be had back. */
static void
own_slots(void)
{
    struct cap cap;

    refuse(grant(SLOT_ACCOUNT, RIGHT_DESTROY, 0, &cap), E_PERM, "the end of our own account");
    refuse(grant(SLOT_MACHINE, RIGHT_POWER, 0, &cap), E_PERM, "the machine's power");
    refuse(grant(SLOT_CONSOLE, RIGHT_STATUS, 0, &cap), E_PERM, "our own exit status");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), CELLS).value, "cells_make");
    fine(call_events_make(SLOT_ACCOUNT, frame_new(), EVENTS).value, "events_make");
    weaker();
    shapes();
    forged();
    holders();
    until_quiet(dead_cells, "dead cells");
    until_quiet(dead_objects, "dead objects");
    own_slots();
    return done();
}
