/* SPDX-License-Identifier: MIT */
/*
 * slots_walk.c - the walk of the call table (walk.h), where we are a partition: every call with
 * every wrong capability, and its twin. Those that only root has the rights for are refused here,
 * and succeed in root_walk.c.
 */
#include "test/boot/foreign.h"
#include "test/boot/proxy.h"
#include "test/boot/state.h"
#include "test/boot/walk.h"
#include "abi/account.h"
#include "abi/event.h"
#include "abi/slice.h"
#include <stddef.h>

void walk_transfers(void);

static void
unknown_calls(void)
{
    for (uint32_t n = 0; n < CALL_BLOCK; n++)
        if (!call_shape_of(n))
            refuse(call_invoke(n, 0, 0, 0, 0, 0).value, E_NOSYS, "a number that is no call");
}

/* ---- what lies in structures ---- */

/* A word of the structure at good_data that names a frame: not ours, it is refused. */
static void
inner_frame(uint32_t number, uint64_t offset, uint64_t bytes, uint32_t shift, uint64_t flags)
{
    uint64_t frame;

    walk_prepare(call_shape_of(number));
    for (uint32_t i = 0; walk_foreign(i, &frame); i++) {
        uint64_t kept, word = frame << shift | flags;
        memcpy(&kept, good_data + offset, bytes);
        memcpy(good_data + offset, &word, bytes);
        state_take();
        if (frame && foreign_still(frame)) /* 0 is none */
            walk_refused(walk_reg, 0, "a frame in its structure", "is not ours");
        memcpy(good_data + offset, &kept, bytes);
    }
    fine(call_with(number, walk_reg).value, "the same with frames of ours");
}

static void
inner_frames(void)
{
    inner_frame(CALL_pt_map, 0, 8, FRAME_SHIFT, MAP_READ);
    inner_frame(CALL_pt_copy, offsetof(struct copy_request, from), 4, 0, 0);
    inner_frame(CALL_pt_copy, offsetof(struct copy_request, to), 4, 0, 0);
    inner_frame(CALL_context_make, offsetof(struct context_start, vector_frame), 8, 0, 0);
    inner_frame(CALL_upcalls_set, offsetof(struct upcall_setup, frame), 8, 0, 0);
}

/* ---- slots that calls ask for themselves ---- */

static uint64_t word_frame; /* of zeroes */

static void
word_clause(void)
{
    struct wait_clause clause = {
        .kind = WAIT_WORD, .where = word_frame << FRAME_SHIFT, .value = 1 /* it holds 0 */};

    memcpy(good_data, &clause, sizeof(clause));
}

static const struct walk_hidden hidden_slots[] = {
    {.number = CALL_slice_set,
     .argument = "first",
     .kind = KIND_CONTEXT,
     .right = RIGHT_RUN,
     .good = GOOD_CONTEXT},
    {.number = CALL_slice_set,
     .argument = "second",
     .kind = KIND_CONTEXT,
     .right = RIGHT_RUN,
     .good = GOOD_CONTEXT},
    {.number = CALL_yield,
     .argument = "to",
     .kind = KIND_CONTEXT,
     .right = RIGHT_RUN,
     .good = SLOT_PROXY,
     .other_kind = KIND_ENTRY},
    {.number = CALL_wait,
     .offset = offsetof(struct wait_clause, slot),
     .kind = KIND_EVENTS,
     .right = RIGHT_READ,
     .good = GOOD_EVENTS},
    {.number = CALL_wait,
     .offset = offsetof(struct wait_clause, slot),
     .kind = KIND_ACCOUNT,
     .right = RIGHT_MAP,
     .good = SLOT_ACCOUNT,
     .foreign = FOREIGN_ACCOUNT,
     .fill = word_clause},
    {.number = CALL_context_make,
     .offset = offsetof(struct context_start, stop_slot),
     .kind = KIND_EVENTS,
     .right = RIGHT_POST,
     .good = GOOD_EVENTS},
    {.number = CALL_upcalls_set,
     .offset = offsetof(struct upcall_setup, events_slot),
     .kind = KIND_EVENTS,
     .right = RIGHT_READ,
     .good = GOOD_EVENTS},
    {.number = CALL_event_window,
     .argument = "account",
     .kind = KIND_ACCOUNT,
     .right = RIGHT_MAP,
     .good = SLOT_ACCOUNT,
     .foreign = FOREIGN_ACCOUNT},
    {.number = CALL_console_send,
     .argument = "account",
     .kind = KIND_ACCOUNT,
     .right = RIGHT_MAP,
     .good = SLOT_ACCOUNT,
     .foreign = FOREIGN_ACCOUNT},
    {.number = CALL_root_inspect,
     .argument = "inspect",
     .kind = KIND_ACCOUNT,
     .right = RIGHT_INSPECT,
     .good = SLOT_INSPECT,
     .foreign = SLOT_ACCOUNT}, /* ours, not root's */
};

static void
slots_asked_for(void)
{
    word_frame = frame_new();
    proxy_renew();
    for (uint32_t i = 0; i < sizeof(hidden_slots) / sizeof(hidden_slots[0]); i++)
        walk_hidden(&hidden_slots[i]);
}

/* ---- capabilities themselves ---- */

static struct call_result
bind(const struct cap *cap)
{
    struct call_result r;

    memcpy(good_data, cap, sizeof(*cap));
    while ((r = call_cap_bind(SLOT_SLOTS, WALK_FORGED, (uintptr_t)good_data)).value == -E_AGAIN)
        ; /* too many were wrong before */
    return r;
}

/* One of each kind, with one thing in it other than the kernel wrote. */
static void
forgeries(void)
{
    for (uint32_t kind = KIND_ACCOUNT; kind < KIND_COUNT; kind++) {
        struct cap good, cap;
        call_slot_clear(SLOT_SLOTS, WALK_FORGED);
        while (call_cap_revoke(WALK_CELLS, 31).value == -E_AGAIN)
            ;
        fine(call_cap_grant(walk_slot_of_kind[kind], WALK_CELLS, 31, RIGHT_GRANT, 0,
                            (uintptr_t)&good)
                 .value,
             "cap_grant");
        for (uint32_t i = 0; i < 7; i++) {
            cap = good;
            cap.object += i == 0;
            cap.cell += i == 1;
            cap.generation += i == 2;
            cap.kind = (uint16_t)(i == 3 ? cap.kind % (KIND_COUNT - 1) + 1 : cap.kind);
            cap.rights |= i == 4 ? RIGHTS_ALL : 0;
            cap.holder = i == 5 ? foreign_holder() : 0;
            cap.tag ^= i == 6;
            refuse(bind(&cap).value, E_KEYREJECTED, "a forged capability");
            refuse(call_cap_grant(WALK_FORGED, GOOD_CELLS, 0, 0, 0, 0).value, E_BADF, "its slot");
        }
        fine(bind(&good).value, "the same, not forged");
        fine(call_cap_revoke(WALK_CELLS, 31).value, "cap_revoke");
        refuse(bind(&good).value, E_BADF, "a capability that was revoked");
    }
}

/* A capability for another holder, and one for us, in either's table. */
static void
holders_of(uint32_t kind)
{
    const struct call_shape *shape = call_shape_of(CALL_cap_bind);
    uint32_t slot = walk_slot_of_kind[kind];
    struct cap theirs, ours;

    for (uint32_t index = 32; index < 34; index++)
        while (call_cap_revoke(WALK_CELLS, index).value == -E_AGAIN)
            ;
    call_slot_clear(FOREIGN_SLOTS, 1);
    fine(call_cap_grant(slot, WALK_CELLS, 32, 0, foreign_holder(), (uintptr_t)&theirs).value,
         "cap_grant");
    fine(call_cap_grant(slot, WALK_CELLS, 33, 0, object_of_slot(SLOT_ACCOUNT), (uintptr_t)&ours)
             .value,
         "cap_grant");
    state_find();
    state_take();
    refuse(call_cap_bind(SLOT_SLOTS, WALK_FORGED, (uintptr_t)&theirs).value, E_PERM,
           "what is theirs");
    state_same(shape, "cap", "is another holder's");
    refuse(call_cap_bind(FOREIGN_SLOTS, 1, (uintptr_t)&ours).value, E_PERM, "what is ours, there");
    state_same(shape, "cap", "is another holder's");
    fine(call_cap_bind(FOREIGN_SLOTS, 1, (uintptr_t)&theirs).value, "theirs in their table");
    fine(call_cap_bind(SLOT_SLOTS, WALK_FORGED, (uintptr_t)&ours).value, "ours in ours");
    call_slot_clear(SLOT_SLOTS, WALK_FORGED);
}

static void
holders(void)
{
    for (uint32_t kind = KIND_ACCOUNT; kind < KIND_COUNT; kind++)
        holders_of(kind);
}

/* What a kernel object holds is not read as a counter. */
static void
objects_unread(void)
{
    for (uint32_t i = 0; i < EVENTS_PER_FRAME; i++) {
        refuse(call_event_read(GOOD_ENV, i).value, E_BADF, "reading an environment as counters");
        refuse(call_event_read(GOOD_CONTEXT, i).value, E_BADF, "reading a context as counters");
        refuse(call_event_read(GOOD_SLOTS, i).value, E_BADF, "reading slots as counters");
    }
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    stay_on(0); /* where the proxy is */
    good_begin();
    foreign_begin();
    state_begin();
    walk_begin();
    objects_unread();
    forgeries();
    holders();
    for (const struct call_shape *shape = call_shapes; shape < call_shapes + CALL_COUNT; shape++) {
        expect(shape == call_shapes || shape->number > shape[-1].number, "numbers in order");
        walk_call(shape);
    }
    unknown_calls();
    inner_frames();
    slots_asked_for();
    walk_transfers();
    return done();
}
