/* SPDX-License-Identifier: MIT */
/* edges.c - every edge at every argument of a call (edges.h). */
#include "test/boot/edges.h"
#include "test/boot/state.h"
#include "abi/channel.h"
#include "abi/event.h"

enum { OUR_POSITIONS = 64, SOON_NS = 300 * 1000, POWER_STATUSES = 64 };

const uint64_t edges[EDGES] = {
    0,
    1,
    UINT64_MAX,
    2,
    63,
    64,
    65,
    126,
    127,
    128,
    511,
    512,
    513,
    FRAME_BYTES - 1,
    FRAME_BYTES,
    FRAME_BYTES + 1,
    16384,
    16385,
    0x7fffffff,
    0x80000000,
    0xfffffffe,
    0xffffffff,
    0x100000000,
    0x100000001,
    0x0000800000000000 - FRAME_BYTES,
    0x00007ffffffff000 - 1,
    0x0000800000000000,
    0xffff800000000000,
    0xffffffff80000000,
    UINT64_MAX - FRAME_BYTES + 1,
    INT64_MAX,
    (uint64_t)1 << 63,
    ((uint64_t)1 << 61) + 1, /* times 8 wraps to 8 */
    ((uint64_t)1 << 60) + 1, /* times 16 */
    ((uint64_t)1 << 52) + 1, /* times a page */
    ((uint64_t)1 << 57) + 1, /* times a cell's share */
};
/*
 * May the argument have that value of more than 32 bits? A time may have any, an address a
 * library's; at the end of input no address is looked at.
 */
static bool
takes_large(const struct call_shape *shape, const struct call_field *f, uint64_t value)
{
    return shape->number == CALL_deadline_set || shape->number == CALL_console_read ||
           shape->number == CALL_tlb_flush ||
           (shape->number == CALL_event_start && !(value >> EVENT_START_BITS)) ||
           (shape->number == CALL_account_limit_set && !strcmp(f->name, "limit")) ||
           !strcmp(f->name, "deadline_ns") || (!strcmp(f->name, "va") && value < USER_TOP);
}

static bool
holds_frame(uint64_t frame)
{
    struct frame_state told;

    return call_frame_read(SLOT_ACCOUNT, frame, 1, (uintptr_t)&told).value == 1;
}

/*
 * What would end us or close our own mouth is another test's; slots that we live by are not walked
 * into.
 */
bool
edge_spared(const struct call_shape *shape, const struct call_field *f, uint64_t value)
{
    if (shape->number == CALL_context_exit)
        return true;
    if (f->kind == KIND_NONE && (!strcmp(f->name, "frame") || !strcmp(f->name, "first")))
        return holds_frame(value); /* ours: it would be freed or made something else under us */
    if (shape->number == CALL_power_off && f->reg == 1 && value < POWER_STATUSES)
        return true;
    if (shape->number == CALL_console_make && !strcmp(f->name, "channel") &&
        value == CHANNEL_MAX - 1)
        return true; /* the host, who knows of half as many, would end the session */
    if (shape->number == CALL_console_close && f->reg == 1 && value < STREAM_COUNT)
        return !exo_boot_page; /* then it is one that nobody writes to */
    if ((shape->number == CALL_slice_give || shape->number == CALL_slice_set) &&
        !strcmp(f->name, "position") && value < OUR_POSITIONS)
        return true; /* where we run ourselves */
    return f->kind != KIND_NONE && value < SLOT_FIRST_FREE && value != SLOT_ACCOUNT;
}

int64_t
call_soon_over(const struct call_shape *shape, const uint64_t reg[REGISTERS])
{
    call_deadline_set(clock_ns() + SOON_NS); /* a sleep that nothing else would end */
    return call_with(shape->number, reg).value;
}

bool
call_refused_whole(int64_t value)
{
    return value < 0 && value != -E_AGAIN && value != -E_INPROGRESS;
}

/* The call as it is good, made anew once one has done something. */
static uint64_t good_reg[REGISTERS];
static bool good_now;

static void
one_edge(const struct call_shape *shape, const struct call_field *f, uint64_t value)
{
    uint64_t reg[REGISTERS];
    int64_t r;

    if (edge_spared(shape, f, value) || !field_holds(f, value))
        return;
    if (!good_now) {
        good_call(shape->number, good_reg);
        state_find();
        state_take();
    }
    memcpy(reg, good_reg, sizeof(reg));
    field_set(f, reg, value);
    r = call_soon_over(shape, reg);
    if (r >= 0 && value > UINT32_MAX && !takes_large(shape, f, value))
        breach("%s: %s = 0x%lx was accepted: %ld", shape->name, f->name, value, (long)r);
    if (r < 0)
        error_documented(shape, r);
    good_now = call_refused_whole(r);
    if (good_now)
        state_same(shape, f->name, "at an edge");
    expect(true, "an edge");
}

void
edges_walk(const struct call_shape *shape)
{
    good_now = false;
    for (const struct call_field *f = shape->field; f->name; f++)
        for (uint32_t i = 0; i < EDGES; i++)
            one_edge(shape, f, edges[i]);
}
