/* SPDX-License-Identifier: MIT */
/*
 * pool.c - frames for a library OS. The kernel names no frame to take: we look at its bitmap,
 * choose, and ask. Another may be faster: then we look on. Units: frame numbers.
 */
#include "libos/exo/pool.h"
#include "abi/account.h"
#include "abi/exposed.h"
#include "abi/memory.h"
#include "call_stubs.h"

enum { BATCH_FIRST = 8, WORD_BITS = 64 };

struct pool exo_pool;

struct pool
pool_of(uint32_t account)
{
    return (struct pool){.account = account, .batch = BATCH_FIRST};
}

static uint64_t
machine_frames(void)
{
    return ((const struct machine_page *)EXPOSED_MACHINE)->n_frames;
}

/* One word of the bitmap, which changes under us: a hint, and the kernel's answer decides. */
static uint64_t
bitmap_word(uint64_t frame)
{
    const volatile uint64_t *words = (const volatile uint64_t *)EXPOSED_FREE;

    return words[frame / WORD_BITS];
}

/* The first frame of [from, end) whose bit is 1, once xored with flip; or end. */
static uint64_t
frame_next(uint64_t from, uint64_t end, uint64_t flip)
{
    while (from < end) {
        uint64_t word = (bitmap_word(from) ^ flip) >> from % WORD_BITS;

        if (word != 0) {
            from += (uint64_t)__builtin_ctzll(word);
            return from < end ? from : end;
        }
        from = (from | (WORD_BITS - 1)) + 1;
    }
    return end;
}

/*
 * Move the cursor to the next free frame, from the bottom again once. Returns how many are free
 * there, at most max; 0: none is.
 */
static uint64_t
run_next(struct pool *p, uint64_t max, int *wrapped)
{
    uint64_t end = machine_frames(), length;
    uint64_t again = __atomic_exchange_n(&p->again, 0, __ATOMIC_RELAXED);

    if (again)
        p->cursor = again;
    p->cursor = frame_next(p->cursor, end, 0);
    if (p->cursor >= end && !*wrapped) {
        *wrapped = 1;
        p->cursor = frame_next(0, end, 0);
    }
    if (p->cursor >= end)
        return 0;
    if (max < end - p->cursor)
        end = p->cursor + max;
    length = frame_next(p->cursor, end, ~(uint64_t)0) - p->cursor;
    return length ? length : 1; /* taken since we looked: the kernel will say so */
}

/*
 * Ask for n frames from the cursor on; how many were taken, 0 where another was faster, or an
 * error.
 */
static int64_t
cursor_take(struct pool *p, uint64_t n)
{
    struct call_result taken = call_frame_alloc(p->account, p->cursor, n);

    if (taken.value ==
        -E_AGAIN) { /* just freed: another processor may still use it, but not long */
        while (call_tlb_flush(taken.detail).value == -E_AGAIN)
            ;
        return 0;
    }
    if (taken.value == -E_NOMEM) {
        p->cursor++;
        return 0;
    }
    if (taken.value > 0)
        p->cursor += (uint64_t)taken.value;
    return taken.value;
}

static int
pool_refill(struct pool *p)
{
    int wrapped = 0;
    uint64_t length;

    while ((length = run_next(p, p->batch, &wrapped)) != 0) {
        int64_t taken = cursor_take(p, length);

        if (taken == -E_DQUOT && length > 1) { /* the limit allows fewer */
            p->batch = (uint32_t)length / 2;
            continue;
        }
        if (taken < 0)
            return (int)taken;
        if (taken > 0) {
            p->n = (uint64_t)taken;
            p->first = p->cursor - p->n;
            p->batch += (p->batch + 3) / 4; /* what is not used yet stays a fifth of all */
            p->batch = p->batch < FRAME_BATCH_MAX ? p->batch : FRAME_BATCH_MAX;
            return 0;
        }
    }
    return -E_NOMEM;
}

/* Up to n that follow each other, from *first on; how many, or an error. */
static int64_t
frames_take(struct pool *p, uint64_t n, uint64_t *first)
{
    int error;

    lock_take(&p->lock);
    error = p->n == 0 ? pool_refill(p) : 0;
    n = n < p->n ? n : p->n;
    *first = p->first;
    p->first += n;
    p->n -= n;
    lock_drop(&p->lock);
    return error ? error : (int64_t)n;
}

/* Without the lock they are written down: there may be no page yet. */
int64_t
pool_take(struct pool *p, uint64_t *frames, uint64_t n)
{
    uint64_t done = 0, first;

    while (done < n) {
        int64_t got = frames_take(p, n - done, &first);

        if (got < 0)
            return done > 0 ? (int64_t)done : got;
        for (int64_t i = 0; i < got; i++)
            frames[done++] = first++;
    }
    return (int64_t)done;
}

int
pool_take_all(struct pool *p, uint64_t *frames, uint64_t n)
{
    uint64_t done = 0;

    while (done < n) {
        int64_t taken = pool_take(p, frames + done, n - done);
        if (taken < 0) {
            while (done > 0)
                pool_give(p, frames[--done], 1);
            return (int)taken;
        }
        done += (uint64_t)taken;
    }
    return 0;
}

static int
run_take(struct pool *p, uint64_t n, uint64_t *first)
{
    int wrapped = 0;
    uint64_t length;

    while ((length = run_next(p, n, &wrapped)) != 0) {
        int64_t taken = 0;

        if (length < n)
            p->cursor += length;
        else
            taken = cursor_take(p, n);
        if (taken < 0)
            return (int)taken;
        *first = p->cursor - (uint64_t)taken;
        if ((uint64_t)taken == n)
            return 0;
        if (taken > 0) {
            pool_give(p, *first, (uint64_t)taken);
            __atomic_store_n(&p->again, 0, __ATOMIC_RELAXED); /* not there */
        }
    }
    return -E_NOMEM;
}

int
pool_take_run(struct pool *p, uint64_t n, uint64_t *first)
{
    uint64_t at = 0;
    int error;

    lock_take(&p->lock);
    error = run_take(p, n, &at);
    lock_drop(&p->lock);
    if (!error)
        *first = at;
    return error;
}

int
pool_give(struct pool *p, uint64_t first, uint64_t n)
{
    while (n > 0) {
        uint64_t batch = n < FRAME_BATCH_MAX ? n : FRAME_BATCH_MAX;
        struct call_result freed = call_frame_free(p->account, first, batch);

        if (freed.value ==
            -E_AGAIN) /* a revocation or a flush is under way, and nearer to its end now */
            continue;
        if (freed.value < 0)
            return (int)freed.value;
        if (!freed.detail)
            __atomic_store_n(&p->again, first, __ATOMIC_RELAXED);
        first += (uint64_t)freed.value;
        n -= (uint64_t)freed.value;
    }
    return 0;
}

void
pool_close(struct pool *p)
{
    pool_give(p, p->first, p->n);
    p->n = 0;
}

bool
pool_affords(const struct pool *p, uint64_t n)
{
    struct account_state account;

    return call_account_read(p->account, (uintptr_t)&account).value == 0 &&
           n <= account.limit_frames - account.used_frames + p->n;
}
