/* SPDX-License-Identifier: MIT */
/* pin.c - lasting uses of plain frames (pin.h). */
#include "kernel/pin.h"
#include "abi/error.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/context.h"
#include "kernel/event.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/slot.h"
#include "kernel/steps.h"
#include "plant.h"

static struct pin *
pin_at(uint32_t n)
{
    void *object = frame_address(n);

    switch (frame_at(n)->type) {
    case FRAME_CONTEXT:
        return &arch_context_of(n)->upcall_pin;
    case FRAME_EVENTS:
        return &((struct events *)object)->window;
    default:
        panic("frame %u of type %u pins another", n, frame_at(n)->type); /* P1 */
    }
}

static bool
pin_vital(const struct pin *pin)
{
    return frame_at(pin->object)->type == FRAME_CONTEXT; /* P2 */
}

int
pin_check(uint64_t object, uint64_t slot, uint64_t frame, struct cell **cell)
{
    int error;
    struct cell *under = slot_bound(slot, KIND_ACCOUNT, RIGHT_MAP, &error);

    if (!under)
        return error;
    error = frame_check(account_at(under->object), frame, FRAME_PLAIN);
    if (error)
        return error;
    if (frame_at(frame)->flags & FRAME_SIZE)
        return E_INVAL;
    if (account_dying(frame_at(frame)->owner))
        return E_PERM;
    if (frame_at(frame)->owner != frame_at(object)->owner && !(under->leaf.rights & RIGHT_PIN) &&
        !planted(PLANT_PIN_RIGHT))
        return E_PERM;
    *cell = under;
    return 0;
}

int
pin_hold(uint64_t object, uint64_t frame, struct cell *cell)
{
    struct pin *pin = pin_at((uint32_t)object);
    struct frame *f = frame_at(frame);

    if (pins_count(frame) >= PINS_PER_FRAME)
        return E_NOSPC;
    if (account_take(account_at(frame_at(object)->owner), ACCOUNT_PINS, 1)) /* P4 */
        return E_DQUOT;
    *pin = (struct pin){.object = (uint32_t)object, .frame = (uint32_t)frame, .next = f->other};
    if (f->other)
        pin_at(f->other)->prev = pin->object;
    f->other = pin->object;
    if (cell)
        leaf_hang(&pin->leaf, cell, LEAF_PIN); /* P3 */
    frame_ready(frame);
    return 0;
}

void
pin_drop(struct pin *pin)
{
    if (!pin->frame)
        return;
    if (pin->prev)
        pin_at(pin->prev)->next = pin->next;
    else
        frame_at(pin->frame)->other = pin->next;
    if (pin->next)
        pin_at(pin->next)->prev = pin->prev;
    leaf_drop(&pin->leaf);
    account_return(account_at(frame_at(pin->object)->owner), ACCOUNT_PINS, 1);
    *pin = (struct pin){0};
}

static void
pin_detach(struct pin *pin)
{
    uint64_t n = pin->object;
    struct events *events = frame_address(n);

    pin_drop(pin);
    if (frame_at(n)->type == FRAME_EVENTS)
        event_raise(events, events->window_index, 1);
}

void
pin_fall(struct leaf *leaf)
{
    pin_detach((struct pin *)((char *)leaf - offsetof(struct pin, leaf)));
}

bool
pins_detach(uint64_t n, uint64_t *steps)
{
    uint32_t id = frame_at(n)->other, next;

    for (; id && *steps && !planted(PLANT_PIN); id = next) {
        struct pin *pin = pin_at(id);
        next = pin->next;
        if (!pin_vital(pin))
            pin_detach(pin);
        steps_use(steps, PIN_STEPS);
    }
    return !frame_at(n)->other;
}

bool
pins_vital(uint64_t n)
{
    for (uint32_t id = frame_at(n)->other; id; id = pin_at(id)->next)
        if (pin_vital(pin_at(id)))
            return true;
    return false;
}

uint32_t
pins_count(uint64_t n)
{
    uint32_t count = 0;

    for (uint32_t id = frame_at(n)->other; id; id = pin_at(id)->next)
        count++;
    return count;
}
