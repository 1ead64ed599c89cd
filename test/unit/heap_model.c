/* SPDX-License-Identifier: MIT */
/* heap_model.c - what the heap hands out, kept beside it: every block bears its own pattern. */
#include "test/unit/heap_model.h"
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include "lib/heap.h"

enum { BLOCKS = 64, LARGEST = 300000, SPANS = 64 };

/* What spans are made of; the sanitizer watches those that are not taken. */
static _Alignas(HEAP_SPAN_BYTES) uint8_t arena[SPANS][HEAP_SPAN_BYTES];

struct held {
    uint8_t *p;
    size_t n;
    uint8_t seed;
};

struct model {
    struct heap heap;
    struct held held[BLOCKS];
    bool taken[SPANS];
    size_t taken_bytes;
    unsigned depth, misused;
    const char *wrong;
};

static void
expect(struct model *m, bool truth, const char *what)
{
    if (!truth && !m->wrong)
        m->wrong = what;
}

/* ---- the operations ---- */

/* The first of n spans that follow each other and are free; SPANS: there are none. */
static size_t
spans_find(const struct model *m, size_t n)
{
    for (size_t i = 0, run = 0; i < SPANS; i++) {
        run = m->taken[i] ? 0 : run + 1;
        if (run == n)
            return i + 1 - n;
    }
    return SPANS;
}

static void
spans_set(struct model *m, size_t first, size_t n, bool taken)
{
    for (size_t i = first; i < first + n; i++) {
        expect(m, m->taken[i] != taken, "a span given twice");
        m->taken[i] = taken;
    }
}

static void *
span_take(void *argument, size_t bytes)
{
    struct model *m = argument;
    size_t n = bytes / HEAP_SPAN_BYTES, first = spans_find(m, n);

    expect(m, m->depth == 1, "a span taken without the lock");
    if (first == SPANS)
        return NULL;
    spans_set(m, first, n, true);
    m->taken_bytes += bytes;
    __asan_unpoison_memory_region(arena[first], bytes);
    return arena[first];
}

static void
span_give(void *argument, void *span, size_t bytes)
{
    struct model *m = argument;
    size_t first = (size_t)((uint8_t *)span - arena[0]) / HEAP_SPAN_BYTES;

    expect(m, m->depth == 1, "a span given without the lock");
    spans_set(m, first, bytes / HEAP_SPAN_BYTES, false);
    m->taken_bytes -= bytes;
    __asan_poison_memory_region(span, bytes);
}

static void
lock(void *argument)
{
    struct model *m = argument;

    expect(m, m->depth++ == 0, "locked twice");
}

static void
unlock(void *argument)
{
    struct model *m = argument;

    expect(m, --m->depth == 0, "unlocked twice");
}

static void
misused(void *argument, const void *p, const char *why)
{
    struct model *m = argument;

    (void)p;
    (void)why;
    m->misused++;
}

static const struct heap_ops ops = {span_take, span_give, lock, unlock, misused};

/* ---- the commands ---- */

/* Beginning, end and some bytes between. */
static void
pattern(struct model *m, const struct held *h, bool write)
{
    for (size_t i = 0; i < h->n; i += i < 16 || i + 16 >= h->n ? 1 : h->n / 16) {
        uint8_t want = (uint8_t)(h->seed + i);

        if (write)
            h->p[i] = want;
        else
            expect(m, h->p[i] == want, "a block has changed");
    }
}

/* Sizes near each other's classes, and now and then large. */
static size_t
size_of(uint8_t a, uint8_t b)
{
    static const size_t scale[] = {1, 1, 1, 8, 40, 300, 1100, LARGEST / 255};

    return (size_t)a * scale[b % 8] + b / 8;
}

static void
take(struct model *m, struct held *h, size_t n, size_t align)
{
    uint8_t *p = heap_take(&m->heap, n, align);

    if (!p) {
        expect(m, spans_find(m, (n + align) / HEAP_SPAN_BYTES + 2) == SPANS, "room, but no block");
        return;
    }
    expect(m, (uintptr_t)p % (align ? align : 1) == 0 && (uintptr_t)p % HEAP_ALIGN_MIN == 0,
           "an alignment not kept");
    expect(m, heap_room(&m->heap, p) >= n, "no room for what was asked");
    *h = (struct held){p, n, (uint8_t)(h->seed + 13)};
    pattern(m, h, true);
}

static void
drop(struct model *m, struct held *h)
{
    pattern(m, h, false);
    heap_free(&m->heap, h->p);
    h->p = NULL;
}

static void
resize(struct model *m, struct held *h, size_t n)
{
    struct held before = *h;
    uint8_t *p;

    pattern(m, h, false);
    p = heap_resize(&m->heap, h->p, n);
    if (!p)
        return;
    h->p = p;
    h->n = n < before.n ? n : before.n;
    for (size_t i = 0; i < h->n && i < 16; i++)
        expect(m, p[i] == (uint8_t)(before.seed + i), "what was there is not");
    h->n = n;
    pattern(m, h, true);
}

/* A pointer into a block; a small block freed twice, while its span stays: seen, without effect. */
static void
misuse(struct model *m, struct held *h, uint8_t how)
{
    uint8_t *p = h->p;
    struct held other = {.seed = 1};
    unsigned before = m->misused;

    if (how % 2 && h->n > 32) {
        heap_free(&m->heap, p + 16 + (how & 7));
        expect(m, m->misused == before + 1, "a pointer into a block not seen");
    }
    if (h->n == 0 || h->n > HEAP_SMALL_MAX)
        return;
    take(m, &other, h->n, 1);
    if (!other.p)
        return;
    drop(m, h);
    if (((uintptr_t)p ^ (uintptr_t)other.p) < HEAP_SPAN_BYTES) {
        before = m->misused;
        heap_free(&m->heap, p);
        expect(m, m->misused == before + 1, "a block freed twice not seen");
    }
    drop(m, &other);
}

static void
command(struct model *m, const uint8_t *c)
{
    struct held *h = &m->held[c[0] % BLOCKS];
    size_t n = size_of(c[1], c[2]);

    if (!h->p)
        take(m, h, n, c[0] >= 192 ? (size_t)1 << c[2] % 18 : 1);
    else if (c[0] < 64)
        resize(m, h, n);
    else if (c[0] < 80)
        misuse(m, h, c[1]);
    else if (c[0] < 82)
        heap_trim(&m->heap);
    else
        drop(m, h);
}

const char *
heap_lead(const uint8_t *bytes, size_t n)
{
    struct model m = {0};
    size_t blocks = 0;

    m.heap = heap_of(&ops, &m);
    __asan_poison_memory_region(arena, sizeof arena);
    for (size_t i = 0; i + 3 <= n && !m.wrong; i += 3)
        command(&m, bytes + i);
    for (size_t i = 0; i < BLOCKS; i++)
        blocks += m.held[i].p != NULL;
    expect(&m, m.heap.n_blocks == blocks && m.heap.taken_bytes == m.taken_bytes, "miscounted");
    for (size_t i = 0; i < BLOCKS; i++)
        if (m.held[i].p)
            drop(&m, &m.held[i]);
    heap_trim(&m.heap);
    expect(&m, m.taken_bytes == 0 && m.heap.taken_bytes == 0, "spans not given back");
    return m.wrong;
}
