/* SPDX-License-Identifier: MIT */
/*
 * frame.c - who owns each 4 KiB frame and what it is; taking and freeing by name.
 *
 * Invariants are those of struct frame (frame.h).
 * Units   frame numbers.
 * Source  Engler, Kaashoek, O'Toole, SOSP '95: allocation by physical name.
 */
#include "kernel/frame.h"
#include "abi/error.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/epoch.h"
#include "kernel/log.h"
#include "kernel/object.h"
#include "kernel/owned.h"
#include "kernel/reverse.h"
#include "kernel/bound.h"
#include "kernel/wait.h"
#include "lib/string.h"
#include "plant.h"

struct frame *frame_table;
uint64_t frame_count;
static uint64_t *free_bitmap; /* exposed: 1 = free */

struct frame *
frame_at(uint64_t n)
{
    return &frame_table[n];
}

struct frame *
frame_find(uint64_t n)
{
    return n < frame_count ? &frame_table[index_masked(n, frame_count)] : NULL;
}

uint64_t
frame_of(const void *object)
{
    return arch_physical(object) >> FRAME_SHIFT;
}

int
frame_check(const struct account *account, uint64_t n, enum frame_type type)
{
    const struct frame *f = frame_find(n);

    if (!f || (!planted(PLANT_FRAME_OWNER) && !account_covers(account, f->owner)))
        return E_PERM;
    return f->type == type || planted(PLANT_FRAME_TYPE) ? 0 : E_INVAL;
}

int
frame_check_unused(const struct account *account, uint64_t n)
{
    const struct frame *f = frame_find(n);
    bool own = f && f->owner == frame_of(account) && f->type == FRAME_PLAIN;

    if (!f || (__builtin_expect(!own, 0) && frame_check(account, n, FRAME_PLAIN)))
        return E_PERM;
    if (account_dying(f->owner) && !planted(PLANT_ENDED))
        return E_PERM;
    if ((f->refs || f->other || f->flags & (FRAME_SIZE | FRAME_VITAL | FRAME_USES) ||
         wait_on_frame(n)) &&
        !planted(PLANT_FRAME_REFS))
        return E_BUSY;
    return frame_settled(f) ? 0 : E_AGAIN;
}

int
frame_check_words(const struct account *account, uint64_t n)
{
    int error = frame_check(account, n, FRAME_PLAIN);

    if (error == E_INVAL && frame_at(n)->type == FRAME_PART)
        error = 0;
    if (!error && account_dying(frame_at(n)->owner) && !planted(PLANT_CLING))
        error = E_PERM; /* else it could not end for those who wait */
    if (!error)
        frame_ready(n);
    return error;
}

/* Its contents are zeroes from here on, until somebody may write to it (F7). */
static void
frame_clear(uint64_t n)
{
    if (!(frame_at(n)->flags & FRAME_ZERO))
        arch_frame_clear(frame_address(n));
}

void *
frame_become(uint64_t n, enum frame_type type)
{
    frame_clear(n);
    return frame_become_part(n, type, 0);
}

void *
frame_become_part(uint64_t n, enum frame_type type, uint64_t bytes)
{
    struct frame *f = frame_at(n);

    f->type = (uint8_t)type;
    f->flags = 0;
    return memset(frame_address(n), 0, bytes);
}

void
frame_retire(uint64_t n)
{
    struct frame *f = frame_at(n);

    f->other = 0;
    if (f->refs && !planted(PLANT_ENDED)) { /* F5 */
        f->type = FRAME_ENDED;
        frame_clear(n);
    } else {
        f->type = FRAME_PLAIN;
        f->flags |= FRAME_STALE;
    }
}

void
frame_ready(uint64_t n)
{
    struct frame *f = frame_at(n);

    if (f->flags & FRAME_STALE && !planted(PLANT_STALE))
        frame_clear(n);
    f->flags &= (uint8_t) ~(FRAME_STALE | FRAME_ZERO);
}

void
frame_stamp(struct frame *f, uint64_t epoch)
{
    f->stamp = (uint32_t)epoch;
    f->stamp_high = (uint16_t)(epoch >> 32);
}

bool
frame_settled(const struct frame *f)
{
    return !(f->stamp | f->stamp_high) || epoch_has_passed(frame_stamp_of(f));
}

bool
frame_is_free(uint64_t n)
{
    return free_bitmap[n / 64] >> n % 64 & 1;
}

void
frame_ref(uint64_t n)
{
    frame_at(n)->refs++;
}

void
frame_unref(uint64_t n)
{
    assert(frame_at(n)->refs > 0); /* F1 */
    frame_at(n)->refs--;
}

void
frame_mark_set(uint64_t n, bool on)
{
    struct frame *f = frame_at(n);
    uint64_t size = (uint64_t)1 << 9 * (f->flags & FRAME_SIZE);

    if (on == ((f->flags & FRAME_VITAL) != 0))
        return;
    f->flags ^= FRAME_VITAL;
    account_at(f->owner)->n_marked += on ? size : -size; /* A8 */
}

/* The exposed bitmap says that n frames from first on are free, or are so no more (F2). */
static void
frames_show(uint64_t first, uint64_t n, bool free)
{
    for (uint64_t part; n; first += part, n -= part) {
        uint64_t bit = first % 64, mask;
        part = n < 64 - bit ? n : 64 - bit;
        mask = ~(uint64_t)0 >> (64 - part) << bit;
        free_bitmap[first / 64] =
            free ? free_bitmap[first / 64] | mask : free_bitmap[first / 64] & ~mask;
    }
}

/*
 * But for the bitmap. Its stamp stays: it is in quarantine until that epoch has passed. So does
 * its mark, if it is zero.
 */
static inline __attribute__((always_inline)) void
frame_set_free(struct frame *f, uint64_t n)
{
    assert(f->refs == 0 && (f->other == 0 || planted(PLANT_PIN))); /* F2 */
    owned_leave(n);
    if (f->flags & FRAME_VITAL)
        frame_mark_set(n, false);
    f->owner = f->other = 0;
    f->type = FRAME_FREE;
    f->flags &= FRAME_ZERO | FRAME_USES;
}

void
frame_give_back(uint64_t n)
{
    struct frame *f = frame_at(n);

    account_return(account_at(f->owner), ACCOUNT_FRAMES, 1);
    frame_set_free(f, n);
    if (f->flags & FRAME_USES && !planted(PLANT_FLIGHT))
        f->type = FRAME_IN_FLIGHT; /* F8 */
    else
        frames_show(n, 1, true);
}

void
frame_land(uint64_t n)
{
    struct frame *f = frame_at(n);

    assert(f->flags & FRAME_USES); /* F8 */
    f->flags -= FRAME_USE;
    if (f->type != FRAME_IN_FLIGHT || f->flags & FRAME_USES)
        return;
    f->type = FRAME_FREE;
    frames_show(n, 1, true);
}

struct result
frame_alloc(struct account *account, uint64_t first, uint64_t n)
{
    uint64_t done = 0;
    int error = 0;

    if (n < 1 || n > FRAME_BATCH_MAX || first >= frame_count || n > frame_count - first)
        return result_error(E_INVAL);
    for (; !error && done < n; done += !error) {
        const struct frame *f = frame_at(first + done);
        if (f->type != FRAME_FREE)
            error = E_NOMEM;
        else if (!frame_settled(f))
            error = E_AGAIN;
    }
    if (!done)
        return epoch_error(error);
    if (account_take(account, ACCOUNT_FRAMES, done))
        return result_error(E_DQUOT);
    for (uint64_t i = first; i < first + done; i++) {
        struct frame *f = frame_at(i);
        f->type = FRAME_PLAIN;
        f->flags |= FRAME_STALE;
        frame_stamp(f, 0);
    }
    owned_enter((uint32_t)frame_of(account), first, done);
    frames_show(first, done, false);
    return result_ok((int64_t)done);
}

/* 0 when frame n, which the caller has authority over, can be freed now, its object ended. */
static int
frame_release(const struct frame *f, uint64_t n, uint64_t *steps)
{
    bool plain = f->type == FRAME_PLAIN;

    if (f->refs && f->type == FRAME_PT4)
        (void)contexts_settle(n); /* one may have left it */
    if (f->refs || (plain && (f->other || f->flags & (FRAME_SIZE | FRAME_USES))))
        return E_BUSY;
    if (!plain || wait_on_frame(n))
        return object_release(n, steps);
    *steps -= 1;
    return 0;
}

/* n frames of one account were given back, and are not yet off what it holds. */
static void
discharge(uint32_t owner, uint64_t *n)
{
    if (*n)
        account_return(account_at(owner), ACCOUNT_FRAMES, *n);
    *n = 0;
}

struct result
frame_free(struct account *account, uint64_t first, uint64_t n)
{
    uint64_t done = 0, given = 0, steps = STEPS_MAX, epoch = 0;
    uint32_t owner = 0;
    int error = 0;

    if (n < 1 || n > FRAME_BATCH_MAX)
        return result_error(E_INVAL);
    for (; done < n && steps && !error; done += !error) {
        struct frame *f = frame_find(first + done);
        if (!f || !given || f->owner != owner || f->type == FRAME_ACCOUNT) {
            discharge(owner, &given);
            if (!f || !account_covers(account, f->owner)) {
                error = E_PERM;
                break;
            }
            owner = f->owner;
        }
        error = frame_release(f, first + done, &steps);
        if (!error) {
            given++;
            epoch = frame_stamp_of(f) > epoch ? frame_stamp_of(f) : epoch;
            frame_set_free(f, first + done);
        }
    }
    discharge(owner, &given);
    frames_show(first, done, true);
    return done ? (struct result){(int64_t)done, epoch_has_passed(epoch) ? 0 : epoch}
                : epoch_error(error);
}

/* ---- boot ---- */

/* What is left of boot memory becomes free; the other usable frames are the kernel's. */
static void
frames_sort(const struct boot_info *info)
{
    uint64_t first, last;

    for (uint32_t i = 0; i < info->n_ranges; i++) {
        first = (info->range[i].pa + FRAME_BYTES - 1) >> FRAME_SHIFT;
        last = (info->range[i].pa + info->range[i].length) >> FRAME_SHIFT;
        for (uint64_t n = first; n < last; n++)
            frame_table[n].type = FRAME_KERNEL;
    }
    for (uint32_t i = 0; frame_boot_left(i, &first, &last); i++) {
        for (uint64_t n = first; n < last; n++)
            frame_table[n].type = FRAME_FREE;
        frames_show(first, last - first, true);
    }
}

/* The bundle becomes root's. */
static void
frames_give(const struct boot_info *info)
{
    uint64_t last = (info->bundle_pa + info->bundle_bytes + FRAME_BYTES - 1) >> FRAME_SHIFT;

    for (uint64_t n = info->bundle_pa >> FRAME_SHIFT; n < last; n++) {
        frame_table[n].type = FRAME_PLAIN;
        owned_enter((uint32_t)frame_of(account_root), n, 1);
        assert(
            !account_take(account_root, ACCOUNT_FRAMES, 1)); /* A1: root's limit is the machine */
    }
}

void
frame_init(const struct boot_info *info)
{
    uint64_t end = frame_memory_end(info) >> FRAME_SHIFT;
    uint64_t table_frames = (end * sizeof(struct frame) + FRAME_BYTES - 1) >> FRAME_SHIFT;
    uint64_t bitmap_frames = (end / 8 + FRAME_BYTES) >> FRAME_SHIFT;
    uint64_t ordinals = end / 2 < ORDINALS_MAX ? end / 2 + 1 : ORDINALS_MAX; /* a table takes two */

    struct frame *table = frame_boot_alloc(table_frames);
    free_bitmap = frame_boot_alloc(bitmap_frames);
    exposed_map(EXPOSED_FRAMES, table, table_frames << FRAME_SHIFT);
    exposed_map(EXPOSED_FREE, free_bitmap, bitmap_frames << FRAME_SHIFT);
    reverse_init(frame_boot_alloc((ordinals * sizeof(uint32_t) + FRAME_BYTES - 1) >> FRAME_SHIFT),
                 (uint32_t)ordinals);
    exposed_map(EXPOSED_MACHINE, exposed_machine, FRAME_BYTES);
    account_init(frame_of(frame_boot_alloc(1)));
    frame_table = table;
    frame_count = end;
    frames_sort(info);
    frame_table[frame_of(account_root)].type = FRAME_ACCOUNT;
    owned_init(frame_of(account_root));
    frames_give(info);
    exposed_machine->n_frames = frame_count;
}
