/* SPDX-License-Identifier: MIT */
/*
 * refusals.c - each refusal by its name: calls that would succeed but for one argument at the edge
 * of what it may be, and the one error that is for that. What act27_calls finds that no call does at
 * an edge, this finds that a call refuses.
 */
#include "abi/account.h"
#include "abi/channel.h"
#include "abi/event.h"
#include "abi/slice.h"
#include "abi/transfer.h"
#include "test/boot/good.h"

/* `argument` of an otherwise good call; "+OFFSET": the eight bytes there of its structure. */
struct edge {
    uint32_t call;
    int error;
    const char *argument;
    uint64_t value;
};

static const struct edge edges[] = {
    {CALL_frame_alloc, E_INVAL, "n", 0},
    {CALL_frame_alloc, E_INVAL, "n", FRAME_BATCH_MAX + 1},
    {CALL_frame_free, E_INVAL, "n", 0},
    {CALL_frame_free, E_INVAL, "n", FRAME_BATCH_MAX + 1},
    {CALL_frame_read, E_INVAL, "n", 0},
    {CALL_frame_read, E_INVAL, "n", FRAME_BATCH_MAX + 1},
    {CALL_frame_pass, E_INVAL, "n", 0},
    {CALL_frame_pass, E_INVAL, "n", FRAME_BATCH_MAX + 1},
    {CALL_frame_mark, E_INVAL, "on", 2},
    {CALL_frame_join, E_INVAL, "size", 0},
    {CALL_frame_join, E_INVAL, "size", 3},
    {CALL_frame_join, E_INVAL, "first", (uint64_t)1 << 31},
    {CALL_frame_protect, E_INVAL, "clear", MAP_READ},
    {CALL_frame_protect, E_INVAL, "set", MAP_ACCESSED},
    {CALL_frame_protect, E_INVAL, "from", UINT32_MAX},
    {CALL_pt_make, E_INVAL, "level", 0},
    {CALL_pt_make, E_INVAL, "level", PT_LEVELS + 1},
    {CALL_pt_link, E_INVAL, "withheld", MAP_READ},
    {CALL_pt_link, E_INVAL, "va", 0x00007ffffffff000},
    {CALL_pt_unlink, E_INVAL, "level", 0},
    {CALL_pt_unlink, E_INVAL, "level", PT_LEVELS},
    {CALL_pt_map, E_INVAL, "n", 0},
    {CALL_pt_map, E_INVAL, "n", MAP_BATCH_MAX + 1},
    {CALL_pt_map, E_INVAL, "level", PT_LEVELS},
    {CALL_pt_unmap, E_INVAL, "n", 0},
    {CALL_pt_unmap, E_INVAL, "n", MAP_BATCH_MAX + 1},
    {CALL_pt_unmap, E_INVAL, "va", 0x0000010000000001},
    {CALL_pt_unmap, E_INVAL, "level", 2 + PT_LEVELS},
    {CALL_pt_protect, E_INVAL, "n", 0},
    {CALL_pt_protect, E_INVAL, "n", MAP_BATCH_MAX + 1},
    {CALL_pt_protect, E_INVAL, "va", 0x0000010000000001},
    {CALL_pt_protect, E_INVAL, "clear", MAP_READ},
    {CALL_pt_protect, E_INVAL, "set", MAP_DIRTY},
    {CALL_pt_read, E_INVAL, "n", 0},
    {CALL_pt_read, E_INVAL, "n", MAP_BATCH_MAX + 1},
    {CALL_pt_copy, E_INVAL, "+32", MAP_READ},                 /* from_clear */
    {CALL_pt_copy, E_INVAL, "+32", (uint64_t)MAP_READ << 32}, /* to_clear */
    {CALL_pt_copy, E_INVAL, "+24", PT_LEVELS | 1ull << 32},   /* level, n */
    {CALL_pt_copy, E_INVAL, "+24", 1 | 0ull << 32},           /* n */
    {CALL_cap_grant, E_INVAL, "index", 0},
    {CALL_cap_grant, E_INVAL, "index", CELLS_PER_FRAME},
    {CALL_cap_grant, E_INVAL, "rights", RIGHTS_ALL + 1},
    {CALL_cap_grant, E_INVAL, "holder", (uint64_t)1 << 32},
    {CALL_cap_revoke, E_INVAL, "index", 0},
    {CALL_cap_revoke, E_INVAL, "index", CELLS_PER_FRAME},
    {CALL_cap_bind, E_INVAL, "index", SLOTS_PER_TABLE},
    {CALL_slot_clear, E_INVAL, "index", SLOTS_PER_TABLE},
    {CALL_account_time, E_INVAL, "strikes", (uint64_t)1 << 32},
    {CALL_account_time, E_INVAL, "latency_ns", SLICE_MAX_NS + 1},
    {CALL_account_limit_set, E_INVAL, "kind", ACCOUNT_KINDS},
    {CALL_account_limit_set, E_INVAL, "reserve", 6},
    {CALL_account_revoke, E_INVAL, "kind", ACCOUNT_PINS},
    {CALL_account_listen, E_INVAL, "on", 2},
    {CALL_account_make, E_INVAL, "+0", 0},  /* name */
    {CALL_account_make, E_INVAL, "+16", 5}, /* a reserve above the limit */
    {CALL_account_make, E_INVAL, "+32", 1}, /* pages, and not where */
    {CALL_context_make, E_INVAL, "+0", 0x00007ffffffff000},
    {CALL_context_make, E_INVAL, "+8", 0x00007ffffffff000},
    {CALL_context_peek, E_INVAL, "n", 0},
    {CALL_context_peek, E_INVAL, "n", FRAME_BYTES + 1},
    {CALL_context_peek, E_INVAL, "va", 0x00007ffffffff000},
    {CALL_context_poke, E_INVAL, "n", 0},
    {CALL_context_poke, E_INVAL, "n", FRAME_BYTES + 1},
    {CALL_context_poke, E_INVAL, "va", 0x00007ffffffff000},
    {CALL_slice_take, E_INVAL, "cpu", 64},
    {CALL_slice_take, E_INVAL, "position", SLICE_POSITIONS},
    {CALL_slice_take, E_INVAL, "position", SLICE_POSITIONS + 1},
    {CALL_slice_take, E_INVAL, "n", 0},
    {CALL_slice_take, E_INVAL, "n", SLICE_BATCH_MAX + 1},
    {CALL_slice_give, E_INVAL, "position", SLICE_POSITIONS},
    {CALL_slice_give, E_INVAL, "position", SLICE_POSITIONS + 1},
    {CALL_slice_give, E_INVAL, "n", 0},
    {CALL_slice_set, E_INVAL, "position", SLICE_POSITIONS + 1},
    {CALL_slice_set, E_INVAL, "duration_ns", SLICE_MIN_NS - 1},
    {CALL_slice_set, E_INVAL, "duration_ns", SLICE_MAX_NS + 1},
    {CALL_slice_read, E_INVAL, "position", SLICE_POSITIONS + 1},
    {CALL_slice_read, E_INVAL, "cpu", 64},
    {CALL_event_post, E_INVAL, "index", EVENTS_PER_FRAME},
    {CALL_event_post, E_INVAL, "n", 0},
    {CALL_event_post, E_INVAL, "n", EVENT_POST_MAX + 1},
    {CALL_event_read, E_INVAL, "index", EVENTS_PER_FRAME},
    {CALL_event_start, E_INVAL, "index", EVENTS_PER_FRAME},
    {CALL_event_start, E_INVAL, "value", (uint64_t)1 << EVENT_START_BITS},
    {CALL_event_window, E_INVAL, "index", EVENTS_PER_FRAME},
    {CALL_wait, E_INVAL, "n", WAIT_CLAUSES_MAX + 1},
    {CALL_console_write, E_INVAL, "stream", STREAM_INPUT},
    {CALL_console_write, E_INVAL, "stream", STREAM_COUNT},
    {CALL_console_write, E_INVAL, "n", 0},
    {CALL_console_write, E_INVAL, "n", CHANNEL_PAYLOAD_MAX + 1},
    {CALL_console_read, E_INVAL, "n", 0},
    {CALL_console_read, E_INVAL, "n", CHANNEL_PAYLOAD_MAX + 1},
    {CALL_console_close, E_INVAL, "stream", STREAM_COUNT},
    {CALL_console_send, E_INVAL, "stream", STREAM_INPUT},
    {CALL_console_send, E_INVAL, "offset", FRAME_BYTES},
    {CALL_console_send, E_INVAL, "length", 0},
    {CALL_console_send, E_INVAL, "index", EVENTS_PER_FRAME},
    {CALL_transfer_serve, E_INVAL, "+16", 64},                /* a processor that is not there */
    {CALL_transfer_serve, E_INVAL, "+16", (uint64_t)1 << 32}, /* what is reserved */
    {CALL_transfer_serve, E_INVAL, "+0", 0x00007ffffffff000},
    {CALL_transfer_serve, E_INVAL, "+8", 0x00007ffffffff000},
    {CALL_transfer_withdraw, E_INVAL, "cpu", 64},
};

static const struct call_field *
field_named(const struct call_shape *shape, const char *name)
{
    for (const struct call_field *f = shape->field; f->name; f++)
        if (!strcmp(f->name, name))
            return f;
    fail("%s has no argument %s", shape->name, name);
}

static void
edge_refused(const struct edge *edge)
{
    const struct call_shape *shape = call_shape_of(edge->call);
    uint64_t reg[REGISTERS], offset = 0;
    int64_t r;

    good_call(edge->call, reg);
    if (edge->argument[0] == '+') {
        for (const char *digit = edge->argument + 1; *digit; digit++)
            offset = 10 * offset + (uint64_t)(*digit - '0');
        memcpy(good_data + offset, &edge->value, sizeof(edge->value));
    } else {
        field_set(field_named(shape, edge->argument), reg, edge->value);
    }
    r = call_with(edge->call, reg).value;
    if (r != -edge->error)
        breach("%s: %s = 0x%lx: %ld, not %d", shape->name, edge->argument, edge->value, (long)r,
               -edge->error);
    expect(true, "an edge");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    good_begin();
    for (uint32_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        edge_refused(&edges[i]);
    return done();
}
