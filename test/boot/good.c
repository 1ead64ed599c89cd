/* SPDX-License-Identifier: MIT */
/*
 * good.c - arguments with which calls succeed (good.h). Frames go round: an object made is ended
 * for the next.
 */
#include "test/boot/good.h"
#include "abi/account.h"
#include "abi/event.h"
#include "abi/slice.h"
#include "abi/transfer.h"
#include "test/boot/proxy.h"

enum { FRAMES = 4, INDEX = 50, COUNTER = 5, LANDED = 40, LINES = 5, WAIT_NS = 1000 * 1000 };

uint8_t *good_data;
static uint64_t frames[FRAMES];
static uint64_t large; /* 512 frames, or the object that these are */
static uint64_t root;
static uint64_t lines; /* frames that follow each other, and hold ends of lines */

static void
tables_make(void)
{
    struct context_start start = {.rip = FRAME_BYTES, .stop_slot = SLOT_NOTHING};

    fine(call_slots_make(SLOT_ACCOUNT, frame_new(), GOOD_SLOTS).value, "slots_make");
    fine(call_events_make(SLOT_ACCOUNT, frame_new(), GOOD_EVENTS).value, "events_make");
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), GOOD_CELLS).value, "cells_make");
    fine(call_entry_make(SLOT_ACCOUNT, frame_new(), GOOD_ENTRY).value, "entry_make");
    fine(call_env_make(SLOT_ACCOUNT, frame_new(), GOOD_ENV, GOOD_SLOTS, table_new(PT_LEVELS)).value,
         "env_make");
    start.vector_frame = frame_new();
    fine(call_context_make(GOOD_ENV, frame_new(), GOOD_CONTEXT, (uintptr_t)&start).value,
         "context_make");
}

void
good_begin(void)
{
    uint64_t va = room_take(DATA_PAGES + 1);

    root = exo_start_page->root_frame;
    good_data = (uint8_t *)va;
    for (uint64_t i = 0; i < DATA_PAGES; i++)
        page_at(va + i * FRAME_BYTES, frame_new(), MAP_READ | MAP_WRITE);
    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    for (int i = 0; i < FRAMES; i++)
        frames[i] = frame_new();
    large = frames_aligned_new();
    va = room_take(LINES);
    fine(pool_take_run(&exo_pool, LINES, &lines), "frames");
    for (uint64_t i = 0; i < LINES; i++)
        page_at(va + i * FRAME_BYTES, lines + i, MAP_READ | MAP_WRITE);
    memset((void *)va, '\n', (uint64_t)LINES * FRAME_BYTES);
    tables_make();
}

const struct call_shape *
call_shape_of(uint32_t number)
{
    for (uint32_t i = 0; i < CALL_COUNT; i++)
        if (call_shapes[i].number == number)
            return &call_shapes[i];
    return NULL;
}

/* Until no device uses them any more. */
static void
lines_land(void)
{
    struct frame_state told[LINES] = {0};
    bool flies = true;

    while (flies) {
        fine(call_frame_read(SLOT_ACCOUNT, lines, LINES, (uintptr_t)told).value, "frame_read");
        flies = false;
        for (int i = 0; i < LINES; i++)
            flies |= told[i].uses != 0;
        if (flies)
            call_yield(SLOT_NOTHING);
    }
}

/* Frames that are plain, zeroed and nobody's but ours, again. */
static void
frames_renew(void)
{
    call_pt_unmap(SLOT_ACCOUNT, root, 0, SCRATCH_VA, MAP_BATCH_MAX);
    call_event_window(GOOD_EVENTS, SLOT_ACCOUNT, 0, 0);
    call_root_inspect(SLOT_ACCOUNT, root, SLOT_INSPECT, 0);
    lines_land();
    for (int round = 0; round < FRAMES; round++)
        for (int i = 0; i < FRAMES; i++)
            call_frame_free(SLOT_ACCOUNT, frames[i], 1);
    for (int i = 0; i < FRAMES; i++)
        if (call_frame_alloc(SLOT_ACCOUNT, frames[i], 1).value != 1)
            frames[i] = frame_new();
    call_slot_clear(SLOT_SLOTS, GOOD_INTO);
    call_context_stop(GOOD_CONTEXT); /* also where a call gave it time */
    memset(good_data, 0, (uint64_t)DATA_PAGES * FRAME_BYTES);
}

static void
set(uint64_t reg[REGISTERS], uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    const uint64_t all[REGISTERS] = {a, b, c, d, e};

    memcpy(reg, all, sizeof(all));
}

/* A capability at good_data, through a frame of cells in GOOD_INTO. */
static void
capability_make(void)
{
    fine(call_cells_make(SLOT_ACCOUNT, frames[0], GOOD_INTO).value, "cells_make");
    fine(call_cap_grant(GOOD_EVENTS, GOOD_INTO, 1, RIGHT_READ, 0, (uintptr_t)good_data).value,
         "cap_grant");
}

static void
account_terms_put(void)
{
    static uint64_t name; /* of its own each time: not all end that random calls made */
    struct account_terms terms = {.name = name + 1, .limit_frames = 4};

    name++;

    memcpy(good_data, &terms, sizeof(terms));
}

static void
start_put(void)
{
    struct context_start start = {
        .rip = FRAME_BYTES, .vector_frame = frames[1], .stop_slot = SLOT_NOTHING};

    memcpy(good_data, &start, sizeof(start));
}

/* A fresh context in GOOD_INTO, and what makes it an activation at good_data. */
static void
activation_put(void)
{
    struct transfer_setup setup = {.rip = FRAME_BYTES, .rsp = FRAME_BYTES};

    start_put();
    fine(call_context_make(GOOD_ENV, frames[0], GOOD_INTO, (uintptr_t)good_data).value,
         "context_make");
    memcpy(good_data, &setup, sizeof(setup));
}

/* Those that the proxy registers: no event of any counter is one. */
static void
upcalls_put(void)
{
    struct upcall_setup setup = {.frame = frames[0],
                                 .va = SCRATCH_VA,
                                 .resume_start = FRAME_BYTES,
                                 .resume_end = FRAME_BYTES,
                                 .events_slot = SLOT_NOTHING};

    for (int i = 0; i <= UPCALL_FOREIGN; i++) /* those that must be there */
        setup.entry[i] = FRAME_BYTES;
    for (int i = 0; i < UPCALL_DEPTH_MAX; i++)
        setup.stack[i] = 2ull * FRAME_BYTES;
    memcpy(good_data, &setup, sizeof(setup));
}

static bool
slot_is_empty(uint64_t slot)
{
    return call_cap_grant(slot, GOOD_CELLS, 0, 0, 0, 0).value == -E_BADF;
}

static void
clause_put(void)
{
    struct wait_clause clause = {.slot = GOOD_EVENTS, .where = COUNTER};

    fine(call_event_post(GOOD_EVENTS, COUNTER, 1).value, "event_post");
    memcpy(good_data, &clause, sizeof(clause));
}

/* The calls on positions of processors; false: it is another. */
static bool
good_slice(uint32_t number, uint64_t reg[REGISTERS], uint64_t data)
{
    switch (number) {
    case CALL_slice_set:
        call_slice_take(SLOT_ACCOUNT, 0, GOOD_POSITION, 1);
        set(reg, SLOT_ACCOUNT, (uint64_t)GOOD_POSITION << 32,
            GOOD_CONTEXT | (uint64_t)SLOT_NOTHING << 32, SLICE_MIN_NS, 0);
        return true;
    case CALL_slice_take:
        call_slice_give(SLOT_ACCOUNT, 0, GOOD_POSITION, 1);
        set(reg, SLOT_ACCOUNT, 0, GOOD_POSITION, 1, 0);
        return true;
    case CALL_slice_give:
        call_slice_take(SLOT_ACCOUNT, 0, GOOD_POSITION, 1);
        set(reg, SLOT_ACCOUNT, 0, GOOD_POSITION, 1, 0);
        return true;
    case CALL_slice_read:
        set(reg, SLOT_ACCOUNT, (uint64_t)GOOD_POSITION << 32, data, 0, 0);
        return true;
    default:
        return false;
    }
}

/* A page of ours copied to the next. */
static void
copy_put(void)
{
    struct copy_request request = {.from = (uint32_t)root,
                                   .to = (uint32_t)root,
                                   .from_va = SCRATCH_VA + FRAME_BYTES,
                                   .to_va = SCRATCH_VA,
                                   .n = 1};

    map_one(root, SCRATCH_VA + FRAME_BYTES, frames[0] << FRAME_SHIFT | MAP_READ);
    memcpy(good_data, &request, sizeof(request));
}

/* The frame object of 2 MiB, joined or not. */
static void
large_renew(bool joined)
{
    struct call_result r;

    call_frame_split(SLOT_ACCOUNT, large);
    for (uint64_t i = 0; i < PT_ENTRIES; i++) /* a batch may have run into it, and freed some */
        call_frame_alloc(SLOT_ACCOUNT, large + i, 1);
    while ((r = call_frame_join(SLOT_ACCOUNT, large, 1)).value == -E_AGAIN)
        call_tlb_flush(r.detail); /* and some were cleared */
    fine(r.value, "frame_join");
    if (!joined)
        fine(call_frame_split(SLOT_ACCOUNT, large).value, "frame_split");
}

/* The calls on frames that are there; false: it is another. */
static bool
good_frame(uint32_t number, uint64_t reg[REGISTERS], uint64_t data)
{
    const uint64_t f = frames[0];

    switch (number) {
    case CALL_frame_join:
    case CALL_frame_split:
        large_renew(number == CALL_frame_split);
        set(reg, SLOT_ACCOUNT, large, number == CALL_frame_join, 0, 0);
        return true;
    case CALL_frame_break:
        set(reg, SLOT_ACCOUNT, f, 0, 0, 0);
        return true;
    case CALL_frame_pass:
        set(reg, SLOT_ACCOUNT, f, 1, SLOT_ACCOUNT, 0);
        return true;
    case CALL_frame_mark:
        set(reg, SLOT_ACCOUNT, f, 1, 0, 0);
        return true;
    case CALL_frame_read:
        set(reg, SLOT_ACCOUNT, f, 1, data, 0);
        return true;
    default:
        return false;
    }
}

/* The calls on memory and accounts; false: it is another. */
static bool
good_memory(uint32_t number, uint64_t reg[REGISTERS], uint64_t data)
{
    const uint64_t f = frames[0], entry = f << FRAME_SHIFT | MAP_READ;

    switch (number) {
    case CALL_frame_alloc:
        fine(call_frame_free(SLOT_ACCOUNT, f, 1).value, "frame_free");
        set(reg, SLOT_ACCOUNT, f, 1, 0, 0);
        return true;
    case CALL_frame_free: /* one frame */
        set(reg, SLOT_ACCOUNT, f, 1, 0, 0);
        return true;
    case CALL_pt_make:
        set(reg, SLOT_ACCOUNT, f, 1, frames[1], 0);
        return true;
    case CALL_pt_unlink:
    case CALL_pt_link:
        fine(call_pt_make(SLOT_ACCOUNT, frames[1], PT_LEVELS, frames[2]).value, "pt_make");
        fine(call_pt_make(SLOT_ACCOUNT, f, PT_LEVELS - 1, frames[3]).value, "pt_make");
        if (number == CALL_pt_unlink)
            fine(call_pt_link(SLOT_ACCOUNT, frames[1], 0, f, 0).value, "pt_link");
        set(reg, SLOT_ACCOUNT, frames[1], 0, number == CALL_pt_link ? f : PT_LEVELS - 1, 0);
        return true;
    case CALL_pt_map:
        memcpy(good_data, &entry, sizeof(entry));
        set(reg, SLOT_ACCOUNT, root, SCRATCH_VA, data, 1 | (uint64_t)SLOT_ACCOUNT << 32);
        return true;
    case CALL_pt_unmap:
        set(reg, SLOT_ACCOUNT, root, SCRATCH_VA, 1, 0);
        return true;
    case CALL_pt_protect:
        set(reg, SLOT_ACCOUNT, root, SCRATCH_VA, 1, MAP_CHANGEABLE | (uint64_t)MAP_READ << 32);
        return true;
    case CALL_pt_read:
        set(reg, SLOT_ACCOUNT, root, SCRATCH_VA, data, 1);
        return true;
    case CALL_pt_copy:
        copy_put();
        set(reg, SLOT_ACCOUNT, data, 0, 0, 0);
        return true;
    case CALL_frame_protect:
        set(reg, SLOT_ACCOUNT, f, 0, MAP_CHANGEABLE | (uint64_t)MAP_READ << 32, 0);
        return true;
    default:
        return false;
    }
}

/* The calls on accounts, capabilities and objects. */
static bool
good_object(uint32_t number, uint64_t reg[REGISTERS], uint64_t data)
{
    const uint64_t f = frames[0];

    switch (number) {
    case CALL_account_make:
        account_terms_put();
        set(reg, SLOT_ACCOUNT, f, GOOD_INTO, data, 0);
        return true;
    case CALL_account_destroy:
        account_terms_put();
        fine(call_account_make(SLOT_ACCOUNT, f, GOOD_INTO, data).value, "account_make");
        set(reg, GOOD_INTO, 0, 0, 0, 0);
        return true;
    case CALL_cap_grant:
        fine(call_cells_make(SLOT_ACCOUNT, f, GOOD_INTO).value, "cells_make");
        set(reg, GOOD_EVENTS, GOOD_INTO | (uint64_t)1 << 32, RIGHT_READ, 0, data);
        return true;
    case CALL_cap_revoke:
        capability_make();
        set(reg, GOOD_INTO | (uint64_t)1 << 32, 0, 0, 0, 0);
        return true;
    case CALL_cap_bind:
        capability_make();
        call_slot_clear(GOOD_SLOTS, INDEX);
        set(reg, GOOD_SLOTS, INDEX, data, 0, 0);
        return true;
    case CALL_slots_make:
    case CALL_cells_make:
    case CALL_events_make:
    case CALL_entry_make:
        set(reg, SLOT_ACCOUNT, f, GOOD_INTO, 0, 0);
        return true;
    case CALL_env_make:
        fine(call_pt_make(SLOT_ACCOUNT, frames[1], PT_LEVELS, frames[2]).value, "pt_make");
        set(reg, SLOT_ACCOUNT, f, GOOD_INTO, GOOD_SLOTS, frames[1]);
        return true;
    case CALL_context_make:
        start_put();
        set(reg, GOOD_ENV, f, GOOD_INTO, data, 0);
        return true;
    default:
        return false;
    }
}

/* The calls on an account below ours, made anew in GOOD_INTO. */
static bool
good_account(uint32_t number, uint64_t reg[REGISTERS], uint64_t data)
{
    switch (number) {
    case CALL_account_limit_set:
        account_terms_put();
        fine(call_account_make(SLOT_ACCOUNT, frames[0], GOOD_INTO, data).value, "account_make");
        set(reg, GOOD_INTO, ACCOUNT_SLICES, 0, 5, 0);
        return true;
    case CALL_account_time:
        account_terms_put();
        fine(call_account_make(SLOT_ACCOUNT, frames[0], GOOD_INTO, data).value, "account_make");
        set(reg, GOOD_INTO, 3, SLICE_MIN_NS, 0, 0);
        return true;
    case CALL_account_revoke: /* nothing is wanted: how much is? */
        account_terms_put();
        fine(call_account_make(SLOT_ACCOUNT, frames[0], GOOD_INTO, data).value, "account_make");
        set(reg, GOOD_INTO, ACCOUNT_FRAMES, 0, 0, 0);
        return true;
    case CALL_account_listen:
        call_account_listen(SLOT_ACCOUNT, 0);
        set(reg, SLOT_ACCOUNT, 1, 0, 0, 0);
        return true;
    default:
        return false;
    }
}

/* The calls on entries. */
static bool
good_entry(uint32_t number, uint64_t reg[REGISTERS], uint64_t data)
{
    switch (number) {
    case CALL_transfer_serve:
        activation_put();
        set(reg, GOOD_ENTRY, GOOD_INTO, data, 0, 0);
        return true;
    case CALL_transfer_withdraw:
        activation_put();
        fine(call_transfer_serve(GOOD_ENTRY, GOOD_INTO, data).value, "transfer_serve");
        set(reg, GOOD_ENTRY, 0, 0, 0, 0);
        return true;
    default:
        return false;
    }
}

/* The calls on a console and the machine. */
static enum good
good_console(uint32_t number, uint64_t reg[REGISTERS], uint64_t data)
{
    switch (number) {
    case CALL_console_write:
        memset(good_data, '\n', (uint64_t)DATA_PAGES * FRAME_BYTES);
        set(reg, SLOT_CONSOLE, STREAM_ERROR, data, 1, 0);
        return GOOD_IN_TIME;
    case CALL_console_send:
        set(reg, SLOT_CONSOLE | (uint64_t)STREAM_ERROR << 32, SLOT_ACCOUNT, lines,
            (uint64_t)1 << 32, SLOT_EVENTS | (uint64_t)LANDED << 32);
        return GOOD_IN_TIME;
    case CALL_console_read:
        set(reg, SLOT_CONSOLE, data, 16, 0, 0);
        return GOOD_IN_TIME;
    case CALL_console_close:
        set(reg, SLOT_CONSOLE, STREAM_INPUT, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_console_signals:
        set(reg, SLOT_CONSOLE, 0, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_clock_wall:
        set(reg, SLOT_MACHINE, 0, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_console_make:
    case CALL_console_status:
    case CALL_log_write:
    case CALL_power_off:
        return GOOD_ROOTS;
    default:
        fail("call %u has no good arguments in good.c", number);
    }
}

/* Those on a context. */
static enum good
good_context(uint32_t number, uint64_t reg[REGISTERS], uint64_t data)
{
    switch (number) {
    case CALL_context_exit:
        return GOOD_ENDS;
    case CALL_context_resume:
        call_context_stop(GOOD_CONTEXT);
        set(reg, GOOD_CONTEXT, 0, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_context_write:
        call_context_stop(GOOD_CONTEXT);
        set(reg, GOOD_CONTEXT, data, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_context_poke:
        set(reg, SLOT_CONTEXT, data, data + FRAME_BYTES, 16, 0);
        return GOOD_SUCCEEDS;
    case CALL_context_stop:
        set(reg, GOOD_CONTEXT, 0, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_context_read:
        set(reg, GOOD_CONTEXT, data, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_context_peek:
        set(reg, SLOT_CONTEXT, data, data + FRAME_BYTES, 16, 0);
        return GOOD_SUCCEEDS;
    default:
        return good_console(number, reg, data);
    }
}

/* The rest, which make nothing. */
static enum good
good_use(uint32_t number, uint64_t reg[REGISTERS], uint64_t data)
{
    switch (number) {
    case CALL_account_read:
        set(reg, SLOT_ACCOUNT, data, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_slot_clear:
        set(reg, GOOD_SLOTS, INDEX, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_upcalls_set:
        upcalls_put();
        set(reg, SLOT_ACCOUNT, data, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_wait:
        clause_put();
        set(reg, data, 1, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_deadline_set:
        set(reg, clock_ns() + WAIT_NS, 0, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_event_post:
        set(reg, GOOD_EVENTS, COUNTER, 1, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_event_start:
        set(reg, GOOD_EVENTS, COUNTER, (uint64_t)call_event_read(GOOD_EVENTS, COUNTER).value, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_event_window:
        set(reg, GOOD_EVENTS, SLOT_ACCOUNT, frames[0], COUNTER, 0);
        return GOOD_SUCCEEDS;
    case CALL_event_read:
        set(reg, GOOD_EVENTS, COUNTER, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_root_inspect:
        set(reg, SLOT_ACCOUNT, root, SLOT_INSPECT, 1, 0);
        return slot_is_empty(SLOT_INSPECT) ? GOOD_ROOTS : GOOD_SUCCEEDS;
    case CALL_context_root:
        set(reg, SLOT_ACCOUNT, root, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_null:
    case CALL_tlb_flush:
        return GOOD_SUCCEEDS;
    case CALL_yield:
        set(reg, SLOT_NOTHING, 0, 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_wake:
        set(reg, SLOT_ACCOUNT, frames[0], 0, 0, 0);
        return GOOD_SUCCEEDS;
    case CALL_transfer:
    case CALL_transfer_return:
    case CALL_transfer_post:
        return GOOD_BY_RAX;
    default:
        return good_context(number, reg, data);
    }
}

enum good
good_call(uint32_t number, uint64_t reg[REGISTERS])
{
    uint64_t data = (uintptr_t)good_data;

    if (number == CALL_upcalls_set)
        proxy_renew();
    frames_renew();
    set(reg, 0, 0, 0, 0, 0);
    if (exo_boot_page && good_root(number, reg))
        return number == CALL_power_off ? GOOD_ENDS : GOOD_SUCCEEDS;
    if (good_slice(number, reg, data))
        return GOOD_SUCCEEDS;
    if (good_memory(number, reg, data) || good_frame(number, reg, data) ||
        good_object(number, reg, data) || good_account(number, reg, data) ||
        good_entry(number, reg, data))
        return number == CALL_frame_alloc ? GOOD_IN_TIME : GOOD_SUCCEEDS;
    return good_use(number, reg, data);
}

struct call_result
call_with(uint32_t number, const uint64_t reg[REGISTERS])
{
    if (number == CALL_upcalls_set)
        return proxy_call(number, reg);
    return call_invoke(number, reg[0], reg[1], reg[2], reg[3], reg[4]);
}

static uint64_t
field_mask(const struct call_field *f)
{
    return f->bits == 64 ? UINT64_MAX : UINT32_MAX;
}

uint64_t
field_get(const struct call_field *f, const uint64_t reg[REGISTERS])
{
    return reg[f->reg] >> f->low_bit & field_mask(f);
}

void
field_set(const struct call_field *f, uint64_t reg[REGISTERS], uint64_t value)
{
    reg[f->reg] &= ~(field_mask(f) << f->low_bit);
    reg[f->reg] |= (value & field_mask(f)) << f->low_bit;
}

bool
field_holds(const struct call_field *f, uint64_t value)
{
    return value <= field_mask(f);
}
