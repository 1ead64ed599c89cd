/* SPDX-License-Identifier: MIT */
/*
 * heap.c - malloc of libos/exo: 30 MB in blocks of any size keep what is put there, and what is
 * freed goes back to the kernel. Argument `twice`, `wild`: misuse, which must be the end.
 */
#include "abi/account.h"
#include "test/boot/kit.h"

enum { BLOCKS = 6000, ROUNDS = 60000, LARGE = 100000 };

static struct block {
    uint64_t *p;
    uint64_t n, seed;
} blocks[BLOCKS];
static uint64_t seed = 11;

/* By pointers, for analysers see through misuse. */
static void *(*volatile take)(size_t n) = malloc;
static void *(*volatile take_zeroed)(size_t n, size_t bytes) = calloc;
static void (*volatile drop)(void *p) = free;

static uint64_t
draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static bool
block_good(const struct block *b)
{
    return b->p[0] == b->seed && b->p[b->n / 8 - 1] == b->seed + b->n;
}

static void
block_fill(struct block *b)
{
    b->p[b->n / 8 - 1] = b->seed + b->n;
    b->p[0] = b->seed; /* last: one word may be both */
    if (b->n < 16)
        b->p[0] = b->seed = b->seed + b->n;
}

static void
step(struct block *b, uint64_t i)
{
    uint64_t n = 16 + draw(i % 40 ? 3000 : LARGE);

    if (!b->p) {
        *b = (struct block){i % 3 ? take(n) : aligned_alloc(256, n), n, i};
    } else {
        expect(block_good(b), "a block keeps what is put there");
        if (i % 4 == 0) {
            b->p = realloc(b->p, n);
            expect(b->p && b->p[0] == b->seed, "and when its size changes");
            b->n = n;
        } else {
            drop(b->p);
            b->p = NULL;
            return;
        }
    }
    expect(b->p != NULL, "there is memory");
    block_fill(b);
}

static uint64_t
frames_used(void)
{
    return account_told(SLOT_ACCOUNT).used_frames;
}

int
exo_main(const struct start_page *start)
{
    uint64_t before = frames_used(), full;
    uint8_t *p = take(100), *q = take(100);

    (void)start;
    if (argument(0)[0] == 't') {
        drop(p);
        drop(p);
    } else if (argument(0)[0] == 'w') {
        drop(p + 16);
    }
    drop(q);
    drop(p);
    for (uint64_t i = 0; i < ROUNDS; i++)
        step(&blocks[draw(BLOCKS)], i);
    full = frames_used();
    expect(full - before > 2000, "it is memory");
    for (uint64_t i = 0; i < BLOCKS; i++)
        drop(blocks[i].p);
    expect(malloc_blocks() == 0, "all is freed");
    malloc_trim();
    say("heap: %lu frames, then %lu", full - before, frames_used() - before);
    expect(frames_used() - before < 300, "frames go back; page tables stay");
    p = calloc(1, (size_t)5 << 20);
    expect(p && !p[0] && !p[(5 << 20) - 1], "calloc");
    drop(p);
    expect(!take_zeroed((size_t)1 << 40, (size_t)1 << 40) && !take((size_t)1 << 50), "too much");
    return done();
}
