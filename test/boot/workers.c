/* SPDX-License-Identifier: MIT */
/* workers.c - further contexts of a test (workers.h). */
#include "test/boot/workers.h"
#include "abi/exposed.h"

enum { POSITION_FIRST = 700, JOIN_NS_LOG = 36 }; /* about a minute */

static uint32_t position_next = POSITION_FIRST;

uint32_t
cpu_count(void)
{
    return ((const struct machine_page *)EXPOSED_MACHINE)->n_cpus;
}

static void __attribute__((noreturn)) worker_enter(struct worker *w)
{
    context_begin(&w->here, (uint32_t)w->number + 1);
    w->body(w);
    for (;;)
        call_context_exit(0);
}

void
worker_start(struct worker *w, uint32_t slot, uint32_t cpu, uint64_t duration_ns,
             void (*body)(struct worker *self))
{
    struct context_start start = {.rip = (uintptr_t)worker_enter,
                                  .rsp = (uintptr_t)w->stack + WORKER_STACK_BYTES - 8,
                                  .rdi = (uintptr_t)w,
                                  .stop_slot = SLOT_NOTHING};

    *(uint64_t *)start.rsp = 0; /* nowhere to return to */
    w->slot = slot;
    w->cpu = cpu;
    w->position = position_next++;
    w->body = body;
    start.vector_frame = w->vector_frame = frame_new();
    w->frame = frame_new();
    call_slot_clear(SLOT_SLOTS, slot);
    fine(call_context_make(SLOT_ENV, w->frame, slot, (uintptr_t)&start).value, "context_make");
    expect(call_slice_take(SLOT_ACCOUNT, cpu, w->position, 1).value == 1, "slice_take");
    fine(call_slice_set(SLOT_ACCOUNT, cpu, w->position, slot, SLOT_NOTHING, duration_ns).value,
         "slice_set");
}

uint32_t
worker_phase(const struct worker *w, uint32_t *cause)
{
    struct context_state state = context_told(w->slot);

    if (cause)
        *cause = state.cause;
    return state.phase;
}

static void
position_leave(const struct worker *w)
{
    expect(call_slice_give(SLOT_ACCOUNT, w->cpu, w->position, 1).value == 1, "slice_give");
}

void
worker_join(struct worker *w, const char *what)
{
    uint64_t end = clock_ns() + ((uint64_t)1 << JOIN_NS_LOG);
    struct context_state state;

    for (;;) {
        state = context_told(w->slot);
        if (state.phase == CONTEXT_STOPPED)
            break;
        if (clock_ns() > end)
            fail("%s: worker %lu is in phase %u at %lx", what, w->number, state.phase,
                 state.save.rip);
        call_yield(SLOT_NOTHING);
        __asm__ volatile("pause"); /* an emulator of one thread lets the other processor on */
    }
    if (state.cause != CAUSE_EXIT)
        fail("%s: worker %lu ended by cause %u, vector %lu at %lx of %lx", what, w->number,
             state.cause, state.save.vector, state.save.rip, state.save.address);
    position_leave(w);
}

void
worker_stop(struct worker *w)
{
    uint64_t end = clock_ns() + ((uint64_t)1 << JOIN_NS_LOG);
    int64_t r;

    while ((r = call_context_stop(w->slot).value) == -E_AGAIN)
        call_yield(SLOT_NOTHING);
    while (r == -E_INPROGRESS && worker_phase(w, NULL) != CONTEXT_STOPPED) {
        if (clock_ns() > end)
            fail("worker %lu does not stop", w->number);
        call_yield(SLOT_NOTHING);
    }
    expect(r == 0 || r == -E_INPROGRESS, "context_stop");
    position_leave(w);
}
