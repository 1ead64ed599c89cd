/* SPDX-License-Identifier: MIT */
/*
 * frames.c - frames of private memory, all mapped in the region from the beginning. A free one is
 * used again only when the epoch has passed in which its last mapping went.
 */
#include "abi/exposed.h"
#include "examples/procs/procs.h"

struct frame {
    uint32_t number; /* the kernel's */
    uint32_t users;
    uint32_t next; /* free: the next to be used */
    uint64_t epoch;
};

static struct lock frames_lock;
static struct frame *frames;
static uint64_t frames_va;
static uint32_t n_frames, n_free, free_first, free_last;

static uint64_t
epoch_passed(void)
{
    const struct machine_page *m = (const struct machine_page *)EXPOSED_MACHINE;

    return *(const volatile uint64_t *)&m->epoch_passed;
}

void
epoch_wait(uint64_t epoch)
{
    while (epoch > epoch_passed() && call_tlb_flush(epoch).value == -E_AGAIN)
        __builtin_ia32_pause();
}

/* ---- frames_lock is held ---- */

static void
frame_free(uint32_t i, uint64_t epoch)
{
    if (epoch > frames[i].epoch)
        frames[i].epoch = epoch;
    frames[i].next = 0;
    if (free_last)
        frames[free_last].next = i;
    else
        free_first = i;
    free_last = i;
    n_free++;
}

static void
drop(uint32_t *where, uint64_t epoch)
{
    uint32_t i = *where;

    *where = 0;
    if (i && --frames[i].users == 0)
        frame_free(i, epoch);
}

/* ---- for others ---- */

bool
frames_begin(uint32_t n)
{
    enum { BATCH = 64 };
    uint64_t taken[BATCH];

    frames = calloc(n + 1, sizeof(*frames));
    frames_va = region_reserve(n + 1, PAGE, RW, NULL, NULL);
    if (!frames || !frames_va)
        return false;
    while (n_frames < n) {
        int64_t got = pool_take(&exo_pool, taken, n - n_frames < BATCH ? n - n_frames : BATCH);

        for (int64_t k = 0; k < got; k++) {
            frames[++n_frames].number = (uint32_t)taken[k];
            if (space_map_run(&exo_space, frames_va + (uint64_t)n_frames * PAGE, taken[k], 1, RW,
                              SLOT_ACCOUNT))
                return false;
            frame_free(n_frames, 0);
        }
        if (got < 0)
            return false;
    }
    return true;
}

bool
frame_take(uint32_t *where)
{
    uint32_t i;

    lock_take(&frames_lock);
    i = free_first;
    if (i) {
        free_first = frames[i].next;
        if (!free_first)
            free_last = 0;
        n_free--;
        frames[i].users = 1;
        *where = i; /* P1 */
    }
    lock_drop(&frames_lock);
    if (i)
        epoch_wait(frames[i].epoch);
    return i != 0;
}

void
frame_drop(uint32_t *where, uint64_t epoch)
{
    lock_take(&frames_lock);
    drop(where, epoch);
    lock_drop(&frames_lock);
}

void
pages_share(struct page *to, struct page *from)
{
    lock_take(&frames_lock);
    for (uint32_t i = 0; i < PAGES; i++) {
        if (!from[i].frame)
            continue;
        frames[from[i].frame].users++;
        from[i].flags |= PAGE_COPY;
        to[i] = from[i];
    }
    lock_drop(&frames_lock);
}

void
pages_drop(struct page *page, uint64_t epoch)
{
    lock_take(&frames_lock);
    for (uint32_t i = 0; i < PAGES; i++) {
        drop(&page[i].frame, epoch);
        page[i].flags = 0;
    }
    lock_drop(&frames_lock);
}

bool
frame_alone(uint32_t frame)
{
    return __atomic_load_n(&frames[frame].users, __ATOMIC_ACQUIRE) == 1;
}

void *
frame_bytes(uint32_t frame)
{
    return (void *)(frames_va + (uint64_t)frame * PAGE);
}

uint64_t
frame_number(uint32_t frame)
{
    return frames[frame].number;
}

uint32_t
frames_free(void)
{
    return n_free;
}
