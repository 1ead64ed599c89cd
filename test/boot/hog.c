/* SPDX-License-Identifier: MIT */
/*
 * hog.c - a program that never ends and never gives way: it spins, storms the kernel with calls or
 * the largest batches, traps, executes what it may not, overflows its stack, hears nothing, or is
 * one environment after the other whose fault handler faults. It costs only its own slices.
 */
#include "libos/exo/child.h"
#include "test/boot/kit.h"

enum { CHILD = 20, CHILD_FRAMES = 1024 };
static const uint64_t NOWHERE = FRAME_BYTES; /* no page is there */

static uint64_t entries[MAP_BATCH_MAX];

static void
hog_spin(void)
{
    __asm__ volatile(""); /* no `pause`: the emulator gives way at it */
}

static void
hog_calls(void)
{
    call_null();
}

static void
hog_batches(void)
{
    call_pt_map(SLOT_ACCOUNT, exo_start_page->root_frame, 0, SCRATCH_VA, (uintptr_t)entries,
                MAP_BATCH_MAX, SLOT_ACCOUNT);
    call_pt_read(SLOT_ACCOUNT, exo_start_page->root_frame, 0, SCRATCH_VA, (uintptr_t)entries,
                 MAP_BATCH_MAX);
}

static void
hog_traps(void)
{
    trap_read(0);
}

static void
halt(uint64_t argument)
{
    (void)argument;
    __asm__ volatile("hlt");
}

static void
hog_privileged(void)
{
    trap_catch(halt, 0);
}

/* A call that never returns, until no stack is left. */
static void
deeper(uint64_t argument)
{
    volatile uint8_t room[FRAME_BYTES];

    room[0] = (uint8_t)argument;
    if (argument != UINT64_MAX)
        deeper(argument + room[0] + 1);
    room[1] = room[0]; /* or it would be a jump */
}

static void
hog_stack(void)
{
    trap_catch(deeper, 0);
}

static void
hog_deadlines(void)
{
    call_deadline_set(1);
}

/* Each an upcall of its own. */
static void
hog_posts(void)
{
    call_event_post(SLOT_EVENTS, COUNTER_SIGNALS, 1);
}

static void
on_event(struct save_area *save)
{
    (void)save;
}

static void
fault_again(struct save_area *save)
{
    (void)save;
    *(volatile uint8_t *)NOWHERE;
}

static void
child_main(void)
{
    exo_on_fault = fault_again;
    fault_again(NULL);
}

/* A child begins, in our slice, and is ended by the kernel. */
static void
hog_handler(void)
{
    static struct child_terms child = {.limit_frames = CHILD_FRAMES,
                                       .entry = SLOT_NOTHING,
                                       .cells = SLOT_CELLS,
                                       .main = child_main};
    struct context_state state;

    child.name++;          /* a name is given once */
    if (!child.first_cell) /* empty again when all of it is gone */
        child.first_cell = cells_take(CHILD_CELLS);
    for (uint32_t i = 0; i < CHILD_SLOT_COUNT; i++)
        child.slot[i] = CHILD + i;
    fine(child_make(&child), "child_make");
    do {
        call_yield(child.slot[CHILD_CONTEXT]);
        state = context_told(child.slot[CHILD_CONTEXT]);
    } while (state.phase != CONTEXT_STOPPED);
    expect(state.cause == CAUSE_DEPTH, "it ends by its fault");
    fine(child_destroy(&child), "child_destroy");
}

static const struct {
    const char *name;
    void (*once)(void);
} hogs[] = {{"spin", hog_spin},       {"calls", hog_calls},
            {"batches", hog_batches}, {"traps", hog_traps},
            {"deaf", hog_spin},       {"deadlines", hog_deadlines},
            {"posts", hog_posts},     {"privileged", hog_privileged},
            {"stack", hog_stack},     {"handler", hog_handler}};

int
exo_main(const struct start_page *start)
{
    uint64_t frame = frame_new();

    (void)start;
    page_at(SCRATCH_VA, frame, MAP_READ);
    for (uint32_t i = 0; i < MAP_BATCH_MAX; i++)
        entries[i] = frame << FRAME_SHIFT | MAP_READ;
    if (!strcmp(argument(0), "posts"))
        exo_on_event = on_event;
    if (!strcmp(argument(0), "deaf"))
        exo_upcall_page.mask = UINT32_MAX;
    for (uint32_t i = 0; i < sizeof(hogs) / sizeof(hogs[0]); i++)
        if (!strcmp(hogs[i].name, argument(0))) {
            say("%s for ever", argument(0));
            for (;;)
                hogs[i].once();
        }
    fail("no hog is called %s", argument(0));
}
