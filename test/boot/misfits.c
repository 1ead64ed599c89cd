/* SPDX-License-Identifier: MIT */
/*
 * misfits.c - each refusal by its name: calls that would succeed but for the state of one frame,
 * account, table, entry, right or context, and the one error that is for that.
 */
#include <stddef.h>
#include "abi/account.h"
#include "abi/event.h"
#include "abi/slice.h"
#include "abi/transfer.h"
#include "libos/exo/space.h"
#include "test/boot/good.h"

/* ---- frames that somebody stands on, or that are another's ---- */

enum {
    CHILD = 90, /* slots: an account below ours, and what is its */
    CHILD_ENTRY,
    EMPTY,
    OTHER,
    SPARE_TABLES = 40, /* so many take several calls to end */
    LIMIT = 128,
    SOFT = 1 << MAP_SOFT_SHIFT, /* an absent entry's bit */
};

static const uint64_t PATIENCE_NS = 20000000000; /* a host may put a processor aside */

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
    frame_gone(child_account);
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
    frame_gone(member);
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
        frame_gone(frame);
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
    frame_gone(frame);
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
    start.vector_frame = (uint32_t)frame;
    refuse(call_context_make(GOOD_ENV, frame, EMPTY, (uintptr_t)&start).value, E_INVAL,
           "a context that is its vector frame");
    start.vector_frame = (uint32_t)other;
    start.stop_slot = GOOD_EVENTS;
    start.stop_index = EVENTS_PER_FRAME;
    refuse(call_context_make(GOOD_ENV, frame, EMPTY, (uintptr_t)&start).value, E_INVAL,
           "a context that ends with no counter");
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
    refuse(call_pt_protect(SLOT_ACCOUNT, own_root(), 2, SCRATCH_VA, 1, MAP_WRITE, 0).value, E_EXIST,
           "changing a link");
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

/* What is absent stays as it is, whatever it says. */
static void
absent(void)
{
    enum { N = 3 };
    uint64_t frame = frame_new(),
             entry[N] = {SOFT, frame << FRAME_SHIFT | SOFT | MAP_WRITE, 1 << 20};

    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    fine(call_pt_map(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, (uintptr_t)entry, N, SLOT_ACCOUNT)
             .value,
         "pt_map");
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t clear = i & 1 ? MAP_CHANGEABLE : MAP_WRITE;
        uint64_t set = i & 2 ? MAP_READ | MAP_WRITE | SOFT : 0;
        hold(call_pt_protect(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, N, clear, set).value == N,
             "all are looked at");
        for (uint64_t k = 0; k < N; k++)
            hold(entry_at(SCRATCH_VA + k * FRAME_BYTES) == entry[k], "what is absent stays");
    }
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, N).value, "pt_unmap");
}

/* A page table that is mapped to be read is written by no way of changing rights. */
static void
tables_read(void)
{
    const uint64_t last = SCRATCH_VA + ((uint64_t)1 << 21) - FRAME_BYTES;
    uint64_t table = table_new(1);
    struct copy_request request = {.from = (uint32_t)own_root(),
                                   .to = (uint32_t)own_root(),
                                   .from_va = last,
                                   .to_va = SCRATCH_VA,
                                   .n = 1};

    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    fine(map_one(own_root(), last, table << FRAME_SHIFT | MAP_READ), "a table to be read");
    refuse(call_pt_protect(SLOT_ACCOUNT, own_root(), 0, last, 1, 0, MAP_WRITE).value, E_PERM,
           "making it writable");
    refuse(call_pt_protect(SLOT_ACCOUNT, own_root(), 0, last, 2, 0, MAP_WRITE).value, E_PERM,
           "with a page of the next table");
    refuse(call_pt_protect(SLOT_ACCOUNT, own_root(), 0, last, 2, 0, MAP_EXEC).value, E_PERM,
           "making it executable");
    request.from_set = MAP_WRITE;
    refuse(call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&request).value, E_PERM, "by a copy of it");
    request.from_set = 0;
    request.to_set = MAP_WRITE;
    refuse(call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&request).value, E_PERM, "in a copy of it");
    refuse(call_frame_protect(SLOT_ACCOUNT, table, 0, 0, 0, 0, MAP_WRITE).value, E_INVAL,
           "by its name");
    refuse(
        call_frame_protect(SLOT_ACCOUNT, object_of_slot(GOOD_SLOTS), 0, 0, 0, MAP_WRITE, 0).value,
        E_INVAL, "what nobody can map");
    hold(entry_at(last) == (table << FRAME_SHIFT | MAP_READ), "it is to be read alone");
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, last, 1).value, "pt_unmap");
    frame_gone(table);
}

/* A copy takes no frame that the caller's account has no authority over, and nothing is no entry. */
static void
copied(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = 8};
    struct copy_request request = {.to_va = FRAME_BYTES, .n = 1};
    uint64_t from, to, entry = frame_new() << FRAME_SHIFT | MAP_READ;

    child_make(75);
    to = frame_of_account(CHILD);
    fine(call_pt_make(CHILD, to, 1, frame_of_account(CHILD)).value, "pt_make");
    fine(call_account_make(CHILD, frame_of_account(CHILD), OTHER, (uintptr_t)&terms).value,
         "account_make");
    from = frame_of_account(OTHER);
    fine(call_pt_make(OTHER, from, 1, frame_of_account(OTHER)).value, "pt_make");
    fine(call_pt_map(OTHER, from, 1, 0, (uintptr_t)&entry, 1, SLOT_ACCOUNT).value, "pt_map");
    request.from = (uint32_t)from;
    request.to = (uint32_t)to;
    refuse(call_pt_copy(CHILD, (uintptr_t)&request).value, E_PERM, "copying what is above it");
    entry = child_frame << FRAME_SHIFT | MAP_READ;
    fine(call_pt_map(OTHER, from, 1, 0, (uintptr_t)&entry, 1, CHILD).value, "pt_map");
    fine(call_pt_copy(CHILD, (uintptr_t)&request).value, "copying what is its own");
    request.from_va = 2ul * FRAME_BYTES;
    fine(call_pt_copy(CHILD, (uintptr_t)&request).value, "copying nothing");
    fine(call_pt_read(CHILD, to, 1, FRAME_BYTES, (uintptr_t)&entry, 1).value, "pt_read");
    hold(entry >> FRAME_SHIFT == child_frame, "which leaves what is there");
    call_slot_clear(SLOT_SLOTS, OTHER);
    child_end();
}

/* What passes between two accounts counts above them where one keeps a reserve. */
static void
reserved(void)
{
    enum { HAS = 8, RESERVE = 10, MOST = 2 + RESERVE + HAS };
    struct account_terms terms = {.name = 76, .limit_frames = MOST, .reserve_frames = RESERVE};
    uint64_t frame = 0;

    child_account = frame_new();
    fine(call_account_make(SLOT_ACCOUNT, child_account, CHILD, (uintptr_t)&terms).value,
         "account_make");
    fine(call_account_make(CHILD, frame_of_account(CHILD), OTHER, (uintptr_t)&terms).value,
         "account_make");
    terms = (struct account_terms){.name = 77, .limit_frames = MOST};
    fine(call_account_make(CHILD, frame_of_account(CHILD), EMPTY, (uintptr_t)&terms).value,
         "account_make");
    for (int i = 0; i < HAS; i++) {
        frame_of_account(EMPTY);
        frame = frame_of_account(OTHER);
    }
    refuse(call_frame_pass(OTHER, frame, 1, EMPTY).value, E_DQUOT, "passing what stays reserved");
    call_slot_clear(SLOT_SLOTS, OTHER);
    call_slot_clear(SLOT_SLOTS, EMPTY);
    child_end();
}

/* Two kinds are asked of one account, and then of another. */
static void
asked(void)
{
    for (uint64_t name = 78; name < 80; name++) {
        child_make(name);
        call_slice_give(SLOT_ACCOUNT, 0, GOOD_POSITION, 1);
        fine(call_slice_take(CHILD, 0, GOOD_POSITION, 2).value, "slice_take");
        fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, 1, clock_ns() + PATIENCE_NS).value,
             "account_revoke");
        refuse(call_account_revoke(CHILD, ACCOUNT_FRAMES, 1, 0).value, E_EXIST, "asking twice");
        hold(call_account_revoke(CHILD, ACCOUNT_SLICES, 1, clock_ns()).value <= 1, "and positions");
        while (call_account_revoke(CHILD, ACCOUNT_SLICES, 0, 0).value > 0)
            ;
        hold(account_told(CHILD).count[ACCOUNT_SLICES].used == 1, "one is taken");
        hold(account_told(CHILD).count[ACCOUNT_FRAMES].wanted == 1, "and a frame is asked for yet");
        fine(call_frame_free(CHILD, child_frame, 1).value, "frame_free");
        hold(account_told(CHILD).count[ACCOUNT_FRAMES].wanted == 0, "and given");
        child_end();
    }
}

/* What is taken by force is taken from no reserve of an account below. */
static void
spared(void)
{
    enum { HAS = 3, RESERVE = 4, MORE = 10 };
    struct account_terms terms = {.name = 81, .limit_frames = 60, .reserve_frames = 2ul * RESERVE};
    int64_t left;

    child_account = frame_new();
    fine(call_account_make(SLOT_ACCOUNT, child_account, CHILD, (uintptr_t)&terms).value,
         "account_make");
    terms = (struct account_terms){.name = 1, .limit_frames = 8, .reserve_frames = RESERVE};
    for (int i = 0; i < MORE; i++)
        frame_of_account(CHILD);
    fine(call_account_make(CHILD, frame_of_account(CHILD), OTHER, (uintptr_t)&terms).value,
         "account_make");
    for (int i = 0; i < HAS; i++)
        frame_of_account(OTHER);
    left = call_account_revoke(CHILD, ACCOUNT_FRAMES, 1, 1).value;
    while (fine(left, "account_revoke") > 0)
        left = call_account_revoke(CHILD, ACCOUNT_FRAMES, 0, 0).value;
    hold(account_told(OTHER).used_frames == HAS, "a reserve below stays");
    hold(account_told(CHILD).count[ACCOUNT_FRAMES].taken == 1, "and one is taken");
    call_slot_clear(SLOT_SLOTS, OTHER);
    child_end();
}

/*
 * A table that hangs below two roots: what is taken by the name of one is gone below the other, also
 * where its link there was changed meanwhile.
 */
static void
shared(void)
{
    enum { FIRST_LINK, CHANGED_LINK, ROUNDS };
    const uint64_t va = SCRATCH_VA + ((uint64_t)16 << 21);
    uint64_t table[PT_LEVELS + 1], page = frame_new();

    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    for (uint32_t level = PT_LEVELS; level > 0; level--) {
        table[level] = table_new(level);
        if (level == 1)
            fine(call_pt_link(SLOT_ACCOUNT, own_root(), va, table[1], 0).value, "pt_link");
        if (level < PT_LEVELS)
            fine(call_pt_link(SLOT_ACCOUNT, table[PT_LEVELS], 0, table[level], 0).value, "pt_link");
    }
    for (uint32_t round = FIRST_LINK; round < ROUNDS; round++) {
        fine(map_one(own_root(), va, page << FRAME_SHIFT | MAP_READ), "pt_map");
        hold(trap_read(va).vector == NO_VECTOR, "it is mapped");
        fine(call_pt_unmap(SLOT_ACCOUNT, table[PT_LEVELS], 0, 0, 1).value, "pt_unmap");
        hold(trap_read(va).vector != NO_VECTOR, "what is gone below one root is below the other");
        for (int i = 0; i < 2; i++)
            fine(call_pt_link(SLOT_ACCOUNT, table[PT_LEVELS], 0, table[1], i ? 0 : MAP_WRITE).value,
                 "changing its link");
    }
    fine(call_pt_unlink(SLOT_ACCOUNT, own_root(), va, 1).value, "pt_unlink");
    for (uint32_t level = PT_LEVELS; level > 0; level--)
        frame_gone(table[level]);
}

/* frame_protect goes on from an entry that maps the frame, and from no other. */
static void
cursors(void)
{
    enum { ORDINALS = 4096, PLACES = 3 };
    uint64_t frame = frame_new(), found = 0;

    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    page_at(SCRATCH_VA + FRAME_BYTES, frame, MAP_READ);
    fine(map_one(own_root(), SCRATCH_VA + 2ul * FRAME_BYTES, frame << FRAME_SHIFT),
         "absent, and named");
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
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, PLACES).value, "pt_unmap");
}

/* ---- rights to what is no more, or ends ---- */

static void
until_taken(uint64_t frame)
{
    while (call_frame_alloc(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        ;
    hold(frame_told(SLOT_ACCOUNT, frame).type == FRAME_PLAIN, "nobody else takes it");
}

enum {
    OWN = 69, /* slots: to the frame of cells that ends */
    FULL,     /* binding tables, full of rights to it, so that it takes several calls */
    TABLES = 10,
    CELL_WORDS = FRAME_BYTES / CELLS_PER_FRAME / 8,
    COUNTER_WORD = 20, /* of a frame of events, as kernel/event.h has it: its first counter */
};

/* What a capability says, put where its cell was, by who has the frame by now. */
static void
forged(void)
{
    uint64_t cells = frame_new(), value = 0, word;
    struct cap cap = {0};
    uint64_t *page;
    uint32_t index = 1;

    for (uint32_t round = 0; round < 2; round++) {
        fine(call_cells_make(SLOT_ACCOUNT, cells, OWN).value, "cells_make");
        index = round ? 1 + COUNTER_WORD / CELL_WORDS : 1;
        fine(call_cap_grant(GOOD_EVENTS, OWN, index, RIGHT_READ, 0, (uintptr_t)&cap).value,
             "cap_grant");
        frame_gone(cells);
        until_taken(cells);
        word = (uint64_t)index * CELL_WORDS;
        if (round == 0) {
            page_at(SCRATCH_VA, cells, MAP_READ | MAP_WRITE);
            page = (uint64_t *)SCRATCH_VA + word;
            page[0] = cap.generation;
            page[1] = page[2] = KERNEL_DIRECT + (cells << FRAME_SHIFT) + (word + 1) * 8;
            page[3] = page[4] = KERNEL_DIRECT + (cells << FRAME_SHIFT) + (word + 3) * 8;
            page[5] = 1ull << 32 | (uint64_t)KIND_EVENTS << 40 | (uint64_t)RIGHTS_ALL << 48;
            page[7] = cap.cell | (uint64_t)cap.object << 32;
        } else {
            fine(call_events_make(SLOT_ACCOUNT, cells, OWN).value, "events_make");
            fine(call_event_start(OWN, word - COUNTER_WORD, cap.generation).value, "event_start");
            fine(call_event_start(OWN, word - COUNTER_WORD + 5, (uint64_t)KIND_EVENTS << 40).value,
                 "event_start");
            fine(call_event_start(OWN, word - COUNTER_WORD + 7, cap.cell).value, "event_start");
        }
        refuse(call_cap_bind(GOOD_SLOTS, 0, (uintptr_t)&cap).value, E_BADF,
               round ? "a cell of counters" : "a cell of our own making");
        value += call_slot_clear(GOOD_SLOTS, 0).value == 0;
        if (round == 0)
            fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, 1).value, "pt_unmap");
        frame_gone(cells);
        call_slot_clear(SLOT_SLOTS, OWN);
        until_taken(cells);
    }
    expect(value == 2, "slots were cleared");
}

/*
 * Rights to a frame of cells that end in several calls, by a revocation, or with the frame: the slot
 * that was bound first falls last.
 */
static void
ending(bool frame_ends)
{
    uint64_t cells = frame_new(), frame[TABLES];
    struct cap cap, more;

    fine(call_cells_make(SLOT_ACCOUNT, cells, OWN).value, "cells_make");
    fine(call_cap_grant(OWN, GOOD_CELLS, 1, RIGHT_WRITE | RIGHT_GRANT, 0, (uintptr_t)&cap).value,
         "cap_grant");
    for (uint32_t i = 0; i < TABLES; i++) {
        frame[i] = frame_new();
        fine(call_slots_make(SLOT_ACCOUNT, frame[i], FULL + i).value, "slots_make");
    }
    call_slot_clear(SLOT_SLOTS, EMPTY);
    fine(call_cap_bind(SLOT_SLOTS, EMPTY, (uintptr_t)&cap).value, "cap_bind");
    for (uint32_t i = 0; i < TABLES * SLOTS_PER_TABLE; i++)
        fine(call_cap_bind(FULL + i / SLOTS_PER_TABLE, i % SLOTS_PER_TABLE, (uintptr_t)&cap).value,
             "cap_bind");
    if (frame_ends)
        refuse(call_frame_free(SLOT_ACCOUNT, cells, 1).value, E_AGAIN, "an end in several calls");
    else
        refuse(call_cap_revoke(GOOD_CELLS, 1).value, E_AGAIN, "a revocation in several calls");
    if (frame_ends)
        refuse(call_cap_grant(GOOD_EVENTS, EMPTY, 5, RIGHT_READ, 0, (uintptr_t)&more).value, E_BADF,
               "granting in a frame that ends");
    refuse(call_cap_grant(EMPTY, GOOD_CELLS, 2, RIGHT_WRITE, 0, (uintptr_t)&more).value, E_BADF,
           "granting by a right that is being revoked");
    refuse(call_cap_bind(GOOD_SLOTS, 0, (uintptr_t)&cap).value, E_BADF, "binding it");
    while (call_cap_revoke(GOOD_CELLS, 1).value == -E_AGAIN)
        ;
    frame_gone(cells);
    call_slot_clear(SLOT_SLOTS, OWN);
    for (uint32_t i = 0; i < TABLES; i++) {
        frame_gone(frame[i]);
        call_slot_clear(SLOT_SLOTS, FULL + i);
    }
}

static void
listens(void)
{
    fine(call_account_listen(SLOT_ACCOUNT, 1).value, "account_listen");
    refuse(call_account_listen(SLOT_ACCOUNT, 1).value, E_EXIST, "listening twice");
    refuse(call_account_listen(CHILD, 1).value, E_BADF, "listening for nobody");
    fine(call_account_listen(SLOT_ACCOUNT, 0).value, "account_listen");
    fine(call_account_listen(SLOT_ACCOUNT, 1).value, "listening again");
    fine(call_account_listen(SLOT_ACCOUNT, 0).value, "account_listen");
    child_make(74);
    refuse(call_account_listen(CHILD, 1).value, E_PERM, "listening for another");
    child_end();
}

/* What is resumed was stopped, and by nothing else; what serves serves one entry. */
static void
resumed(void)
{
    uint64_t reg[REGISTERS], other = frame_new(), end = clock_ns() + PATIENCE_NS;

    good_call(CALL_context_resume, reg);
    fine(call_context_resume(GOOD_CONTEXT).value, "context_resume");
    refuse(call_context_resume(GOOD_CONTEXT).value, E_INVAL, "resuming what is not stopped");
    refuse(call_context_write(GOOD_CONTEXT, (uintptr_t)good_data).value, E_BUSY,
           "writing registers of what is not stopped");
    refuse(call_context_resume(SLOT_CONTEXT).value, E_INVAL, "resuming oneself");
    fine(call_yield(GOOD_CONTEXT).value, "yield");
    while (context_told(GOOD_CONTEXT).phase != CONTEXT_STOPPED && clock_ns() < end)
        call_yield(SLOT_NOTHING);
    expect(context_told(GOOD_CONTEXT).phase == CONTEXT_STOPPED, "it has no page, and dies of that");
    refuse(call_context_resume(GOOD_CONTEXT).value, E_INVAL, "resuming what has died");

    good_call(CALL_transfer_serve, reg);
    fine(call_entry_make(SLOT_ACCOUNT, other, EMPTY).value, "entry_make");
    fine(call_with(CALL_transfer_serve, reg).value, "transfer_serve");
    refuse(call_with(CALL_transfer_serve, reg).value, E_BUSY, "serving twice");
    refuse(call_transfer_serve(EMPTY, GOOD_INTO, reg[2]).value, E_BUSY, "serving two");
    refuse(call_transfer_serve(GOOD_ENTRY, GOOD_CONTEXT, reg[2]).value, E_BUSY,
           "serving, and dead");
    fine(call_transfer_withdraw(GOOD_ENTRY, 0).value, "transfer_withdraw");
    refuse(call_transfer_withdraw(GOOD_ENTRY, 0).value, E_NOENT, "withdrawing nobody");
    frame_gone(other);
    call_slot_clear(SLOT_SLOTS, EMPTY);
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    good_begin();
    members();
    vital();
    freed();
    mixed();
    passed();
    dying();
    linked();
    bounded();
    absent();
    tables_read();
    cursors();
    shared();
    copied();
    reserved();
    asked();
    spared();
    forged();
    ending(false);
    ending(true);
    listens();
    resumed();
    return done();
}
