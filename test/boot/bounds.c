/* SPDX-License-Identifier: MIT */
/*
 * bounds.c - each number that a call takes at its own bounds (edges.h): the first and the last that
 * its page allows are not called wrong, what lies beyond is E_INVAL and changes nothing. Of every
 * argument that is a number a bound is stated here; frames, addresses, slots, times and sets, which
 * have none of their own, are named.
 */
#include "test/boot/edges.h"
#include "test/boot/state.h"
#include "abi/account.h"
#include "abi/channel.h"
#include "abi/console.h"
#include "abi/event.h"
#include "abi/exposed.h"
#include "abi/slice.h"

enum bound_flag {
    BEYOND = 1, /* what lies at the bound itself would cost us something, or is refused for more */
    CPU = 2,    /* the last is the last processor */
};

struct bound {
    uint64_t number;
    const char *argument;
    uint64_t first, last; /* first 0: nothing lies before */
    uint64_t flags;       /* set of enum bound_flag */
};

enum { LOG_MAX = 256, STATUS_MAX = 255, POWER_MAX = 63, CELL_LAST = CELLS_PER_FRAME - 1 };
enum { SLOT_LAST = SLOTS_PER_TABLE - 1, EVENT_LAST = EVENTS_PER_FRAME - 1, CPU_NUMBERS = 64 };
enum { STREAM_LAST = STREAM_COUNT - 1, POSITION_LAST = SLICE_POSITIONS - 1 };

/* clang-format off */
static const struct bound bounds[] = {
    {CALL_account_make, "into", 0, SLOT_LAST, 0},
    {CALL_cap_grant, "index", 1, CELL_LAST, 0},
    {CALL_cap_grant, "rights", 0, RIGHTS_ALL, 0},
    {CALL_cap_grant, "holder", 0, UINT32_MAX, 0},
    {CALL_cap_bind, "index", 0, SLOT_LAST, 0},
    {CALL_slot_clear, "index", 0, SLOT_LAST, 0},
    {CALL_slots_make, "into", 0, SLOT_LAST, 0},
    {CALL_cells_make, "into", 0, SLOT_LAST, 0},
    {CALL_frame_alloc, "n", 1, FRAME_BATCH_MAX, 0},
    {CALL_frame_free, "n", 1, FRAME_BATCH_MAX, 0},
    {CALL_pt_make, "level", 1, PT_LEVELS, 0},
    {CALL_pt_link, "va", 0, USER_TOP - 1, 0},
    {CALL_pt_link, "withheld", 0, MAP_WRITE | MAP_EXEC, 0},
    {CALL_pt_map, "level", 0, PT_LEVELS - 1, 0},
    {CALL_pt_map, "n", 1, MAP_BATCH_MAX, 0},
    {CALL_pt_unmap, "level", 0, PT_LEVELS - 1, 0},
    {CALL_pt_unmap, "n", 1, MAP_BATCH_MAX, 0},
    {CALL_pt_protect, "level", 0, PT_LEVELS - 1, 0},
    {CALL_pt_protect, "n", 1, MAP_BATCH_MAX, 0},
    {CALL_pt_read, "level", 0, PT_LEVELS, 0},
    {CALL_pt_read, "n", 1, MAP_BATCH_MAX, 0},
    {CALL_env_make, "into", 0, SLOT_LAST, 0},
    {CALL_context_make, "into", 0, SLOT_LAST, 0},
    {CALL_context_peek, "va", 0, USER_TOP - 1, 0},
    {CALL_context_peek, "n", 1, FRAME_BYTES, 0},
    {CALL_slice_set, "cpu", 0, 0, CPU},
    {CALL_slice_set, "position", 0, POSITION_LAST, 0},
    {CALL_slice_set, "duration_ns", SLICE_MIN_NS, SLICE_MAX_NS, 0},
    {CALL_wait, "n", 0, WAIT_CLAUSES_MAX, 0},
    {CALL_events_make, "into", 0, SLOT_LAST, 0},
    {CALL_event_post, "index", 0, EVENT_LAST, 0},
    {CALL_event_post, "n", 1, EVENT_POST_MAX, 0},
    {CALL_event_read, "index", 0, EVENT_LAST, 0},
    {CALL_console_make, "into", 0, SLOT_LAST, BEYOND},
    {CALL_console_make, "n_buffer", 1, CONSOLE_BUFFERS_MAX, 0},
    {CALL_console_make, "channel", 0, CHANNEL_MAX - 1, BEYOND},
    {CALL_console_make, "index", 0, EVENT_LAST - 1, BEYOND},
    {CALL_console_write, "stream", STREAM_OUTPUT, STREAM_LAST, BEYOND},
    {CALL_console_write, "n", 1, CHANNEL_PAYLOAD_MAX, 0},
    {CALL_console_read, "n", 1, CHANNEL_PAYLOAD_MAX, 0},
    {CALL_console_close, "stream", 0, STREAM_LAST, BEYOND},
    {CALL_console_status, "status", 0, STATUS_MAX, 0},
    {CALL_log_write, "n", 1, LOG_MAX, 0},
    {CALL_power_off, "status", 0, POWER_MAX, BEYOND},
    {CALL_cap_revoke, "index", 1, CELL_LAST, 0},
    {CALL_pt_unlink, "va", 0, USER_TOP - 1, 0},
    {CALL_pt_unlink, "level", 1, PT_LEVELS - 1, 0},
    {CALL_frame_join, "size", 1, 2, BEYOND},
    {CALL_frame_pass, "n", 1, FRAME_BATCH_MAX, 0},
    {CALL_frame_read, "n", 1, FRAME_BATCH_MAX, 0},
    {CALL_console_send, "stream", STREAM_OUTPUT, STREAM_LAST, BEYOND},
    {CALL_console_send, "offset", 0, FRAME_BYTES - 1, 0},
    {CALL_console_send, "length", 1, CHANNEL_PAYLOAD_MAX, 0},
    {CALL_console_send, "index", 0, EVENT_LAST, 0},
    {CALL_account_limit_set, "kind", 0, ACCOUNT_KINDS - 1, 0},
    {CALL_account_revoke, "kind", 0, ACCOUNT_SLICES, 0},
    {CALL_account_listen, "on", 0, 1, 0},
    {CALL_entry_make, "into", 0, SLOT_LAST, 0},
    {CALL_transfer_withdraw, "cpu", 0, CPU_NUMBERS - 1, 0},
    {CALL_slice_take, "cpu", 0, 0, CPU},
    {CALL_slice_take, "position", 0, POSITION_LAST, 0},
    {CALL_slice_take, "n", 1, SLICE_BATCH_MAX, 0},
    {CALL_slice_give, "cpu", 0, 0, CPU},
    {CALL_slice_give, "position", 0, POSITION_LAST, 0},
    {CALL_slice_give, "n", 1, SLICE_BATCH_MAX, 0},
    {CALL_context_poke, "va", 0, USER_TOP - 1, 0},
    {CALL_context_poke, "n", 1, FRAME_BYTES, 0},
    {CALL_slice_read, "cpu", 0, 0, CPU},
    {CALL_slice_read, "position", 0, POSITION_LAST, 0},
    {CALL_account_time, "strikes", 0, UINT32_MAX, 0},
    {CALL_account_time, "latency_ns", 0, SLICE_MAX_NS, 0},
    {CALL_frame_mark, "on", 0, 1, 0},
    {CALL_event_window, "index", 0, EVENT_LAST, 0},
    {CALL_root_inspect, "on", 0, 1, 0},
    {CALL_event_start, "index", 0, EVENT_LAST, 0},
    {CALL_event_start, "value", 0, ((uint64_t)1 << EVENT_START_BITS) - 1, BEYOND},
};
/* clang-format on */

/* An argument of that name, or that only the call named has so, is no number with a bound. */
static const struct {
    const char *argument;
    uint32_t number; /* 0: any call */
} boundless[] = {
    {"frame", 0},
    {"first", 0},
    {"root", 0},
    {"table", 0},
    {"child", 0},
    {"companion", 0},
    {"va", 0}, /* where it is one of pages it has to be aligned, too: edges.c */
    {"account", 0},
    {"inspect", 0},
    {"to", 0},
    {"second", 0},
    {"clear", 0},
    {"set", 0},
    {"soft_mask", 0},
    {"soft_value", 0},
    {"from", 0},
    {"epoch", 0},
    {"time_ns", 0},
    {"deadline_ns", 0},
    {"reserve", CALL_account_limit_set},
    {"limit", CALL_account_limit_set},
    {"n", CALL_account_revoke}, /* what is held says which */
    {"status", CALL_context_exit},
};

static const struct bound *
bound_of(const struct call_shape *shape, const struct call_field *f)
{
    for (uint32_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
        if (bounds[i].number == shape->number && !strcmp(bounds[i].argument, f->name))
            return &bounds[i];
    return NULL;
}

static bool
is_boundless(const struct call_shape *shape, const struct call_field *f)
{
    for (uint32_t i = 0; i < sizeof(boundless) / sizeof(boundless[0]); i++)
        if (!strcmp(boundless[i].argument, f->name) &&
            (!boundless[i].number || boundless[i].number == shape->number))
            return true;
    return f->kind != KIND_NONE || f->way != CALL_FOLLOWS_NOT;
}

static void
at_bound(const struct call_shape *shape, const struct call_field *f, uint64_t value, bool beyond)
{
    uint64_t reg[REGISTERS];
    int64_t r;

    if (!field_holds(f, value) || good_call(shape->number, reg) == GOOD_ROOTS)
        return;
    field_set(f, reg, value);
    state_find();
    state_take();
    r = call_soon_over(shape, reg);
    if (beyond && r >= 0)
        breach("%s: %s = %lu, beyond its bound: accepted, %ld", shape->name, f->name, value,
               (long)r);
    if (beyond != (r == -E_INVAL))
        fail("%s: %s = %lu: %ld", shape->name, f->name, value, (long)r);
    if (beyond)
        state_same(shape, f->name, "beyond its bound");
    expect(true, "a bound");
}

void
bounds_walk(const struct call_shape *shape)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;

    for (const struct call_field *f = shape->field; f->name; f++) {
        const struct bound *b = bound_of(shape, f);
        uint64_t last;
        if (!b && !is_boundless(shape, f))
            fail("%s: no bound of %s is stated in bounds.c", shape->name, f->name);
        if (!b)
            continue;
        last = b->flags & CPU ? machine->n_cpus - 1 : b->last;
        at_bound(shape, f, last + 1, true);
        if (b->first)
            at_bound(shape, f, b->first - 1, true);
        if (b->flags & BEYOND)
            continue;
        at_bound(shape, f, last, false);
        if (b->first)
            at_bound(shape, f, b->first, false);
    }
}
