/* SPDX-License-Identifier: MIT */
/*
 * upcall.c - registration, what is pending, and the handlers of events that stand until a library
 * sets its own. What becomes of an exception or a fault: fault.c.
 */
#include "libos/exo/upcall.h"
#include <stddef.h>
#include "abi/cap.h"
#include "lib/string.h"
#include "libos/exo/context.h"
#include "libos/exo/space.h"
#include "libos/exo/start.h"
#include "call_stubs.h"

/* What crt0.S relies on. */
_Static_assert(offsetof(struct upcall_page, depth) == PAGE_DEPTH, "layout");
_Static_assert(PAGE_PENDING == PAGE_DEPTH + sizeof(uint32_t), "one subtraction sees both");
_Static_assert(offsetof(struct upcall_page, save) == 256, "the areas");
_Static_assert(offsetof(struct upcall_page, mask) == PAGE_MASK, "layout");
_Static_assert(offsetof(struct upcall_page, pending) == PAGE_PENDING, "layout");
_Static_assert(1 << UPCALL_EVENT == PAGE_EVENT, "layout");
_Static_assert(sizeof(struct save_area) == RESUME_BYTES, "one distance for all areas");
_Static_assert(offsetof(struct save_area, rax) == 0 * sizeof(uint64_t), "first");
_Static_assert(offsetof(struct save_area, rbp) == 6 * sizeof(uint64_t), "seventh");
_Static_assert(offsetof(struct save_area, r15) == 14 * sizeof(uint64_t), "last");
_Static_assert(offsetof(struct save_area, rip) == 18 * sizeof(uint64_t), "jmp");
_Static_assert(offsetof(struct save_area, rflags) == 20 * sizeof(uint64_t), "popfq");
_Static_assert(offsetof(struct save_area, rsp) == 21 * sizeof(uint64_t), "pop");

enum { STACK_BYTES = 16 << 10 };

void exo_upcall_exception(void);
void exo_upcall_fault(void);
void exo_upcall_foreign(void);
void exo_upcall_event(void);
void exo_upcall_revoke(void);
void exo_resume_start(void) __attribute__((visibility("hidden")));
void exo_resume_end(void) __attribute__((visibility("hidden")));

/* 0 (crt0.S), unless the library has one of its own: with threads, that of switch.S. */
extern const uint64_t exo_slice_end_entry;

/* Each with a page below that is absent: a handler that runs off its stack overwrites nothing. */
static struct {
    uint8_t guard[FRAME_BYTES], stack[STACK_BYTES];
} upcall_stacks[UPCALL_DEPTH_MAX] __attribute__((aligned(FRAME_BYTES)));

static void
on_event(struct save_area *save)
{
    int64_t set = call_console_signals(SLOT_CONSOLE).value;

    (void)save;
    if (set > 0)
        exo_on_signals((uint64_t)set);
}

static void
on_signals(uint64_t set)
{
    exo_exit(128 + __builtin_ctzll(set));
}

static void
on_revoke(struct save_area *save)
{
    (void)save;
}

upcall_handler *exo_on_event = on_event;
upcall_handler *exo_on_revoke = on_revoke;

static void
revoke_now(struct save_area *save)
{
    exo_on_revoke(save);
}

upcall_handler *exo_revoke_comes = revoke_now;
void (*exo_on_signals)(uint64_t set) = on_signals;

int
upcalls_register(struct context *c, const uint64_t stack[UPCALL_DEPTH_MAX], uint64_t event_mask)
{
    uint64_t page, distance = (uintptr_t)c - (uintptr_t)&exo_context; /* of what is mapped again */
    struct upcall_setup setup = {
        .va = (uintptr_t)c,
        .entry = {[UPCALL_EXCEPTION] = (uintptr_t)exo_upcall_exception,
                  [UPCALL_FAULT] = (uintptr_t)exo_upcall_fault,
                  [UPCALL_FOREIGN] = (uintptr_t)exo_upcall_foreign,
                  [UPCALL_EVENT] = (uintptr_t)exo_upcall_event,
                  [UPCALL_REVOKE] = (uintptr_t)exo_upcall_revoke,
                  [UPCALL_SLICE_END] = exo_slice_end_entry},
        .resume_start = (uintptr_t)exo_resume_start + distance,
        .resume_end = (uintptr_t)exo_resume_end + distance,
        .event_mask = event_mask,
        .events_slot = exo_boot_page ? SLOT_NOTHING : SLOT_EVENTS,
    };
    int error = space_read(&exo_space, setup.va, &page, 1);

    if (error)
        return error;
    setup.frame = page >> FRAME_SHIFT;
    memcpy(setup.stack, stack, sizeof(setup.stack));
    return (int)call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&setup).value;
}

int
upcalls_begin(void)
{
    uint64_t stack[UPCALL_DEPTH_MAX];

    for (int i = 0; i < UPCALL_DEPTH_MAX; i++) {
        int error = space_release(&exo_space, (uintptr_t)upcall_stacks[i].guard, 1);

        if (error)
            return error;
        stack[i] = (uintptr_t)upcall_stacks[i].stack + STACK_BYTES;
    }
    return upcalls_register(&exo_context, stack,
                            (uint64_t)1 << COUNTER_CONTEXT | 1 << COUNTER_SIGNALS |
                                (exo_slice_end_entry ? 1 << COUNTER_CONSOLE : 0));
}

/* What is pending and not masked any more, as if it came now. */
static void
take_pending(struct save_area *save)
{
    struct upcall_page *page = &context_here()->page;
    uint32_t open = ~__atomic_load_n(&page->mask, __ATOMIC_SEQ_CST);
    uint32_t was = __atomic_fetch_and(&page->pending, ~open, __ATOMIC_SEQ_CST) & open;

    if (was & 1 << UPCALL_SLICE_END)
        call_yield(SLOT_NOTHING);
    if (was & 1 << UPCALL_REVOKE)
        exo_revoke_comes(save);
    if (was & 1 << UPCALL_EVENT)
        exo_on_event(save);
}

void
upcalls_take_pending(void)
{
    take_pending(NULL);
}

void
upcalls_hold_event(void)
{
    struct context *c = context_here();

    if (!(__atomic_fetch_or(&c->page.mask, PAGE_EVENT, __ATOMIC_SEQ_CST) & PAGE_EVENT))
        c->held = 1; /* else who masked them looks himself */
    __atomic_fetch_or(&c->page.pending, PAGE_EVENT, __ATOMIC_SEQ_CST);
}

void exo_take_pending(struct save_area *save);

void
exo_take_pending(struct save_area *save)
{
    take_pending(save);
}

void
exo_enter(uint64_t rip, uint64_t rsp)
{
    struct upcall_page *page = &context_here()->page;
    struct save_area *save = &page->save[0];
    uint16_t cs, ss;

    __asm__("mov %%cs, %0" : "=r"(cs));
    __asm__("mov %%ss, %0" : "=r"(ss));
    *(volatile uint32_t *)&page->depth = 1; /* from here on upcalls take the next area */
    *save = (struct save_area){.rip = rip, .cs = cs, .rflags = FLAGS_START, .rsp = rsp, .ss = ss};
    exo_resume(save);
}
