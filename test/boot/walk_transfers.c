/* SPDX-License-Identifier: MIT */
/*
 * walk_transfers.c - the part of the walk (walk.h) whose slot travels in the upper half of rax:
 * transfer, transfer_post, and transfer_return, which asks for none. Nobody is called by what is
 * refused, the message is still there, and the twin with an entry of just RUN goes through.
 */
#include "test/boot/message.h"
#include "test/boot/state.h"
#include "test/boot/walk.h"

void walk_transfers(void);

enum {
    SERVICE = 101,
    SERVICE_CONTEXT,
    UNSERVED,
    CELL = 41,
    SLICE_NS = 1000 * 1000,
    POSITION = 530
};

static volatile uint64_t served;
static const struct call_shape *shape;

void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    (void)identity;
    (void)flags;
    served++;
    message[0] = ~message[0];
}

static void
fill(uint64_t message[MESSAGE_WORDS])
{
    for (uint64_t i = 0; i < MESSAGE_WORDS; i++)
        message[i] = 0x0101010101010101 * (i + 1);
}

static void
refused(uint64_t slot, int error, const char *what)
{
    uint64_t message[MESSAGE_WORDS], before = served;
    int64_t value;

    fill(message);
    value = message_send(slot << 32 | (CALL_BASE + shape->number), message);
    if (value >= 0)
        breach("%s: %s: accepted, %ld", shape->name, what, (long)value);
    error_documented(shape, value);
    if (value != -error)
        fail("%s: %s: error %ld, not %d", shape->name, what, (long)-value, error);
    hold(served == before, "nobody was called");
    for (uint64_t i = 0; i < MESSAGE_WORDS; i++)
        expect(i == 2 || message[i] == 0x0101010101010101 * (i + 1), "the message is still there");
    state_same(shape, "rax", what);
}

static void
every_wrong_slot(void)
{
    static const uint64_t none[] = {WALK_EMPTY, SLOTS_PER_TABLE, SLOTS_PER_TABLE + 1, 0x7fffffff,
                                    0x80000000, 0xfffffffe,      SLOT_NOTHING};

    walk_bind(SERVICE, RIGHTS_ALL & ~RIGHT_RUN, WALK_WEAK, CELL);
    walk_bind(SERVICE, RIGHT_RUN, WALK_REVOKED, CELL + 1);
    fine(call_cap_revoke(WALK_CELLS, CELL + 1).value, "cap_revoke");
    walk_bind(SERVICE, RIGHT_RUN, WALK_EXACT, CELL + 2);
    state_find();
    state_take();
    for (uint32_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        refused(none[i], E_BADF, "names no slot");
    refused(WALK_DEAD, E_BADF, "names a dead slot");
    refused(WALK_FORGED, E_BADF, "names what was forged");
    for (uint32_t kind = KIND_ACCOUNT; kind < KIND_COUNT; kind++)
        if (kind != KIND_ENTRY)
            refused(walk_slot_of_kind[kind], E_BADF, "is of another kind");
    refused(WALK_WEAK, E_PERM, "lacks the right");
    refused(WALK_REVOKED, E_BADF, "was revoked");
    refused(UNSERVED, E_NOENT, "is an entry that nobody serves");
}

static void
twin(void)
{
    uint64_t message[MESSAGE_WORDS], before = served;
    int64_t value;

    fill(message);
    value = message_send((uint64_t)WALK_EXACT << 32 | (CALL_BASE + shape->number), message);
    if (value)
        fail("%s with a slot of just RUN: error %ld", shape->name, (long)-value);
    while (served == before) /* transfer_post: it has the rest of our slice, and its own */
        call_yield(SLOT_NOTHING);
    if (shape->number == CALL_transfer) /* that it came back is the twin of transfer_return */
        expect(~message[0] == 0x0101010101010101, "the answer");
}

void
walk_transfers(void)
{
    service_new(SLOT_ACCOUNT, SLOT_ENV, SERVICE, SERVICE_CONTEXT);
    fine(call_entry_make(SLOT_ACCOUNT, frame_new(), UNSERVED).value, "entry_make");
    expect(call_slice_take(SLOT_ACCOUNT, 0, POSITION, 1).value == 1, "slice_take");
    fine(call_slice_set(SLOT_ACCOUNT, 0, POSITION, SERVICE_CONTEXT, SLOT_NOTHING, SLICE_NS).value,
         "slice_set");
    shape = call_shape_of(CALL_transfer_return);
    state_find();
    state_take();
    for (uint32_t slot = 0; slot < SLOTS_PER_TABLE; slot++)
        refused(slot, E_PERM, "is of no use to who was not called");
    shape = call_shape_of(CALL_transfer);
    every_wrong_slot();
    twin();
    shape = call_shape_of(CALL_transfer_post);
    every_wrong_slot();
    twin();
}
