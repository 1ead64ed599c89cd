/* SPDX-License-Identifier: MIT */
/*
 * refusals.c - each refusal by its name: calls that would succeed but for one argument at the edge
 * of what it may be, or but for the state of one frame, account or context, and the one error that
 * is for that. What act27_calls finds that no call does at an edge, this finds that a call refuses.
 */
#include <stddef.h>
#include "abi/account.h"
#include "abi/channel.h"
#include "abi/event.h"
#include "abi/slice.h"
#include "abi/transfer.h"
#include "libos/exo/space.h"
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
    {CALL_slice_take, E_INVAL, "n", 0},
    {CALL_slice_take, E_INVAL, "n", SLICE_BATCH_MAX + 1},
    {CALL_slice_give, E_INVAL, "position", SLICE_POSITIONS},
    {CALL_slice_give, E_INVAL, "n", 0},
    {CALL_slice_set, E_INVAL, "position", SLICE_POSITIONS},
    {CALL_slice_set, E_INVAL, "duration_ns", SLICE_MIN_NS - 1},
    {CALL_slice_set, E_INVAL, "duration_ns", SLICE_MAX_NS + 1},
    {CALL_slice_read, E_INVAL, "position", SLICE_POSITIONS},
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

/* ---- frames that somebody stands on, or that are another's ---- */

enum {
    CHILD = 90, /* slots: an account below ours, and what is its */
    CHILD_ENTRY,
    EMPTY,
    SPARE_TABLES = 40, /* so many take several calls to end */
    LIMIT = 128,
    SOFT = 1 << MAP_SOFT_SHIFT, /* an absent entry's bit */
};

static uint64_t child_account, child_root, child_frame; /* frames */

static void
child_make(uint64_t name)
{
    struct account_terms terms = {.name = name, .limit_frames = LIMIT};

    child_account = frame_new();
    fine(call_account_make(SLOT_ACCOUNT, child_account, CHILD, (uintptr_t)&terms).value,
         "account_make");
    child_root = frame_of_account(CHILD);
    child_frame = frame_of_account(CHILD);
    fine(call_pt_make(CHILD, child_root, PT_LEVELS, frame_of_account(CHILD)).value, "pt_make");
    fine(call_entry_make(CHILD, frame_of_account(CHILD), CHILD_ENTRY).value, "entry_make");
}

static void
child_end(void)
{
    while (fine(call_account_destroy(CHILD).value, "account_destroy") > 0)
        ;
    while (call_frame_free(SLOT_ACCOUNT, child_account, 1).value == -E_AGAIN)
        ;
}

/* A frame of 512 that would become one object, and why they do not. */
static void
member_refused(uint64_t large, int error, const char *what)
{
    refuse(call_frame_join(SLOT_ACCOUNT, large, 1).value, error, what);
}

static void
members(void)
{
    uint64_t reg[REGISTERS], member;

    good_call(CALL_frame_join, reg);
    member = reg[1] + 7;
    fine(call_event_window(GOOD_EVENTS, SLOT_ACCOUNT, member, 0).value, "event_window");
    member_refused(reg[1], E_BUSY, "joining a frame that shows counters");
    refuse(call_slots_make(SLOT_ACCOUNT, member, EMPTY).value, E_BUSY, "making it an object");
    refuse(call_frame_pass(SLOT_ACCOUNT, member, 1, SLOT_ACCOUNT).value, E_BUSY, "passing it");
    refuse(call_frame_free(SLOT_ACCOUNT, member, 1).value, E_BUSY, "freeing it");
    fine(call_event_window(GOOD_EVENTS, SLOT_ACCOUNT, 0, 0).value, "event_window");
    fine(call_slots_make(SLOT_ACCOUNT, member, EMPTY).value, "slots_make");
    member_refused(reg[1], E_INVAL, "joining an object");
    fine(call_frame_free(SLOT_ACCOUNT, member, 1).value, "frame_free");
    call_slot_clear(SLOT_SLOTS, EMPTY);
    member_refused(reg[1], E_PERM, "joining a frame that is nobody's");
    while (call_frame_alloc(SLOT_ACCOUNT, member, 1).value != 1)
        ;
    page_at(SCRATCH_VA, member, MAP_READ);
    member_refused(reg[1], E_BUSY, "joining a frame that is mapped");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "pt_unmap");
}

/* A mark is said once, and goes with the frame. */
static void
vital(void)
{
    uint64_t reserve = account_told(SLOT_ACCOUNT).reserve_frames, frame = frame_new();

    if (reserve == 0) {
        refuse(call_frame_mark(SLOT_ACCOUNT, frame, 1).value, E_DQUOT, "a mark without a reserve");
        return;
    }
    for (uint64_t i = 0; i <= reserve; i++) {
        fine(call_frame_mark(SLOT_ACCOUNT, frame, 1).value, "frame_mark");
        fine(call_frame_mark(SLOT_ACCOUNT, frame, 1).value, "frame_mark again");
        hold(frame_told(SLOT_ACCOUNT, frame).vital, "it is marked");
        refuse(call_frame_pass(SLOT_ACCOUNT, frame, 1, SLOT_ACCOUNT).value, E_BUSY, "passing it");
        refuse(call_slots_make(SLOT_ACCOUNT, frame, EMPTY).value, E_BUSY, "making it an object");
        fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
        frame = frame_new();
        hold(!frame_told(SLOT_ACCOUNT, frame).vital, "a new one is not");
    }
}

static void
freed(void)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;
    uint64_t frame = frame_new();

    refuse(call_frame_free(SLOT_ACCOUNT, machine->n_frames, 1).value, E_PERM, "freeing no frame");
    refuse(call_frame_free(SLOT_ACCOUNT, UINT64_MAX, 1).value, E_PERM, "freeing no frame");
    refuse(call_frame_free(SLOT_ACCOUNT, 1, 1).value, E_PERM, "freeing the kernel's");
    refuse(call_slots_make(SLOT_ACCOUNT, machine->n_frames, EMPTY).value, E_PERM, "no frame");
    refuse(call_frame_alloc(SLOT_ACCOUNT, machine->n_frames - 1, 2).value, E_INVAL,
           "taking what is half there");
    refuse(call_frame_alloc(SLOT_ACCOUNT, machine->n_frames, 1).value, E_INVAL, "taking no frame");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
    refuse(call_frame_free(SLOT_ACCOUNT, frame, 1).value, E_PERM, "freeing it twice");
}

/* What is of another account below ours, where both must be of one. */
static void
mixed(void)
{
    struct account_terms terms = {.name = 77, .limit_frames = 20};
    struct context_start start = {.rip = FRAME_BYTES, .stop_slot = SLOT_NOTHING};
    uint64_t reg[REGISTERS], frame = frame_new(), other = frame_new();

    child_make(71);
    refuse(call_env_make(SLOT_ACCOUNT, frame, EMPTY, GOOD_SLOTS, child_root).value, E_PERM,
           "an environment on another's root");
    refuse(call_context_root(SLOT_ACCOUNT, child_root).value, E_PERM, "going to another's root");
    refuse(call_pt_make(SLOT_ACCOUNT, frame, 1, child_frame).value, E_PERM,
           "a table with another's companion");
    start.vector_frame = child_frame;
    refuse(call_context_make(GOOD_ENV, frame, EMPTY, (uintptr_t)&start).value, E_PERM,
           "a context with another's vector frame");
    refuse(call_account_make(SLOT_ACCOUNT, child_frame, EMPTY, (uintptr_t)&terms).value, E_PERM,
           "an account in another's frame");
    terms.n_pages = 1;
    terms.page_frame = child_frame;
    refuse(call_account_make(SLOT_ACCOUNT, frame, EMPTY, (uintptr_t)&terms).value, E_PERM,
           "an account with another's page");
    terms.page_frame = frame;
    refuse(call_account_make(SLOT_ACCOUNT, frame, EMPTY, (uintptr_t)&terms).value, E_INVAL,
           "an account that is its page");
    terms.page_frame = other;
    terms.n_pages = ACCOUNT_PAGES_MAX + 1;
    refuse(call_account_make(SLOT_ACCOUNT, frame, EMPTY, (uintptr_t)&terms).value, E_INVAL,
           "an account with too many pages");
    terms.n_pages = 2;
    terms.limit_frames = 1;
    refuse(call_account_make(SLOT_ACCOUNT, frame, EMPTY, (uintptr_t)&terms).value, E_INVAL,
           "an account with more pages than frames");
    terms.n_pages = 0;
    refuse(call_account_make(SLOT_ACCOUNT, frame, EMPTY, (uintptr_t)&terms).value, E_INVAL,
           "an account with a page of no frames");
    good_call(CALL_transfer_serve, reg);
    refuse(call_transfer_serve(CHILD_ENTRY, GOOD_INTO, reg[2]).value, E_PERM,
           "serving another's entry");
    good_call(CALL_upcalls_set, reg);
    *(uint32_t *)(good_data + offsetof(struct upcall_setup, frame)) = (uint32_t)child_frame;
    refuse(call_with(CALL_upcalls_set, reg).value, E_PERM, "another's upcall page");
    child_end();
}

/* What passes to an account counts against its limit. */
static void
passed(void)
{
    uint64_t n = 0, frame[LIMIT];
    int64_t r = 0;

    child_make(72);
    while (n < LIMIT && r >= 0) {
        frame[n] = frame_new();
        r = call_frame_pass(SLOT_ACCOUNT, frame[n], 1, CHILD).value;
        n += r >= 0;
    }
    refuse(r, E_DQUOT, "passing more than an account may have");
    hold(account_told(CHILD).used_frames == LIMIT, "as many as it may have");
    refuse(call_frame_alloc(CHILD, 1, 1).value, E_NOMEM, "taking what is not free");
    child_end();
}

/* An account that ends: nothing is given to it, and nothing in it is used. */
static void
dying(void)
{
    uint64_t spare, entry;

    child_make(73);
    spare = frame_new();
    for (int i = 0; i < SPARE_TABLES; i++) {
        uint64_t table = frame_of_account(CHILD);
        fine(call_pt_make(CHILD, table, 1, frame_of_account(CHILD)).value, "pt_make");
    }
    hold(fine(call_account_destroy(CHILD).value, "account_destroy") > 0, "it has not ended yet");
    refuse(call_account_limit_set(CHILD, ACCOUNT_SLICES, 0, 5).value, E_PERM, "its limits");
    refuse(call_slice_take(CHILD, 0, GOOD_POSITION, 1).value, E_PERM, "positions for it");
    refuse(call_frame_pass(SLOT_ACCOUNT, spare, 1, CHILD).value, E_DQUOT, "frames for it");
    refuse(call_frame_alloc(CHILD, child_account, 1).value, E_NOMEM, "what is not free");
    refuse(call_event_window(GOOD_EVENTS, CHILD, child_frame, 0).value, E_PERM,
           "a window in a frame of it");
    refuse(call_root_inspect(SLOT_ACCOUNT, child_root, SLOT_INSPECT, 1).value, E_PERM,
           "showing all below a root of it");
    entry = spare << FRAME_SHIFT | MAP_READ;
    refuse(call_pt_map(SLOT_ACCOUNT, child_root, 0, 0, (uintptr_t)&entry, 1, SLOT_ACCOUNT).value,
           E_PERM, "mapping below a root of it");
    entry = child_frame << FRAME_SHIFT | MAP_READ;
    refuse(call_pt_map(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, (uintptr_t)&entry, 1, SLOT_ACCOUNT)
               .value,
           E_PERM, "mapping a frame of it");
    child_end();
}

/* ---- entries of tables ---- */

static void
linked(void)
{
    uint64_t entry = SOFT, frame = frame_new();
    struct copy_request request = {.from = (uint32_t)own_root(),
                                   .to = (uint32_t)own_root(),
                                   .from_va = SCRATCH_VA,
                                   .to_va = SCRATCH_VA + ((uint64_t)8 << 21),
                                   .level = 2,
                                   .n = 1};
    struct call_result r;

    page_at(SCRATCH_VA, frame, MAP_READ);
    r = call_pt_map(SLOT_ACCOUNT, own_root(), 2, SCRATCH_VA, (uintptr_t)&entry, 1, SLOT_ACCOUNT);
    refuse(r.value, E_EXIST, "an entry where a table hangs");
    hold(r.detail == 2, "which says the level");
    refuse(call_pt_unmap(SLOT_ACCOUNT, own_root(), 2, SCRATCH_VA, 1).value, E_EXIST,
           "clearing where a table hangs");
    refuse(call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&request).value, E_EXIST, "copying a link");
    fine(call_pt_map(SLOT_ACCOUNT, own_root(), 2, request.to_va, (uintptr_t)&entry, 1, SLOT_ACCOUNT)
             .value,
         "pt_map");
    request.from_va = request.to_va;
    request.to_va = SCRATCH_VA;
    refuse(call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&request).value, E_EXIST, "copying over a link");
    hold(entry_at(SCRATCH_VA) >> FRAME_SHIFT == frame, "and it hangs there yet");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 2, request.from_va, 1).value, "pt_unmap");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "pt_unmap");
}

/* No call clears more than 64 frames, or sets more than 384 entries that are out of the way. */
static void
bounded(void)
{
    enum { CLEARS = 64, OTHERS = 384, STALE = 100, ABSENT = 500 };
    static uint64_t entry[ABSENT];

    for (int i = 0; i < STALE; i++)
        entry[i] = frame_new() << FRAME_SHIFT | MAP_READ;
    hold(call_pt_map(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, (uintptr_t)entry, STALE, SLOT_ACCOUNT)
                 .value == CLEARS,
         "so many frames are cleared in a call");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, STALE).value, "pt_unmap");
    for (int i = 0; i < ABSENT; i++)
        entry[i] = SOFT;
    hold(
        call_pt_map(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, (uintptr_t)entry, ABSENT, SLOT_ACCOUNT)
                .value == OTHERS,
        "so many are set in a call");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, ABSENT).value, "pt_unmap");
}

/* frame_protect goes on from an entry that maps the frame, and from no other. */
static void
cursors(void)
{
    enum { ORDINALS = 4096, PLACES = 3 };
    uint64_t frame = frame_new(), found = 0;

    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    page_at(SCRATCH_VA + FRAME_BYTES, frame, MAP_READ); /* and behind it nothing */
    for (uint64_t from = 1; from < (uint64_t)ORDINALS * PT_ENTRIES; from++) {
        int64_t r;
        if (from % PT_ENTRIES == PLACES)
            from += PT_ENTRIES - PLACES;
        r = call_frame_protect(SLOT_ACCOUNT, frame, (uint32_t)from, 0, 0, MAP_CHANGEABLE, MAP_READ)
                .value;
        hold(r >= 0 || r == -E_INVAL, "a place to go on from");
        found += r >= 0;
    }
    hold(found == 1, "only one maps the frame");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 2).value, "pt_unmap");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    good_begin();
    for (uint32_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        edge_refused(&edges[i]);
    members();
    vital();
    freed();
    mixed();
    passed();
    dying();
    linked();
    bounded();
    cursors();
    return done();
}
