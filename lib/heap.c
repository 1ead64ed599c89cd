/* SPDX-License-Identifier: MIT */
/*
 * heap.c - memory of any size. A small block comes from a span of blocks of its class; a larger one
 * has a span to itself.
 *
 * Invariants
 *  H1 a span's head lies at a multiple of HEAP_SPAN_BYTES, and no block begins there: so the head
 * of p is p - 1 rounded down. Where a block is aligned to more, that is one HEAP_SPAN_BYTES before.
 *  H2 bit i of `used` says whether block i is handed out; n_used counts them.
 *  H3 a span of a class is in the list of its class if and only if it has a free block.
 *  H4 an empty span is the only one in the list of its class.
 * Source  Bonwick, USENIX Summer '94 (slabs).
 */
#include "lib/heap.h"
#include <stdbool.h>
#include "lib/string.h"

enum {
    SPAN = HEAP_SPAN_BYTES,
    BLOCKS_MAX = SPAN / HEAP_ALIGN_MIN,
    CLASS_LARGE = HEAP_CLASSES, /* a span of one block */
    STEPS = 4,                  /* classes to the doubling; below LINEAR_MAX each 16 bytes */
    LINEAR_MAX = STEPS * HEAP_ALIGN_MIN,
    LINEAR_MAX_LOG = 6,
    HEAD_LARGE = 64, /* where the one block begins, unless it is aligned to more */
    ALIGN_SMALL_MAX = 4096,
};

static const uint64_t MARK = 0x7465737365726148;

/* The list of free blocks runs through the blocks. */
struct free_block {
    struct free_block *next;
};

struct heap_span {
    uint64_t mark; /* MARK ^ address */
    struct heap_span *next, *before;
    uint32_t class;
    uint32_t block_bytes;
    uint32_t first; /* offset of block 0 */
    uint32_t n_blocks;
    uint32_t n_used;
    uint32_t n_touched; /* blocks from here on were never handed out, and are in no list */
    union {
        struct free_block *free;
        char *taken; /* CLASS_LARGE: what the operation gave, at or before the head */
    };
    uint64_t bytes; /* as taken */
    uint64_t used[BLOCKS_MAX / 64];
};
_Static_assert(offsetof(struct heap_span, used) == HEAD_LARGE, "a large span needs no bits");

static uint64_t
round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) & ~(to - 1);
}

struct heap
heap_of(const struct heap_ops *ops, void *argument)
{
    return (struct heap){.ops = ops, .argument = argument};
}

/* The class for n bytes, 1 .. HEAP_SMALL_MAX, and how many a block of it has. */
static uint32_t
class_of(uint64_t n, uint32_t *block_bytes)
{
    uint32_t log, shift, step;

    if (n <= LINEAR_MAX) {
        *block_bytes = (uint32_t)round_up(n, HEAP_ALIGN_MIN);
        return *block_bytes / HEAP_ALIGN_MIN - 1;
    }
    log = 63 - (uint32_t)__builtin_clzll(n - 1);
    shift = log - 2; /* STEPS == 1 << 2 */
    step = (uint32_t)((n - 1) >> shift);
    *block_bytes = (step + 1) << shift;
    return STEPS + (log - LINEAR_MAX_LOG) * STEPS + (step & (STEPS - 1));
}

/* ---- lists of spans ---- */

static void
span_enlist(struct heap *h, struct heap_span *s)
{
    struct heap_span **list = &h->partial[s->class];

    s->before = NULL;
    s->next = *list;
    if (*list)
        (*list)->before = s;
    *list = s;
}

static void
span_delist(struct heap *h, struct heap_span *s)
{
    if (s->before)
        s->before->next = s->next;
    else
        h->partial[s->class] = s->next;
    if (s->next)
        s->next->before = s->before;
}

static void
span_give(struct heap *h, struct heap_span *s)
{
    char *taken = s->class == CLASS_LARGE ? s->taken : (char *)s;

    s->mark = 0;
    h->taken_bytes -= s->bytes;
    h->ops->give(h->argument, taken, s->bytes);
}

/* ---- small blocks ---- */

static struct heap_span *
span_make(struct heap *h, uint32_t class, uint32_t block_bytes)
{
    struct heap_span *s = h->ops->take(h->argument, SPAN);
    uint32_t align = block_bytes & -block_bytes;

    if (!s)
        return NULL;
    *s = (struct heap_span){.mark = MARK ^ (uintptr_t)s,
                            .class = class,
                            .block_bytes = block_bytes,
                            .first = (uint32_t)round_up(sizeof(*s), align),
                            .bytes = SPAN};
    s->n_blocks = (SPAN - s->first) / block_bytes;
    h->taken_bytes += SPAN;
    span_enlist(h, s);
    return s;
}

static void *
small_take(struct heap *h, uint64_t n)
{
    uint32_t block_bytes, class = class_of(n, &block_bytes), i;
    struct heap_span *s = h->partial[class];
    char *p;

    if (!s)
        s = span_make(h, class, block_bytes);
    if (!s)
        return NULL;
    if (s->free) {
        p = (char *)s->free;
        i = (uint32_t)(p - (char *)s - s->first) / block_bytes;
        s->free = s->free->next;
    } else {
        i = s->n_touched++;
        p = (char *)s + s->first + (uint64_t)i * block_bytes;
    }
    s->used[i / 64] |= (uint64_t)1 << i % 64; /* H2 */
    if (++s->n_used == s->n_blocks)
        span_delist(h, s); /* H3 */
    return p;
}

static void
small_free(struct heap *h, struct heap_span *s, void *p, uint32_t i)
{
    struct free_block *block = p;

    s->used[i / 64] &= ~((uint64_t)1 << i % 64);
    block->next = s->free;
    s->free = block;
    if (s->n_used-- == s->n_blocks) {
        span_enlist(h, s);
        if (s->next && s->next->n_used == 0)
            s = s->next;
    }
    if (s->n_used == 0 && (s->next || s->before)) { /* H4 */
        span_delist(h, s);
        span_give(h, s);
    }
}

/* ---- large blocks ---- */

static void *
large_take(struct heap *h, uint64_t n, uint64_t align)
{
    uint64_t first = align > HEAD_LARGE ? align : HEAD_LARGE;
    uint64_t bytes = round_up(first + n, SPAN);
    char *taken = h->ops->take(h->argument, bytes);
    struct heap_span *s;
    char *block;

    if (!taken)
        return NULL;
    block = taken + first;
    if (align > SPAN)
        block = (char *)round_up((uintptr_t)taken + 1, align);
    s = (struct heap_span *)(void *)(taken +
                                     ((uint64_t)(block - 1 - taken) & ~(uint64_t)(SPAN - 1)));
    memset(s, 0, HEAD_LARGE);
    s->mark = MARK ^ (uintptr_t)s;
    s->class = CLASS_LARGE;
    s->first = (uint32_t)(block - (char *)s);
    s->taken = taken;
    s->bytes = bytes;
    h->taken_bytes += bytes;
    return block;
}

/* ---- any block ---- */

/* The span of a block that is handed out, and which it is there; null, with a reason. */
static struct heap_span *
span_of(const void *p, uint32_t *index, const char **why)
{
    uintptr_t head = ((uintptr_t)p - 1) & ~(uintptr_t)(SPAN - 1);
    struct heap_span *s = (struct heap_span *)head;
    uint64_t offset = (uintptr_t)p - head;

    *why = "no block of the heap";
    if ((uintptr_t)p % HEAP_ALIGN_MIN || s->mark != (MARK ^ head) || offset < s->first)
        return NULL;
    offset -= s->first;
    if (s->class == CLASS_LARGE)
        return offset == 0 ? s : NULL;
    if (offset % s->block_bytes || offset / s->block_bytes >= s->n_blocks)
        return NULL;
    *index = (uint32_t)offset / s->block_bytes;
    *why = "a block that is free already";
    return s->used[*index / 64] >> *index % 64 & 1 ? s : NULL;
}

void *
heap_take(struct heap *h, size_t n, size_t align)
{
    void *p;

    if (n > SIZE_MAX / 4 || align > SIZE_MAX / 4 || (align & (align - 1)))
        return NULL;
    n += n == 0;
    h->ops->lock(h->argument);
    if (align > HEAP_ALIGN_MIN && align <= ALIGN_SMALL_MAX)
        n = round_up(n, align); /* each class is a multiple of what its sizes can be aligned to */
    if (n <= HEAP_SMALL_MAX && align <= ALIGN_SMALL_MAX)
        p = small_take(h, n);
    else
        p = large_take(h, n, align);
    h->n_blocks += p != NULL;
    h->ops->unlock(h->argument);
    return p;
}

void
heap_free(struct heap *h, void *p)
{
    struct heap_span *s;
    uint32_t index;
    const char *why;

    if (!p)
        return;
    h->ops->lock(h->argument);
    s = span_of(p, &index, &why);
    if (s && s->class == CLASS_LARGE)
        span_give(h, s);
    else if (s)
        small_free(h, s, p, index);
    h->n_blocks -= s != NULL;
    h->ops->unlock(h->argument);
    if (!s)
        h->ops->misused(h->argument, p, why);
}

size_t
heap_room(struct heap *h, const void *p)
{
    const struct heap_span *s;
    uint32_t index;
    const char *why;
    size_t room = 0;

    h->ops->lock(h->argument);
    s = span_of(p, &index, &why);
    if (s && s->class == CLASS_LARGE)
        room = s->bytes - (uint64_t)((const char *)p - s->taken);
    else if (s)
        room = s->block_bytes;
    h->ops->unlock(h->argument);
    if (!s)
        h->ops->misused(h->argument, p, why);
    return room;
}

void *
heap_resize(struct heap *h, void *p, size_t n)
{
    size_t room = p ? heap_room(h, p) : 0;
    void *to;

    if (p && n <= room && (n > room / 2 || room <= LINEAR_MAX))
        return p;
    to = p && !room ? NULL : heap_take(h, n, 1);
    if (to && p) {
        memcpy(to, p, n < room ? n : room);
        heap_free(h, p);
    }
    return to;
}

void
heap_trim(struct heap *h)
{
    h->ops->lock(h->argument);
    for (uint32_t i = 0; i < HEAP_CLASSES; i++) {
        struct heap_span *s = h->partial[i];

        if (s && s->n_used == 0) { /* H4 */
            span_delist(h, s);
            span_give(h, s);
        }
    }
    h->ops->unlock(h->argument);
}
