/* SPDX-License-Identifier: MIT */
/*
 * accounts.c - act 26 and more: names below a parent are unique, a reserve holds whatever others
 * take, limits and what is asked back are kept, and a capability for an account is not that of the
 * next one in its frame. What is taken by force is what was wanted, and is said.
 */
#include "test/boot/kit.h"
#include "abi/account.h"
#include "libos/exo/pool.h"

enum {
    CHILD = 90, /* slots */
    OTHER,
    TABLE,
    CELLS,
    TARGET,
    FEW = 40,
    RESERVE = 25,
    MANY = 600, /* children */
    ASKED = 7,
    CALLS_MAX = 20000,
    WRONG = 300, /* capabilities that are not the kernel's */
    WRONG_MOST = 20 * WRONG,
};

static const uint64_t SOON_NS = 20000000, LATER_NS = 5000000000;

static int64_t
make_in(uint64_t frame, uint32_t into, struct account_terms terms)
{
    call_slot_clear(SLOT_SLOTS, into);
    return call_account_make(SLOT_ACCOUNT, frame, into, (uintptr_t)&terms).value;
}

static uint64_t
make(uint32_t into, struct account_terms terms)
{
    uint64_t frame = frame_new();

    fine(make_in(frame, into, terms), "account_make");
    return frame;
}

static void
end(uint32_t slot, uint64_t frame)
{
    while (fine(call_account_destroy(slot).value, "account_destroy") > 0)
        ;
    while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        ;
}

/* Takes frames until it is refused; how many. */
static uint64_t
take_all(uint32_t account)
{
    struct pool pool = {.account = account};
    uint64_t frame, n = 0;

    while (pool_take_run(&pool, 1, &frame) == 0)
        n++;
    return n;
}

/* ---- names ---- */

static void
names(void)
{
    static uint64_t frames[MANY];
    uint64_t spare = frame_new();

    for (uint64_t i = 0; i < MANY; i++) /* names of every length */
        frames[i] = make(CHILD, (struct account_terms){.name = 1 + i * i * 7919});
    for (uint64_t i = 0; i < MANY; i += 37)
        refuse(make_in(spare, CHILD, (struct account_terms){.name = 1 + i * i * 7919}), E_EXIST,
               "a name that is taken");
    refuse(make_in(spare, CHILD, (struct account_terms){.name = 0}), E_INVAL, "no name");
    for (uint64_t i = 0; i < MANY; i += 2)
        fine(call_frame_free(SLOT_ACCOUNT, frames[i], 1).value, "an empty account ends");
    for (uint64_t i = 1; i < MANY; i += 2)
        refuse(make_in(spare, CHILD, (struct account_terms){.name = 1 + i * i * 7919}), E_EXIST,
               "a name that is still taken");
    for (uint64_t i = 0; i < MANY; i += 2) {
        fine(make_in(spare, CHILD, (struct account_terms){.name = 1 + i * i * 7919}),
             "a name that is free again");
        fine(call_frame_free(SLOT_ACCOUNT, spare, 1).value, "an empty account ends");
        if (!frame_again(spare))
            spare = frame_new();
    }
    for (uint64_t i = 1; i < MANY; i += 2)
        fine(call_frame_free(SLOT_ACCOUNT, frames[i], 1).value, "an empty account ends");
}

/* ---- reserves and limits ---- */

static int64_t
limit_set(uint32_t slot, uint64_t reserve, uint64_t limit)
{
    return call_account_limit_set(slot, ACCOUNT_FRAMES, reserve, limit).value;
}

static void
limits(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = FEW};
    uint64_t frame = make(CHILD, terms);

    refuse(limit_set(CHILD, 2, 1), E_INVAL, "a reserve beyond the limit");
    refuse(limit_set(SLOT_ACCOUNT, 0, 1), E_PERM, "setting one's own limit");
    refuse(call_account_limit_set(CHILD, ACCOUNT_KINDS, 0, 1).value, E_INVAL, "no such kind");
    hold(take_all(CHILD) == FEW, "no more than the limit");
    fine(limit_set(CHILD, 0, FEW / 2), "a limit below what is used");
    hold(take_all(CHILD) == 0, "takes nothing more");
    hold(account_told(CHILD).used_frames == FEW, "and nothing away");
    fine(limit_set(CHILD, 0, FEW + 3), "a limit above");
    hold(take_all(CHILD) == 3, "lets take that much more");
    for (int kind = ACCOUNT_FRAMES + 1; kind < ACCOUNT_KINDS; kind++)
        hold(account_told(CHILD).count[kind].used == 0, "nothing else is used");
    end(CHILD, frame);
}

static uint64_t
used(uint32_t slot, enum account_kind kind)
{
    return account_told(slot).count[kind].used;
}

/* What is shared counts as well, up to a limit of its own: positions, lasting uses of frames. */
static void
shared_kinds(void)
{
    enum { POSITIONS = 2, AT = 600 };
    struct account_terms terms = {.name = 1, .limit_frames = FEW};
    uint64_t frame = make(CHILD, terms), first, second;

    fine(call_account_limit_set(CHILD, ACCOUNT_SLICES, 0, POSITIONS).value, "a limit of positions");
    fine(call_account_limit_set(CHILD, ACCOUNT_PINS, 0, 1).value, "a limit of pins");
    for (uint64_t i = 0; i < POSITIONS; i++)
        expect(call_slice_take(CHILD, 0, AT + i, 1).value == 1, "a position");
    refuse(call_slice_take(CHILD, 0, AT + POSITIONS, 1).value, E_DQUOT, "a position too many");
    hold(used(CHILD, ACCOUNT_SLICES) == POSITIONS, "positions are counted");
    expect(call_slice_give(CHILD, 0, AT, 1).value == 1, "slice_give");
    expect(call_slice_take(CHILD, 0, AT + POSITIONS, 1).value == 1, "one for the one given back");
    for (uint32_t slot = OTHER; slot <= TABLE; slot++) {
        call_slot_clear(SLOT_SLOTS, slot);
        fine(call_events_make(CHILD, frame_of_account(CHILD), slot).value, "events_make");
    }
    first = frame_of_account(CHILD);
    second = frame_of_account(CHILD);
    fine(call_event_window(OTHER, CHILD, first, 0).value, "a pin");
    refuse(call_event_window(TABLE, CHILD, second, 0).value, E_DQUOT, "a pin too many");
    hold(used(CHILD, ACCOUNT_PINS) == 1, "pins are counted");
    fine(call_event_window(OTHER, CHILD, 0, 0).value, "no window any more");
    hold(used(CHILD, ACCOUNT_PINS) == 0, "and given back");
    fine(call_event_window(TABLE, CHILD, second, 0).value, "a pin for the one given back");
    end(CHILD, frame);
    expect(call_slice_take(SLOT_ACCOUNT, 0, AT + 1, POSITIONS).value == POSITIONS,
           "its end gives back positions");
    expect(call_slice_give(SLOT_ACCOUNT, 0, AT + 1, POSITIONS).value == POSITIONS, "slice_give");
    call_slot_clear(SLOT_SLOTS, OTHER);
    call_slot_clear(SLOT_SLOTS, TABLE);
}

/* One that takes all it can get leaves the other's reserve alone, and what is asked back does. */
static void
reserves(void)
{
    uint64_t ours = account_told(SLOT_ACCOUNT).reserve_frames, spare = frame_new(), frame[2];
    struct account_terms terms = {
        .name = 1, .limit_frames = 2ul * RESERVE, .reserve_frames = RESERVE};

    expect(ours > RESERVE, "we have a reserve");
    terms.reserve_frames = 2ul * RESERVE + 1;
    refuse(make_in(spare, CHILD, terms), E_INVAL, "a reserve beyond the limit");
    terms.limit_frames = terms.reserve_frames = ours + 1;
    refuse(make_in(spare, CHILD, terms), E_DQUOT, "a reserve that the parent has not");
    terms.limit_frames = 2 * (terms.reserve_frames = RESERVE);
    frame[0] = make(CHILD, terms);
    refuse(limit_set(CHILD, ours + 1, ours + 1), E_DQUOT, "a reserve that the parent has not");
    terms = (struct account_terms){.name = 2, .limit_frames = ACCOUNT_NO_LIMIT};
    frame[1] = make(OTHER, terms);

    say("%lu frames taken beside it", take_all(OTHER));
    hold(take_all(CHILD) == RESERVE, "the reserve, and no more");
    hold(account_told(SLOT_ACCOUNT).used_frames == account_told(SLOT_ACCOUNT).limit_frames,
         "then all is taken");
    refuse(call_account_revoke(CHILD, ACCOUNT_FRAMES, 1, 0).value, E_RANGE,
           "asking back what is reserved");
    end(OTHER, frame[1]);
    hold(take_all(CHILD) == RESERVE, "up to the limit when there is more");
    refuse(call_account_revoke(CHILD, ACCOUNT_FRAMES, RESERVE + 1, 0).value, E_RANGE,
           "asking back what is reserved");
    hold(call_account_revoke(CHILD, ACCOUNT_FRAMES, RESERVE, 0).value >= 0, "asking for the rest");
    for (int calls = 0;
         fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, 0, 0).value, "going on") > 0; calls++)
        hold(calls < CALLS_MAX, "what is overdue is taken");
    hold(account_told(CHILD).used_frames == RESERVE, "the reserve is left");
    end(CHILD, frame[0]);
}

/* ---- a capability for an account that has gone ---- */

static bool
holder_again(void)
{
    struct account_terms terms = {.name = 5, .limit_frames = FEW};
    uint64_t frame = make(CHILD, terms), table;
    struct cap cap;

    call_slot_clear(SLOT_SLOTS, CELLS);
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), CELLS).value, "cells_make");
    fine(call_cap_grant(SLOT_EVENTS, CELLS, 1, RIGHT_READ, frame, (uintptr_t)&cap).value,
         "cap_grant");
    table = frame_of_account(CHILD);
    fine(call_slots_make(CHILD, table, TABLE).value, "slots_make");
    fine(call_cap_bind(TABLE, 1, (uintptr_t)&cap).value, "its holder binds it");
    end(CHILD, frame);
    hold(call_cap_bind(SLOT_SLOTS, TARGET, (uintptr_t)&cap).value < 0, "we bind it");
    if (!frame_again(frame))
        return false;
    fine(make_in(frame, CHILD, terms), "another account in the same frame");
    call_slot_clear(SLOT_SLOTS, TABLE);
    fine(call_slots_make(CHILD, frame_of_account(CHILD), TABLE).value, "slots_make");
    hold(call_cap_bind(TABLE, 1, (uintptr_t)&cap).value == -E_KEYREJECTED,
         "the next account in the holder's frame binds it");
    end(CHILD, frame);
    return true;
}

/* ---- wrong capabilities are counted, and cost time ---- */

static void
rejects(void)
{
    struct cap cap = {.kind = KIND_EVENTS};
    uint64_t before = account_told(SLOT_ACCOUNT).rejected, refused = 0, n = 0, begin = clock_ns();

    /* a host that takes us off our processor may put them too far apart for a while */
    while (n < WRONG || (!refused && n < WRONG_MOST)) {
        struct call_result r = call_cap_bind(SLOT_SLOTS, TARGET, (uintptr_t)&cap);

        cap.tag++;
        if (r.value == -E_AGAIN) {
            refused++;
            hold(r.detail > begin, "and when it may go on");
            hold(account_told(SLOT_ACCOUNT).bind_after_ns == r.detail, "which its state says, too");
            while (clock_ns() < r.detail)
                ;
            continue;
        }
        hold(r.value == -E_KEYREJECTED, "a wrong tag");
        n++;
    }
    hold(account_told(SLOT_ACCOUNT).rejected == before + n, "each is counted");
    say("%lu had to wait", refused);
    hold(refused > 0, "many in a row have to wait");
}

/* ---- asked back ---- */

static int64_t
ask(uint32_t slot, uint64_t n, uint64_t in_ns)
{
    return call_account_revoke(slot, ACCOUNT_FRAMES, n, clock_ns() + in_ns).value;
}

static void
asked_back(void)
{
    struct account_terms terms = {.name = 9, .limit_frames = FEW};
    uint64_t frame = make(CHILD, terms), first, spare = frame_of_account(CHILD);
    struct pool pool = {.account = CHILD};

    fine(pool_take_run(&pool, FEW / 2, &first), "frames in a row");
    refuse(ask(CHILD, FEW, LATER_NS), E_RANGE, "more than it has");
    refuse(ask(SLOT_ACCOUNT, 1, LATER_NS), E_PERM, "from ourselves");
    refuse(call_account_revoke(CHILD, ACCOUNT_PINS, 1, 0).value, E_INVAL,
           "what cannot be taken by force");
    hold(ask(CHILD, ASKED, LATER_NS) == ASKED, "asking for some");
    refuse(ask(CHILD, 1, LATER_NS), E_EXIST, "asking while some are wanted");
    hold(account_told(CHILD).count[ACCOUNT_FRAMES].wanted == ASKED, "it stands in its state");
    refuse(call_frame_alloc(CHILD, spare, 1).value, E_NOMEM, "a frame that is taken");
    hold(take_all(CHILD) == 0, "it takes nothing meanwhile");
    hold(call_frame_free(CHILD, first, ASKED - 2).value == ASKED - 2, "it gives some");
    hold(ask(CHILD, 0, 0) == 2, "the rest is wanted");
    hold(call_frame_free(CHILD, first + ASKED - 2, 2).value == 2, "it gives the rest");
    hold(ask(CHILD, 0, 0) == 0, "which is met");
    hold(account_told(CHILD).count[ACCOUNT_FRAMES].taken == 0, "nothing was taken by force");

    hold(ask(CHILD, ASKED, SOON_NS) >= 0, "asking again");
    for (uint64_t end_ns = clock_ns() + LATER_NS;
         account_told(CHILD).count[ACCOUNT_FRAMES].wanted;) /* it ignores us, and so do we */
        if (clock_ns() > end_ns)
            breach("a deadline passed, and nothing was taken");
    hold(account_told(CHILD).count[ACCOUNT_FRAMES].taken == ASKED, "as many as were wanted");
    hold(account_told(CHILD).n_taken == ASKED, "and each is said");
    end(CHILD, frame);
}

/* One that has nothing which can be taken singly is taken whole. */
static void
taken_whole(void)
{
    struct account_terms terms = {.name = 10, .limit_frames = FEW};
    uint64_t frame = make(CHILD, terms);

    for (int i = 0; i < FEW / 2; i++) {
        call_slot_clear(SLOT_SLOTS, TABLE);
        fine(call_events_make(CHILD, frame_of_account(CHILD), TABLE).value, "events_make");
    }
    hold(ask(CHILD, 1, 0) >= 0, "asking for one, at once");
    for (int calls = 0; account_told(CHILD).used_frames; calls++) {
        fine(ask(CHILD, 0, 0), "going on");
        hold(calls < CALLS_MAX, "an account of objects alone is taken");
    }
    hold(account_told(CHILD).dying, "it has ended");
    refuse(call_event_read(TABLE, 0).value, E_BADF, "what was its");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
}

/* What is mapped is taken all the same, and the page says which; it is only to be read. */
static void
page_shows(void)
{
    struct account_terms terms = {.name = 11, .limit_frames = FEW, .n_pages = 1};
    uint64_t first, entry, frame;
    const volatile struct account_page *page = (struct account_page *)SCRATCH_VA;
    uint64_t mapped_va = SCRATCH_VA + FRAME_BYTES;
    struct pool pool = {.account = CHILD};

    page_at(SCRATCH_VA, frame_new(), MAP_READ); /* the tables */
    terms.page_frame = frame_new();
    frame = make(CHILD, terms);
    entry = terms.page_frame << FRAME_SHIFT | MAP_READ;
    refuse(map_one(exo_start_page->root_frame, SCRATCH_VA, entry | MAP_WRITE), E_PERM,
           "writing an account's page");
    fine(map_one(exo_start_page->root_frame, SCRATCH_VA, entry), "mapping an account's page");
    hold(page->version == ACCOUNT_PAGE_VERSION && page->account == frame, "whose page it is");
    hold(page->state.used_frames == 1, "its page is its own");
    fine(pool_take_run(&pool, ASKED, &first), "frames in a row");
    hold(page->state.used_frames == 1 + ASKED, "the page shows what is used");
    entry = first << FRAME_SHIFT | MAP_READ | MAP_WRITE;
    fine(map_one(exo_start_page->root_frame, mapped_va, entry), "mapping one of them");
    *(volatile uint64_t *)mapped_va = 1;
    hold(ask(CHILD, ASKED, 0) >= 0, "asking for all of them");
    for (int calls = 0; page->state.count[ACCOUNT_FRAMES].wanted; calls++) {
        fine(ask(CHILD, 0, 0), "going on");
        hold(calls < CALLS_MAX, "what is mapped is taken");
    }
    hold(page->state.n_taken == ASKED, "each is said");
    for (uint32_t i = 0; i < ASKED; i++)
        hold(page->taken[i].kind == ACCOUNT_FRAMES && page->taken[i].name - first < ASKED,
             "by name");
    hold(trap_read(mapped_va).vector != NO_VECTOR, "what was mapped is so no more");
    end(CHILD, frame);
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    names();
    limits();
    shared_kinds();
    reserves();
    until_quiet(holder_again, "an account in the same frame");
    rejects();
    asked_back();
    taken_whole();
    page_shows();
    return done();
}
