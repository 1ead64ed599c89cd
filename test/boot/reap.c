/* SPDX-License-Identifier: MIT */
/*
 * reap.c - frames that end while somebody stands on them: the context that runs, and the tables of
 * an account that is half destroyed. What still counts for somebody never becomes a plain frame.
 */
#include "test/boot/kit.h"
#include "abi/account.h"

enum { CHILD = 100, CHILD_SLOTS, CHILD_ENV, CHILD_CONTEXT, SPARE_TABLES = 40, PRESENT_ALL = 7 };

static uint64_t root, table; /* of the child */

static void
own_context(void)
{
    uint64_t frame = object_of_slot(SLOT_CONTEXT);
    int64_t freed = call_frame_free(SLOT_ACCOUNT, frame, 1).value;

    if (freed > 0) { /* the kernel is about to save registers in a frame that is anybody's */
        frame_again(frame);
        map_one(exo_start_page->root_frame, SCRATCH_VA, frame << FRAME_SHIFT | MAP_READ);
        __builtin_trap();
    }
    refuse(freed, E_BUSY, "freeing the context that runs");
    refuse(call_frame_free(SLOT_ACCOUNT, object_of_slot(SLOT_ENV), 1).value, E_BUSY,
           "freeing its environment");
    refuse(call_frame_free(SLOT_ACCOUNT, object_of_slot(SLOT_SLOTS), 1).value, E_BUSY,
           "freeing its binding table");
    call_yield(SLOT_NOTHING);
}

static uint64_t
child_frame(void)
{
    return frame_of_account(CHILD);
}

/*
 * They are reaped in the order of their taking, the last first: a table and the root above it,
 * tables that only take time, the environment that names the root.
 */
static void
child_make(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = 128};
    struct context_start start = {.rip = FRAME_BYTES, .stop_slot = SLOT_NOTHING};
    uint64_t env;

    fine(call_account_make(SLOT_ACCOUNT, frame_new(), CHILD, (uintptr_t)&terms).value,
         "account_make");
    env = child_frame();
    fine(call_slots_make(CHILD, child_frame(), CHILD_SLOTS).value, "slots_make");
    for (int i = 0; i < SPARE_TABLES; i++)
        fine(call_pt_make(CHILD, child_frame(), 1, child_frame()).value, "pt_make");
    root = child_frame();
    fine(call_pt_make(CHILD, root, 4, child_frame()).value, "pt_make");
    table = child_frame();
    fine(call_pt_make(CHILD, table, 3, child_frame()).value, "pt_make");
    fine(call_pt_link(CHILD, root, 0, table, 0).value, "pt_link");
    fine(call_env_make(CHILD, env, CHILD_ENV, CHILD_SLOTS, root).value, "env_make");
    start.vector_frame = child_frame();
    fine(call_context_make(CHILD_ENV, child_frame(), CHILD_CONTEXT, (uintptr_t)&start).value,
         "context_make");
}

/* A root of our own making, in a frame that the kernel still takes for one: what does it read? */
static void
read_through(uint64_t fake_root)
{
    uint64_t above = fake_root, stolen = 0;

    page_at(SCRATCH_VA, fake_root, MAP_READ | MAP_WRITE);
    for (int level = 4; level > 1; level--) {
        uint64_t frame;
        uint64_t *page = page_new(MAP_READ | MAP_WRITE, &frame);

        page[0] = (KERNEL_IMAGE & 0x7fffffff) | PRESENT_ALL;
        if (above == fake_root)
            *(uint64_t *)SCRATCH_VA = frame << FRAME_SHIFT | PRESENT_ALL;
        else
            *(uint64_t *)(SCRATCH_VA + FRAME_BYTES) = frame << FRAME_SHIFT | PRESENT_ALL;
        page_at(SCRATCH_VA + FRAME_BYTES, frame, MAP_READ | MAP_WRITE);
        above = frame;
    }
    if (call_context_peek(CHILD_CONTEXT, 0, (uintptr_t)&stolen, sizeof(stolen)).value > 0)
        breach("kernel memory was read through a root that had ended: %lx", stolen);
    breach("a root that a context stands on became plain");
}

/*
 * Where a table or root of an account that ends is plain while its environment still names it, a
 * context made now would stand on what we map.
 */
static void
half_destroyed(void)
{
    struct context_start start = {.rip = FRAME_BYTES, .stop_slot = SLOT_NOTHING};
    uint64_t entry[2], page = 0, spare;
    int64_t left;

    child_make();
    spare = child_frame();
    start.vector_frame = child_frame();
    entry[0] = root << FRAME_SHIFT | MAP_READ | MAP_WRITE;
    entry[1] = table << FRAME_SHIFT | MAP_READ | MAP_WRITE;
    do {
        left = fine(call_account_destroy(CHILD).value, "account_destroy");
        bool made =
            call_context_make(CHILD_ENV, spare, CHILD_CONTEXT, (uintptr_t)&start).value == 0;

        for (int i = 0; i < 2; i++) {
            bool mapped = call_pt_map(SLOT_ACCOUNT, exo_start_page->root_frame, 0, SCRATCH_VA,
                                      (uintptr_t)&entry[i], 1, CHILD)
                              .value > 0;
            if (i == 0 && mapped && made)
                read_through(root);
            hold(!mapped, "a table of an account that ends became plain");
        }
        hold(!made, "a context of an account that ends");
        hold(call_pt_map(CHILD, root, 0, 0, (uintptr_t)&page, 1, CHILD).value < 0,
             "mapping below a root of an account that ends");
    } while (left > 0);
    refuse(call_context_read(CHILD_CONTEXT, (uintptr_t)entry).value, E_BADF,
           "a context that ended");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    own_context();
    half_destroyed();
    return done();
}
