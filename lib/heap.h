/* SPDX-License-Identifier: MIT */
/*
 * lib/heap.h - memory of any size out of spans of addresses that somebody else provides.
 *
 * The heap takes spans by its operations and gives back those that are empty. It finds a block
 * freed twice, or never handed out, and says so instead of believing it.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum heap_limit {
    HEAP_SPAN_BYTES = 64 << 10,
    HEAP_CLASSES = 32,
    HEAP_SMALL_MAX = 8 << 10, /* above, a block has a span of its own */
    HEAP_ALIGN_MIN = 16,      /* of every block */
};

struct heap_ops {
    /* n bytes (a multiple of HEAP_SPAN_BYTES) at a multiple of HEAP_SPAN_BYTES; null: no more. */
    void *(*take)(void *argument, size_t n);
    /* A span that was taken, whole. */
    void (*give)(void *argument, void *span, size_t n);
    /* Around every change. */
    void (*lock)(void *argument);
    void (*unlock)(void *argument);
    /* p is no block of ours, or was freed before: the heap has not changed. Outside the lock. */
    void (*misused)(void *argument, const void *p, const char *why);
};

struct heap_span;

struct heap {
    const struct heap_ops *ops;
    void *argument;                          /* of the operations */
    struct heap_span *partial[HEAP_CLASSES]; /* spans with a free block, by class */
    uint64_t n_blocks;                       /* handed out now */
    uint64_t taken_bytes;                    /* in spans */
};

struct heap heap_of(const struct heap_ops *ops, void *argument);

/*
 * A block of n bytes (0 counts as 1) at a multiple of align, a power of two. What it holds is not
 * said. Null: no memory, or no such alignment.
 */
void *heap_take(struct heap *h, size_t n, size_t align);

/* Free a block. Null is nothing. */
void heap_free(struct heap *h, void *p);

/*
 * A block of n bytes that begins with what p held; p is freed. Null: no memory, and p stays. p
 * null: as heap_take.
 */
void *heap_resize(struct heap *h, void *p, size_t n);

/* How many bytes a block has room for; 0: it is none. */
size_t heap_room(struct heap *h, const void *p);

/* Give back the empty spans that are kept for the next block. */
void heap_trim(struct heap *h);
