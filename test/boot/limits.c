/* SPDX-License-Identifier: MIT */
/*
 * limits.c - accounts: a limit holds to the frame and all the way up, what is destroyed comes back
 * whole, a frame comes to its next owner empty.
 * Argument `spend`: takes all that it can get, in every kind, and leaves it to init to take it
 * back.
 */
#include "test/boot/good.h"
#include "abi/account.h"

enum { CHILD = 100, GRANDCHILD, LIMIT = 40, DEEP = 60, DESTROY_CALLS = 5000 };

static int64_t
account_make(uint32_t parent, uint64_t frame, uint32_t into, uint64_t limit)
{
    static uint64_t name = 100;
    struct account_terms terms = {.name = name, .limit_frames = limit};

    name++;
    return call_account_make(parent, frame, into, (uintptr_t)&terms).value;
}

/* Takes frames one by one until it is refused; how many. */
static uint64_t
take_all(uint32_t account, int *error)
{
    static struct pool pool;
    uint64_t frame, n = 0;

    pool = pool_of(account);
    while ((*error = pool_take_run(&pool, 1, &frame)) == 0)
        n++;
    return n;
}

static void
limits_hold(void)
{
    uint64_t used = account_told(SLOT_ACCOUNT).used_frames;
    int error;

    fine(account_make(SLOT_ACCOUNT, frame_new(), CHILD, LIMIT), "account_make");
    fine(account_make(CHILD, frame_of_account(CHILD), GRANDCHILD, (uint64_t)LIMIT * 10),
         "and below it");
    hold(take_all(GRANDCHILD, &error) == LIMIT - 1, "no more than the limit above allows");
    hold(error == -E_DQUOT, "and then E_DQUOT");
    hold(take_all(CHILD, &error) == 0 && error == -E_DQUOT, "nothing is left for the parent");
    hold(account_told(CHILD).used_frames == LIMIT, "charged to the parent");
    hold(account_told(GRANDCHILD).used_frames == LIMIT - 1, "and to itself");
    hold(account_told(SLOT_ACCOUNT).used_frames == used + 1 + LIMIT, "and above");
    hold(account_told(CHILD).peak_frames == LIMIT, "the peak");
    hold(account_told(GRANDCHILD).depth == account_told(CHILD).depth + 1, "the depth");
}

static void
destroyed(void)
{
    uint64_t used = account_told(SLOT_ACCOUNT).used_frames;
    int64_t left;

    refuse(call_account_destroy(SLOT_ACCOUNT).value, E_PERM, "the end of our own account");
    do
        left = fine(call_account_destroy(CHILD).value, "account_destroy");
    while (left > 0);
    hold(account_told(SLOT_ACCOUNT).used_frames == used - LIMIT, "every frame is back");
    refuse(call_account_read(GRANDCHILD, (uintptr_t)good_data).value, E_BADF, "what was below");
    hold(call_frame_alloc(CHILD, 0, 1).value < 0, "the dead take nothing");
    fine(call_slot_clear(SLOT_SLOTS, GRANDCHILD).value, "slot_clear");
    hold(account_make(CHILD, frame_new(), GRANDCHILD, LIMIT) < 0, "and have no children");
}

/* A frame of the dead that we still map is taken from us. */
static void
foreign_mapping(void)
{
    uint64_t frame, entry;
    int64_t left = 1;

    call_slot_clear(SLOT_SLOTS, CHILD);
    fine(account_make(SLOT_ACCOUNT, frame_new(), CHILD, LIMIT), "account_make");
    frame = frame_of_account(CHILD);
    entry = frame << FRAME_SHIFT | MAP_READ | MAP_WRITE;
    fine(call_pt_map(SLOT_ACCOUNT, exo_start_page->root_frame, 0, SCRATCH_VA, (uintptr_t)&entry, 1,
                     CHILD)
             .value,
         "pt_map");
    *(volatile uint64_t *)SCRATCH_VA = 1;
    for (int i = 0; i < DESTROY_CALLS && left; i++)
        left = fine(call_account_destroy(CHILD).value, "account_destroy");
    hold(left == 0, "a frame that we map comes back");
    hold(trap_read(SCRATCH_VA).vector == VECTOR_PAGE, "and is mapped no more");
    hold(entry_at(SCRATCH_VA) == 0, "nor in the table");
}

static void
depth_is_bounded(void)
{
    uint32_t slot = DEEP, depth = account_told(SLOT_ACCOUNT).depth;

    fine(account_make(SLOT_ACCOUNT, frame_new(), slot, LIMIT), "account_make");
    for (depth += 2; depth < ACCOUNT_DEPTH_MAX; depth++, slot++)
        fine(account_make(slot, frame_of_account(slot), slot + 1, LIMIT), "deeper");
    refuse(account_make(slot, frame_of_account(slot), slot + 1, LIMIT), E_INVAL, "too deep");
    while (call_account_destroy(DEEP).value > 0)
        ;
}

/* What was written to a frame is gone when it is taken again. */
static bool
frames_come_empty(void)
{
    uint64_t frame;
    uint64_t *page = page_new(MAP_READ | MAP_WRITE, &frame);

    memset(page, 0x5a, FRAME_BYTES);
    fine(call_pt_unmap(SLOT_ACCOUNT, exo_start_page->root_frame, 0, (uintptr_t)page, 1).value,
         "pt_unmap");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
    if (!frame_again(frame))
        return false;
    refuse(call_frame_alloc(SLOT_ACCOUNT, frame, 1).value, E_NOMEM, "taking it twice");
    page_at((uintptr_t)page, frame, MAP_READ);
    for (uint64_t i = 0; i < FRAME_BYTES / 8; i++)
        hold(page[i] == 0, "a frame comes empty");
    return true;
}

/* Objects of every kind, accounts in accounts, frames to the last, and no word of farewell. */
static void
spend(void)
{
    int error;

    fine(account_make(SLOT_ACCOUNT, frame_new(), CHILD, LIMIT), "account_make");
    fine(account_make(CHILD, frame_of_account(CHILD), GRANDCHILD, LIMIT), "account_make");
    fine(call_events_make(GRANDCHILD, frame_of_account(GRANDCHILD), DEEP).value, "events_make");
    for (uint32_t n = 0; n < CALL_COUNT; n++) {
        uint64_t reg[REGISTERS];

        if (good_call(call_shapes[n].number, reg) == GOOD_SUCCEEDS)
            call_with(call_shapes[n].number, reg);
    }
    say("%lu frames more", take_all(SLOT_ACCOUNT, &error));
    hold(error == -E_DQUOT, "up to the limit");
    hold(account_told(SLOT_ACCOUNT).used_frames == exo_start_page->limit_frames, "to the frame");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    if (!strcmp(argument(0), "nothing"))
        return done();
    good_begin();
    if (!strcmp(argument(0), "spend")) {
        spend();
        return done();
    }
    limits_hold();
    destroyed();
    foreign_mapping();
    depth_is_bounded();
    until_quiet(frames_come_empty, "a frame comes empty");
    return done();
}
