/* SPDX-License-Identifier: MIT */
/*
 * frames.c - frames of private memory, all mapped in the region from the beginning. A free one is
 * used again only when the epoch has passed in which its last mapping went.
 *
 * Invariants
 *  F1 a context's stash is touched by that context alone, or by who runs it to the end: in a
 *     section of any lock (main, before there are others, needs none).
 *  F2 users: atomic. From 1 it grows only with the lock of the process that has the frame; so
 *     who finds itself alone, with its lock, stays so.
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

enum { STASH = 15 };
static struct stash {
    uint32_t n;
    uint32_t frame[STASH]; /* their epochs have passed */
} stashes[CONTEXTS_MAX];

static uint64_t
epoch_passed(void)
{
    const struct machine_page *m = (const struct machine_page *)EXPOSED_MACHINE;

    return *(const volatile uint64_t *)&m->epoch_passed;
}

__attribute__((noinline)) void
epoch_wait(uint64_t epoch)
{
    while (epoch > epoch_passed() && call_tlb_flush(epoch).value == -E_AGAIN)
        __builtin_ia32_pause();
}

/* ---- copies ---- */

enum { COPY_BYTES = 32, COPY_MOVES = PAGE / COPY_BYTES };

void (*page_bytes_copy)(void *to, const void *from);
bool vectors_wide;

static void
copy_words(void *to, const void *from)
{
    uint64_t words = PAGE / sizeof(uint64_t);

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
}

/* By a vector register, which is the interrupted process' own before and afterwards. */
static void
copy_vectors(void *to, const void *from)
{
    uint8_t kept[COPY_BYTES];

    __asm__ volatile("vmovdqu %%ymm0, %0\n\t"
                     ".set copy_at, 0\n\t"
                     ".rept %c3\n\t"
                     "vmovdqa copy_at(%2), %%ymm0\n\t"
                     "vmovdqa %%ymm0, copy_at(%1)\n\t"
                     ".set copy_at, copy_at + %c4\n\t"
                     ".endr\n\t"
                     "vmovdqu %0, %%ymm0"
                     : "=m"(kept)
                     : "r"(to), "r"(from), "i"(COPY_MOVES), "i"(COPY_BYTES)
                     : "memory");
}

/* Where the processor moves strings fast by itself, that is best. */
static void
copies_begin(void)
{
    enum { ERMS = 1 << 9, OSXSAVE = 1 << 27, AVX = 1 << 28, YMM = 6 };
    uint32_t eax = 1, ebx, ecx = 0, edx, xcr0 = 0, features;

    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    features = ecx;
    if (features & OSXSAVE)
        __asm__("xgetbv" : "=a"(xcr0), "=d"(edx) : "c"(0));
    eax = 7;
    ecx = 0;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    vectors_wide = features & AVX && (xcr0 & YMM) == YMM;
    page_bytes_copy = !(ebx & ERMS) && vectors_wide ? copy_vectors : copy_words;
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

/* The first of the free ones; 0: there is none. */
static uint32_t
frame_unfree(void)
{
    uint32_t i = free_first;

    if (!i)
        return 0;
    free_first = frames[i].next;
    if (!free_first)
        free_last = 0;
    n_free--;
    return i;
}

/* ---- for others ---- */

bool
frames_begin(uint32_t n)
{
    enum { BATCH = 64 };
    uint64_t taken[BATCH];

    copies_begin();
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

static __attribute__((noinline)) bool
stash_fill(struct stash *s)
{
    uint64_t epoch = 0;
    uint32_t i;

    lock_take(&frames_lock);
    while (s->n < STASH && (i = frame_unfree())) {
        epoch = frames[i].epoch > epoch ? frames[i].epoch : epoch;
        s->frame[s->n++] = i;
    }
    lock_drop(&frames_lock);
    epoch_wait(epoch);
    return s->n > 0;
}

bool
frame_take(uint32_t *where)
{
    struct stash *s = &stashes[context_here()->index];
    uint32_t i;

    __asm__("" : "+r"(s)); /* found once, not for each of its words */
    if (s->n == 0 && !stash_fill(s))
        return false;
    i = s->frame[--s->n];
    frames[i].users = 1;
    *where = i; /* P1 */
    return true;
}

/* One user less; was it the last? */
static inline bool
leave(uint32_t i)
{
    return i && __atomic_sub_fetch(&frames[i].users, 1, __ATOMIC_SEQ_CST) == 0;
}

void
frame_drop(uint32_t *where, uint64_t epoch)
{
    uint32_t i = *where;

    *where = 0;
    if (!leave(i))
        return;
    lock_take(&frames_lock);
    frame_free(i, epoch);
    lock_drop(&frames_lock);
}

void
pages_share(struct page *to, struct page *from)
{
    for (uint32_t i = 0; i < PAGES; i++) {
        if (!from[i].frame)
            continue;
        __atomic_fetch_add(&frames[from[i].frame].users, 1, __ATOMIC_SEQ_CST);
        from[i].flags |= PAGE_COPY;
        to[i] = from[i];
    }
}

void
pages_drop(struct page *page, uint64_t epoch)
{
    lock_take(&frames_lock);
    for (uint32_t i = 0; i < PAGES; i++) {
        if (leave(page[i].frame))
            frame_free(page[i].frame, epoch);
        page[i].frame = 0;
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
    uint32_t n = n_free;

    for (uint32_t i = 0; i < CONTEXTS_MAX; i++)
        n += stashes[i].n;
    return n;
}
