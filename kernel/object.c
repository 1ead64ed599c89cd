/* SPDX-License-Identifier: MIT */
/* object.c - how each type of frame ends: one switch, one place. */
#include "kernel/object.h"
#include "abi/error.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/steps.h"
#include "kernel/cap.h"
#include "kernel/console.h"
#include "kernel/context.h"
#include "kernel/event.h"
#include "kernel/frame.h"
#include "kernel/grant.h"
#include "kernel/pt.h"
#include "kernel/slice.h"
#include "kernel/transfer.h"
#include "kernel/wait.h"
#include "plant.h"

/*
 * In elementary steps (kernel/bound.h), with room for the most that hangs on each: a plain frame
 * given back; an object, a table; one of its entries; what was charged, to up to eight accounts, or an
 * activation; a large frame's parts, a context; a console's buffers cleared.
 */
enum {
    PLAIN_STEPS = 12,
    SCAN_STEPS = 64,
    ENTRY_STEPS = 2,
    CHARGE_STEPS = 12,
    TABLE_STEPS = 512,
    CONSOLE_STEPS = STEPS_MAX
};

/*
 * Does it have to stay? Looked at first: a call that is refused changes nothing, but that a parked
 * activation, which is in nobody's way, can be called no more.
 */
static bool
object_busy(uint64_t n)
{
    struct context *context = frame_address(n);

    if (frame_at(n)->type == FRAME_ACCOUNT)
        return !account_is_empty(account_at(n));
    if (frame_at(n)->type != FRAME_CONTEXT)
        return false;
    transfer_retrieve(context);
    return context->on && !planted(PLANT_CURRENT); /* X4 */
}

/* Nobody waits for a word of it or stands on it any more, and it is in parts of one frame. */
static int
plain_release(uint64_t n, uint64_t *steps)
{
    if (!wait_release_frame(n, steps) || (!pins_detach(n, steps) && !planted(PLANT_PIN)))
        return E_AGAIN;
    while (frame_at(n)->flags & FRAME_SIZE) {
        frame_parts(n);
        steps_use(steps, TABLE_STEPS);
    }
    steps_use(steps, PLAIN_STEPS);
    return 0;
}

/*
 * What the object stands on is let go of: 0, and *cost grows by what that took; or E_AGAIN, E_BUSY,
 * E_INVAL: it is not to be ended by itself.
 */
static inline __attribute__((always_inline)) int
object_let_go(enum frame_type type, uint64_t n, uint64_t *steps, uint64_t *cost)
{
    void *object = frame_address(n);

    switch (type) {
    case FRAME_PT1:
    case FRAME_PT2:
    case FRAME_PT3:
    case FRAME_PT4:
        if (type == FRAME_PT4 && !root_end(n))
            return E_BUSY;
        *cost += ENTRY_STEPS * pt_release(n);
        return 0;
    case FRAME_ACCOUNT:
        *cost += CHARGE_STEPS * account_release(account_at(n));
        return 0;
    case FRAME_CONTEXT:
        if (!slice_forget(&arch_context_of(n)->strangers, steps) ||
            !slice_forget(&arch_context_of(n)->positions, steps))
            return E_AGAIN;
        context_release(object);
        *cost = TABLE_STEPS;
        return 0;
    case FRAME_ENV:
        env_release(object);
        return 0;
    case FRAME_ENTRY:
        entry_release(object);
        *cost += (uint64_t)CHARGE_STEPS * cpu_count();
        return 0;
    case FRAME_CONSOLE:
        console_destroy(object);
        *cost = CONSOLE_STEPS;
        return 0;
    case FRAME_EVENTS:
        if (!wait_release(object, steps))
            return E_AGAIN;
        pin_drop(&((struct events *)object)->window);
        return 0;
    case FRAME_SLOTS:
        slots_release(object);
        return 0;
    case FRAME_CELLS:
        return 0;
    default: /* a vector area or a buffer goes with its object; the rest is nobody's */
        return E_INVAL;
    }
}

int
object_release(uint64_t n, uint64_t *steps)
{
    const struct frame *f = frame_at(n);
    enum frame_type type = f->type;
    uint64_t cost = SCAN_STEPS;
    int error;

    if (type == FRAME_PLAIN || type == FRAME_ENDED)
        return plain_release(n, steps);
    if (object_busy(n))
        return E_BUSY;
    /* What may still be walked stays a table (F3), unless it is linked and its account dies. */
    if (type_is_table(f->type) && !f->refs && !frame_settled(f))
        return E_AGAIN;
    if (type_has_cell((uint8_t)type) && !revoke_object(n, steps))
        return E_AGAIN; /* G6 */
    error = object_let_go(type, n, steps, &cost);
    if (error)
        return error;
    frame_retire(n);
    steps_use(steps, cost);
    return 0;
}
