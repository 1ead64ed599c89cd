/* SPDX-License-Identifier: MIT */
/*
 * large.c - frame objects of 2 MiB and 1 GiB: 512 of the next smaller size, joined and split.
 *
 * Invariant F6 of frame.h. Each call makes one level of 512, so that it is bounded; a 1 GiB object
 * is joined from 512 of 2 MiB. Mapped by one entry of level 2 or 3, with one count of references.
 */
#include "abi/error.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/epoch.h"
#include "kernel/frame.h"
#include "kernel/wait.h"
#include "plant.h"

enum { MEMBERS = 512, CLEAR_MAX = 16 };

static uint64_t
frames_of(uint32_t size)
{
    return (uint64_t)1 << 9 * size;
}

uint64_t
frame_head(uint64_t n)
{
    uint64_t head = n;

    for (uint32_t size = 1; frame_at(head)->type == FRAME_PART && size <= 2; size++)
        head = n & ~(frames_of(size) - 1);
    return head;
}

/* May the object at n be a part of a larger one that begins at first? */
static int
member_check(const struct account *account, uint64_t n, uint64_t first, uint32_t size)
{
    const struct frame *f = frame_at(n);

    if (!account_covers(account, f->owner) ||
        (f->owner != frame_at(first)->owner && !planted(PLANT_JOIN_MIXED)))
        return E_PERM;
    if (f->type != FRAME_PLAIN || (f->flags & FRAME_SIZE) != size)
        return E_INVAL;
    if (f->refs || f->other || f->flags & (FRAME_VITAL | FRAME_USES) || wait_on_frame(n))
        return E_BUSY;
    return frame_settled(f) ? 0 : E_AGAIN;
}

struct result
frame_join(struct account *account, uint64_t first, uint64_t size)
{
    uint64_t step, cleared = 0;
    int error = 0;

    if (size < 1 || size > 2 || first & (frames_of((uint32_t)size) - 1) || first >= frame_count ||
        frames_of((uint32_t)size) > frame_count - first)
        return result_error(E_INVAL);
    first = index_masked(first, frame_count);
    step = frames_of((uint32_t)size - 1);
    for (uint64_t i = 0; i < MEMBERS && !error; i++)
        error = member_check(account, first + i * step, first, (uint32_t)size - 1);
    if (error)
        return epoch_error(error);
    for (uint64_t i = 0; i < MEMBERS; i++) { /* F4 */
        if (!(frame_at(first + i * step)->flags & FRAME_STALE))
            continue;
        if (cleared++ == CLEAR_MAX)
            return result_error(E_AGAIN);
        frame_ready(first + i * step);
    }
    for (uint64_t i = 1; i < MEMBERS; i++)
        frame_at(first + i * step)->type = FRAME_PART;
    frame_at(first)->flags = (uint8_t)size;
    return result_ok(0);
}

/* Each part has the stamp of the whole: what could be used there could be used here. */
void
frame_parts(uint64_t first)
{
    struct frame *head = frame_at(first);
    uint8_t size = (uint8_t)((head->flags & FRAME_SIZE) - 1);

    frame_mark_set(first, false);
    head->flags = size;
    for (uint64_t i = 1; i < MEMBERS; i++) {
        struct frame *f = frame_at(first + i * frames_of(size));
        f->type = FRAME_PLAIN;
        f->flags = size;
        f->stamp = head->stamp;
        f->stamp_high = head->stamp_high;
    }
}

struct result
frame_split(struct account *account, uint64_t first)
{
    const struct frame *f = frame_find(first);
    int error = frame_check(account, first, FRAME_PLAIN);

    if (error || !(f->flags & FRAME_SIZE))
        return result_error(error ? error : E_INVAL);
    if (f->refs || f->other || wait_on_frame(first))
        return result_error(E_BUSY);
    frame_parts(first);
    return result_ok(0);
}
