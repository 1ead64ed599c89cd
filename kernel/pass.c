/* SPDX-License-Identifier: MIT */
/* pass.c - frames as others see them: passed on with their contents, marked vital, told about. */
#include "abi/error.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/epoch.h"
#include "kernel/frame.h"
#include "kernel/owned.h"
#include "kernel/pin.h"
#include "kernel/wait.h"

enum { LARGE_FRAMES = 512, TELL_BATCH = 16 };

/* 0 when frame n, a whole object or a part of the one passed with it, may change its owner (F3). */
static int
pass_check(const struct account *account, uint64_t n, uint32_t owner, bool part)
{
    const struct frame *f = frame_find(n);

    if (!f || !account_covers(account, f->owner) || f->owner != owner)
        return E_PERM;
    if (f->type != (part ? FRAME_PART : FRAME_PLAIN))
        return E_INVAL;
    if (f->refs || f->other || f->flags & (FRAME_VITAL | FRAME_USES) || wait_on_frame(n))
        return E_BUSY;
    return frame_settled(f) ? 0 : E_AGAIN;
}

struct result
frame_pass(struct account *account, uint64_t first, uint64_t n, struct account *to)
{
    const struct frame *f = frame_find(first);
    uint32_t owner = f ? f->owner : 0, size = f ? f->flags & FRAME_SIZE : 0;
    int error = 0;

    if (n < 1 || (size ? size != 1 || n != LARGE_FRAMES : n > FRAME_BATCH_MAX))
        return result_error(E_INVAL);
    for (uint64_t i = 0; i < n && !error; i++) {
        error = pass_check(account, first + i, owner, size && i);
        if (!error && i && !size && frame_at(first + i)->flags & FRAME_SIZE)
            error = E_INVAL;
    }
    if (error)
        return epoch_error(error);
    if (account_move(account_at(owner), to, ACCOUNT_FRAMES, n))
        return result_error(E_DQUOT);
    for (uint64_t i = first; i < first + n; i++)
        owned_leave(i);
    owned_enter((uint32_t)frame_of(to), first, n);
    return result_ok((int64_t)n);
}

struct result
frame_mark(struct account *account, uint64_t frame, uint64_t on)
{
    const struct frame *f = frame_find(frame);
    int error = frame_check(account, frame, FRAME_PLAIN);
    const struct account *owner;
    uint64_t size;

    if (error || on > 1)
        return result_error(error ? error : E_INVAL);
    owner = account_at(f->owner);
    size = f->flags & FRAME_VITAL ? 0 : (uint64_t)1 << 9 * (f->flags & FRAME_SIZE);
    if (on && !account_vital_fits(owner, owner->n_marked + size))
        return result_error(E_DQUOT);
    frame_mark_set(frame, on);
    return result_ok(0);
}

struct result
frame_read(struct account *account, uint64_t first, uint64_t n, uint64_t out)
{
    struct frame_state told[TELL_BATCH];
    uint64_t done = 0, absent = 0;

    if (n < 1 || n > FRAME_BATCH_MAX)
        return result_error(E_INVAL);
    while (done < n && !absent) {
        uint64_t batch = 0;
        for (; batch < TELL_BATCH && done + batch < n; batch++) {
            const struct frame *f = frame_find(first + done + batch);
            if (!f || !account_covers(account, f->owner))
                break;
            told[batch] = (struct frame_state){
                .owner = f->owner,
                .refs = f->refs,
                .pins = f->type == FRAME_PLAIN ? pins_count(first + done + batch) : 0,
                .type = f->type,
                .size = f->flags & FRAME_SIZE,
                .vital = (f->flags & FRAME_VITAL) != 0,
                .uses = f->flags / FRAME_USE};
        }
        if (!batch)
            break;
        absent = copy_out(out + done * sizeof(told[0]), told, batch * sizeof(told[0]));
        done += absent ? 0 : batch;
    }
    if (done)
        return result_ok((int64_t)done);
    return absent ? result_error_at(E_FAULT, absent) : result_error(E_PERM);
}
