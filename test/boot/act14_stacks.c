/* SPDX-License-Identifier: MIT */
/*
 * act14_stacks.c - hostile act 14: upcalls registered with stacks and entries in the kernel's half,
 * where nothing is mapped, where it is read-only, across the end of a page, in the context's own
 * save areas. What lies in the kernel's half is refused when it is registered; any other is the
 * context's own to fault on: it ends when its levels are used up, and the kernel has written its
 * save areas and nothing else.
 */
#include <stddef.h>
#include "test/boot/workers.h"

enum {
    SLOT = 60,
    GUARD = 0xa5,
    PAGES = 3, /* a page of guard bytes, one read-only, one that is absent */
    SLICE_NS = 500 * 1000,
    RED_ZONE = 128,
};

void act14_entry(void);
__asm__(".text\n.globl act14_entry\nact14_entry:\n\tpush %rax\n\tud2\n"); /* it uses the stack */

static struct worker worker;
static struct upcall_setup setup;
static struct upcall_page *page; /* the worker's */
static uint8_t *guard;           /* PAGES of them */
static volatile int64_t set;     /* what upcalls_set gave it */
static uint64_t stack_at;        /* its rsp before it trapped */

/* Below rsp is a red zone: nothing is written there. */
static void
body(struct worker *w)
{
    (void)w;
    set = call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&setup).value;
    if (set)
        return;
    __asm__ volatile("mov %%rsp, %0\n\tmovq %1, -8(%%rsp)\n\tmovq %1, -128(%%rsp)\n\tud2"
                     : "=m"(stack_at)
                     : "r"((uint64_t)GUARD)
                     : "memory");
}

/* A context with that stack at every level; how it ended. */
static uint32_t
run(uint64_t rsp, uint64_t entry)
{
    uint32_t cause;

    memset(page, GUARD, FRAME_BYTES);
    page->mask = page->depth = page->pending = 0;
    for (int i = 0; i < UPCALL_DEPTH_MAX; i++)
        setup.stack[i] = rsp;
    for (int i = 0; i < UPCALL_COUNT; i++)
        setup.entry[i] = i <= UPCALL_FOREIGN ? entry : 0;
    set = 1;
    worker_start(&worker, SLOT, 0, SLICE_NS, body);
    while (worker_phase(&worker, &cause) != CONTEXT_STOPPED)
        call_yield(SLOT_NOTHING);
    expect(call_slice_give(SLOT_ACCOUNT, 0, worker.position, 1).value == 1, "slice_give");
    return cause;
}

static void
refused(uint64_t rsp, uint64_t entry, const char *what)
{
    uint32_t cause = run(rsp, entry);

    if (set == 0)
        breach("%s was registered", what);
    hold(set == -E_INVAL && cause == CAUSE_EXIT, what);
}

/* The frame's end, behind the save areas, is the library's. */
static bool
page_whole(void)
{
    const uint8_t *bytes = (const uint8_t *)page;

    for (uint64_t i = sizeof(*page); i < FRAME_BYTES; i++)
        if (bytes[i] != GUARD)
            return false;
    return true;
}

static bool
guard_whole(uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        if (guard[i] != GUARD)
            return false;
    return true;
}

static bool
page_empty(const volatile uint64_t *words)
{
    uint64_t any = 0;

    for (uint64_t i = 0; i < FRAME_BYTES / sizeof(*words); i++)
        any |= words[i];
    return any == 0;
}

static void
dies(uint64_t rsp, const char *what)
{
    uint32_t cause = run(rsp, (uintptr_t)act14_entry);

    expect(set == 0, "upcalls_set");
    hold(cause == CAUSE_DEPTH, what);
    hold(page_whole(), "the rest of the upcall page is as it was");
    hold(*(uint64_t *)(stack_at - 8) == GUARD && *(uint64_t *)(stack_at - RED_ZONE) == GUARD,
         "the red zone is as it was");
}

static void
in_the_kernel(void)
{
    static const uint64_t places[] = {0x00007ffffffff000, 0x0000800000000000, 0x8000000000000000,
                                      0xffff800000000000, 0xffffff0000000000, 0xffffffff80100000,
                                      0xffffffffc0006ff8, 0xffffffffffffffff};

    for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        refused(places[i], (uintptr_t)act14_entry, "a stack at such an address");
        refused((uintptr_t)guard, places[i], "an entry at such an address");
    }
}

int
exo_main(const struct start_page *start)
{
    uint64_t va = room_take(PAGES), frame;

    (void)start;
    stay_on(0);
    guard = (uint8_t *)va;
    page_at(va, frame_new(), MAP_READ | MAP_WRITE);
    memset(guard, GUARD, FRAME_BYTES);
    page_at(va + FRAME_BYTES, frame_new(), MAP_READ);
    page = page_new(MAP_READ | MAP_WRITE, &frame);
    setup =
        (struct upcall_setup){.frame = frame, .va = (uintptr_t)page, .events_slot = SLOT_NOTHING};
    in_the_kernel();
    dies(va + 3ul * FRAME_BYTES, "a stack where nothing is mapped");
    dies(0, "a stack at 0");
    dies(va + 2ul * FRAME_BYTES, "a stack that is read-only");
    dies(va + FRAME_BYTES + 4, "a stack across the end of a page");
    hold(guard_whole(0, FRAME_BYTES), "of which the half that could be was not written");
    hold(page_empty((const uint64_t *)(va + FRAME_BYTES)), "nor was the page behind it");
    dies((uintptr_t)page + offsetof(struct upcall_page, save[1]), "a stack in the save areas");
    dies((uintptr_t)page + offsetof(struct upcall_page, save[0]), "a stack at its own words");
    return done();
}
