/* SPDX-License-Identifier: MIT */
/*
 * child.c - a second environment that begins as a copy of this one. All that it consists of is
 * charged to its own account; each page of our image is copied, what nobody writes too, for its
 * frames are not ours to hand on.
 */
#include "libos/exo/child.h"
#include "abi/account.h"
#include "abi/cap.h"
#include "abi/context.h"
#include "abi/error.h"
#include "abi/transfer.h"
#include "lib/string.h"
#include "libos/exo/context.h"
#include "libos/exo/rpc.h"
#include "libos/exo/space.h"
#include "libos/exo/start.h"
#include "libos/exo/upcall.h"
#include "call_stubs.h"

enum {
    STACK_BYTES = 32 << 10,
    RIGHTS_MAP = MAP_READ | MAP_WRITE | MAP_EXEC,
    ACCOUNT_RIGHTS = RIGHT_ALLOC | RIGHT_MAP | RIGHT_MAKE | RIGHT_INSPECT | RIGHT_GRANT,
};

extern uint8_t exo_image_end[]; /* library.ld */

static uint8_t child_stack[STACK_BYTES] __attribute__((aligned(16)));
static void (*child_main)(void); /* the child's copy of it is what counts */
static uint64_t window_va;       /* a page of ours, to fill its pages through */

/* One that is being made. */
struct build {
    const struct child_terms *t;
    uint64_t account_frame;
    struct pool pool;
    struct space space;
};

/* ---- in the child ---- */

static _Noreturn void
child_enter(void)
{
    memset(&exo_context, 0, sizeof(exo_context)); /* what it says of threads is the parent's */
    context_begin(&exo_context, 0);
    exo_pool = pool_of(SLOT_ACCOUNT);
    exo_space = (struct space){.pool = &exo_pool, .root = exo_start_page->root_frame};
    if (upcalls_begin() == 0)
        child_main();
    exo_exit(0);
}

/* ---- in the parent ---- */

/* A page of its own at va, with these bytes. */
static int
page_give(struct build *b, uint64_t va, const void *bytes, uint64_t flags)
{
    uint64_t frame, entry;
    int error = pool_take_all(&b->pool, &frame, 1);

    if (error)
        return error;
    entry = frame << FRAME_SHIFT | MAP_READ | MAP_WRITE;
    error = space_map(&exo_space, window_va, &entry, 1, b->t->slot[CHILD_ACCOUNT]);
    if (error)
        return error;
    memcpy((void *)window_va, bytes, FRAME_BYTES);
    error = space_unmap(&exo_space, window_va, 1);
    entry = frame << FRAME_SHIFT | flags;
    return error ? error : space_map(&b->space, va, &entry, 1, b->t->slot[CHILD_ACCOUNT]);
}

static int
image_give(struct build *b)
{
    for (uint64_t va = LIBRARY_VA; va < (uintptr_t)exo_image_end; va += FRAME_BYTES) {
        uint64_t entry;
        int error = space_read(&exo_space, va, &entry, 1);

        if (!error && entry & MAP_READ)
            error = page_give(b, va, (const void *)va, entry & RIGHTS_MAP);
        if (error)
            return error;
    }
    return 0;
}

static int
start_give(struct build *b)
{
    static uint8_t page[FRAME_BYTES] __attribute__((aligned(8)));
    struct start_page start = *exo_start_page;
    int error;

    start.root_frame = b->space.root;
    start.limit_frames = b->t->limit_frames;
    start.n_arguments = start.n_environment = 0;
    start.account_va = b->t->n_pages ? ACCOUNT_VA : 0; /* there are no strings behind it */
    memcpy(page, &start, sizeof(start));
    error = page_give(b, START_VA, page, MAP_READ);
    return error ? error
                 : space_map_run(&b->space, ACCOUNT_VA, b->t->page_frame, b->t->n_pages, MAP_READ,
                                 b->pool.account);
}

static int64_t
account_give(struct build *b)
{
    struct account_terms terms = {.name = b->t->name,
                                  .limit_frames = b->t->limit_frames,
                                  .reserve_frames = b->t->reserve_frames,
                                  .page_frame = b->t->page_frame,
                                  .n_pages = b->t->n_pages};
    int64_t r = pool_take(&exo_pool, &b->account_frame, 1);

    if (r < 0)
        return r;
    r = call_account_make(SLOT_ACCOUNT, b->account_frame, b->t->slot[CHILD_ACCOUNT],
                          (uintptr_t)&terms)
            .value;
    if (r < 0)
        pool_give(&exo_pool, b->account_frame, 1);
    b->pool = pool_of(b->t->slot[CHILD_ACCOUNT]);
    return r;
}

static int64_t
root_give(struct build *b)
{
    uint64_t frame[2]; /* the table and its companion */
    int64_t r = pool_take_all(&b->pool, frame, 2);

    if (r == 0)
        r = call_pt_make(b->pool.account, frame[0], PT_LEVELS, frame[1]).value;
    b->space = (struct space){.pool = &b->pool, .root = frame[0]};
    return r;
}

static int64_t
objects_give(struct build *b)
{
    const struct child_terms *t = b->t;
    struct context_start start = {.rip = (uintptr_t)child_enter,
                                  .rsp = (uintptr_t)child_stack + STACK_BYTES - 8,
                                  .stop_slot = SLOT_NOTHING};
    uint64_t frame[6];
    int64_t r = pool_take_all(&b->pool, frame, 6);

    if (r >= 0)
        r = call_slots_make(b->pool.account, frame[0], t->slot[CHILD_SLOTS]).value;
    if (r >= 0)
        r = call_events_make(b->pool.account, frame[1], t->slot[CHILD_EVENTS]).value;
    if (r >= 0 && t->entry != SLOT_NOTHING)
        r = call_entry_make(b->pool.account, frame[2], t->entry).value;
    if (r >= 0)
        r = call_env_make(b->pool.account, frame[3], t->slot[CHILD_ENV], t->slot[CHILD_SLOTS],
                          b->space.root)
                .value;
    start.vector_frame = r < 0 ? 0 : frame[4];
    if (r >= 0)
        r = call_context_make(t->slot[CHILD_ENV], frame[5], t->slot[CHILD_CONTEXT],
                              (uintptr_t)&start)
                .value;
    return r;
}

static int64_t
grant(struct build *b, uint32_t n, uint32_t from, uint32_t into, uint64_t rights)
{
    struct cap cap;
    int64_t r = call_cap_grant(from, b->t->cells, b->t->first_cell + n, rights, b->account_frame,
                               (uintptr_t)&cap)
                    .value;

    return r < 0 ? r : call_cap_bind(b->t->slot[CHILD_SLOTS], into, (uintptr_t)&cap).value;
}

static int64_t
grants_give(struct build *b)
{
    const uint32_t *slot = b->t->slot;
    int64_t r = grant(b, 0, slot[CHILD_ACCOUNT], SLOT_ACCOUNT, ACCOUNT_RIGHTS);

    r = r ? r : grant(b, 1, slot[CHILD_SLOTS], SLOT_SLOTS, RIGHTS_ALL & ~RIGHT_DESTROY);
    r = r ? r : grant(b, 2, slot[CHILD_ENV], SLOT_ENV, RIGHT_MAKE | RIGHT_GRANT);
    r = r ? r : grant(b, 3, slot[CHILD_CONTEXT], SLOT_CONTEXT, RIGHT_STOP | RIGHT_RUN);
    r = r ? r : grant(b, 4, slot[CHILD_EVENTS], SLOT_EVENTS, RIGHT_READ | RIGHT_POST | RIGHT_GRANT);
    if (r || b->t->entry == SLOT_NOTHING)
        return r;
    return grant(b, 5, b->t->entry, CHILD_ENTRY, RIGHT_MAKE | RIGHT_RUN | RIGHT_GRANT);
}

/* It begins, and serves its entry. */
static int64_t
entry_serve(const struct child_terms *t)
{
    struct transfer_setup setup = {.rip = (uintptr_t)child_enter,
                                   .rsp = (uintptr_t)child_stack + STACK_BYTES - 8};
    struct rpc first = {0};
    int64_t r = call_transfer_serve(t->entry, t->slot[CHILD_CONTEXT], (uintptr_t)&setup).value;

    return r < 0 ? r : rpc_call(t->entry, &first);
}

int
child_make(const struct child_terms *t)
{
    struct build b = {.t = t};
    int64_t r;

    if (!window_va && !(window_va = room_take(1)))
        return -E_NOMEM;
    child_main = t->main;
    r = account_give(&b);
    if (r < 0)
        return (int)r;
    r = root_give(&b);
    r = r < 0 ? r : image_give(&b);
    r = r < 0 ? r : start_give(&b);
    r = r < 0 ? r : objects_give(&b);
    r = r < 0 ? r : grants_give(&b);
    pool_close(&b.pool);
    return (int)(r < 0 || t->entry == SLOT_NOTHING ? r : entry_serve(t));
}

int
child_run(const struct child_terms *t, uint32_t cpu, uint32_t position, uint64_t slice_ns)
{
    uint32_t account = t->slot[CHILD_ACCOUNT];
    int64_t r = call_transfer_withdraw(t->entry, cpu).value;

    r = r < 0 ? r : call_slice_take(account, cpu, position, 1).value;
    r = r < 0
            ? r
            : call_slice_set(account, cpu, position, t->slot[CHILD_CONTEXT], SLOT_NOTHING, slice_ns)
                  .value;
    return (int)r;
}

static int
page_vital(uint64_t va)
{
    uint64_t entry;
    int error = space_read(&exo_space, va, &entry, 1);

    if (error || !(entry & MAP_READ))
        return error;
    return (int)call_frame_mark(SLOT_ACCOUNT, entry >> FRAME_SHIFT, 1).value;
}

int
child_vital(void)
{
    int error = page_vital(START_VA);

    for (uint64_t va = LIBRARY_VA; va < (uintptr_t)exo_image_end && !error; va += FRAME_BYTES)
        error = page_vital(va);
    return error;
}

/* The frame of an account of which nothing is left but that; a capability names it. */
static int64_t
account_frame(const struct child_terms *t)
{
    struct cap cap = {0}; /* the analyser does not see that the kernel writes it */
    int64_t r = call_cap_grant(t->slot[CHILD_ACCOUNT], t->cells, t->first_cell, RIGHT_GRANT, 0,
                               (uintptr_t)&cap)
                    .value;

    return r < 0 ? r : cap.object;
}

static void
cells_empty(const struct child_terms *t)
{
    for (uint32_t i = 0; i < CHILD_CELLS; i++)
        while (call_cap_revoke(t->cells, t->first_cell + i).value == -E_AGAIN)
            ;
}

int
child_destroy(const struct child_terms *t)
{
    int64_t left, frame;

    do
        left = call_account_destroy(t->slot[CHILD_ACCOUNT]).value;
    while (left > 0);
    if (left < 0)
        return (int)left;
    cells_empty(t);
    frame = account_frame(t);
    cells_empty(t);
    for (uint32_t i = 0; i < CHILD_SLOT_COUNT; i++)
        call_slot_clear(SLOT_SLOTS, t->slot[i]);
    if (t->entry != SLOT_NOTHING)
        call_slot_clear(SLOT_SLOTS, t->entry);
    return (int)(frame < 0 ? frame : pool_give(&exo_pool, (uint64_t)frame, 1));
}
