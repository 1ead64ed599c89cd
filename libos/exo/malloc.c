/* SPDX-License-Identifier: MIT */
/*
 * malloc.c - lib/heap.c over reserved regions.
 *
 * Lock  heap_lock; regions_lock is taken inside it. Who frees or takes a block holds it while pages
 *       of the heap come by faults, which is well: their handler takes no other lock.
 */
#include "libos/exo/malloc.h"
#include "lib/heap.h"
#include "lib/string.h"
#include "libos/exo/lock.h"
#include "libos/exo/region.h"
#include "libos/exo/report.h"
#include "libos/exo/start.h"
#include "abi/memory.h"

static struct lock heap_lock;

static void *
span_take(void *argument, size_t n)
{
    (void)argument;
    return (void *)region_reserve(n >> FRAME_SHIFT, HEAP_SPAN_BYTES, MAP_READ | MAP_WRITE, NULL,
                                  NULL);
}

static void
span_give(void *argument, void *span, size_t n)
{
    (void)argument;
    region_unmap((uintptr_t)span, (uintptr_t)span + n);
}

static void
lock(void *argument)
{
    (void)argument;
    lock_take(&heap_lock);
}

static void
unlock(void *argument)
{
    (void)argument;
    lock_drop(&heap_lock);
}

static void
misused(void *argument, const void *p, const char *why)
{
    enum { SIGNAL_ABORT = 6 };

    (void)argument;
    report_line(&exo_console, "died %d the heap was misused: %s at 0x%lx", SIGNAL_ABORT, why,
                (uint64_t)(uintptr_t)p);
    exo_exit(128 + SIGNAL_ABORT);
}

static const struct heap_ops ops = {span_take, span_give, lock, unlock, misused};
static struct heap heap = {.ops = &ops};

void *
malloc(size_t n)
{
    return heap_take(&heap, n, 1);
}

void *
aligned_alloc(size_t align, size_t n)
{
    return heap_take(&heap, n, align);
}

void *
calloc(size_t n, size_t bytes)
{
    size_t all;
    void *p;

    if (__builtin_mul_overflow(n, bytes, &all))
        return NULL;
    p = heap_take(&heap, all, 1);
    return p ? memset(p, 0, all) : NULL;
}

void *
realloc(void *p, size_t n)
{
    return heap_resize(&heap, p, n);
}

void
free(void *p)
{
    heap_free(&heap, p);
}

uint64_t
malloc_blocks(void)
{
    return __atomic_load_n(&heap.n_blocks, __ATOMIC_RELAXED);
}

void
malloc_trim(void)
{
    heap_trim(&heap);
}
