/* SPDX-License-Identifier: MIT */
/* heap.c - lib/heap.c: led at random beside a model, and its edges. */
#include "lib/heap.h"
#include <stdio.h>
#include <stdlib.h>
#include "test/unit/heap_model.h"
#include "test/unit/test.h"

enum { COMMANDS = 200000 };

static void
whatever_is_asked_blocks_are_apart_and_come_back(void)
{
    uint8_t *bytes = malloc((size_t)COMMANDS * 3);
    uint32_t seed = 7;
    const char *wrong;

    CHECK(bytes);
    for (size_t i = 0; i < (size_t)COMMANDS * 3; i++)
        bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    wrong = heap_lead(bytes, (size_t)COMMANDS * 3);
    if (wrong)
        test_fail(__FILE__, __LINE__, wrong);
    free(bytes);
}

static unsigned said, spans;

static void *
take(void *argument, size_t n)
{
    (void)argument;
    spans++;
    return aligned_alloc(HEAP_SPAN_BYTES, n);
}

static void
give(void *argument, void *span, size_t n)
{
    (void)argument;
    (void)n;
    spans--;
    free(span);
}

static void
nothing(void *argument)
{
    (void)argument;
}

static void
misused(void *argument, const void *p, const char *why)
{
    (void)argument;
    (void)p;
    (void)why;
    said++;
}

static const struct heap_ops ops = {take, give, nothing, nothing, misused};

static void
blocks_of_one_size_share_spans(void)
{
    struct heap h = heap_of(&ops, NULL);
    void *p[4000];

    for (int i = 0; i < 4000; i++)
        CHECK((p[i] = heap_take(&h, 16, 1)));
    CHECK(spans == 1);
    for (int i = 0; i < 4000; i++)
        heap_free(&h, p[i]);
    CHECK(spans == 1 && h.n_blocks == 0);
    heap_trim(&h);
    CHECK(spans == 0 && said == 0);
}

static void
a_full_span_that_empties_is_given_back(void)
{
    struct heap h = heap_of(&ops, NULL);
    void *p[24];

    for (int i = 0; i < 24; i++)
        CHECK((p[i] = heap_take(&h, HEAP_SMALL_MAX, 1)));
    CHECK(spans == 4);
    for (int i = 0; i < 24; i++)
        heap_free(&h, p[i]);
    CHECK(spans == 1);
    heap_trim(&h);
    CHECK(spans == 0);
}

static void
what_cannot_be_is_refused(void)
{
    struct heap h = heap_of(&ops, NULL);

    CHECK(!heap_take(&h, SIZE_MAX, 1) && !heap_take(&h, SIZE_MAX / 2, 1));
    CHECK(!heap_take(&h, 1, 3) && !heap_take(&h, 1, SIZE_MAX / 2 + 1));
    heap_free(&h, NULL);
    CHECK(spans == 0 && said == 0 && h.n_blocks == 0);
}

static void
a_block_freed_twice_is_said_and_stays_free(void)
{
    struct heap h = heap_of(&ops, NULL);
    char *p = heap_take(&h, 100, 1), *q = heap_take(&h, 100, 1);

    CHECK(p && q);
    heap_free(&h, p);
    heap_free(&h, p);
    CHECK(said == 1 && h.n_blocks == 1);
    heap_free(&h, q + 16);
    CHECK(said == 2 && h.n_blocks == 1);
    CHECK(heap_room(&h, p) == 0 && said == 3);
    CHECK(!heap_resize(&h, p, 1000) && said == 4);
    heap_free(&h, q);
    heap_trim(&h);
    CHECK(spans == 0);
}

const struct test heap_tests[] = {
    {"whatever_is_asked_blocks_are_apart_and_come_back",
     whatever_is_asked_blocks_are_apart_and_come_back},
    {"blocks_of_one_size_share_spans", blocks_of_one_size_share_spans},
    {"a_full_span_that_empties_is_given_back", a_full_span_that_empties_is_given_back},
    {"what_cannot_be_is_refused", what_cannot_be_is_refused},
    {"a_block_freed_twice_is_said_and_stays_free", a_block_freed_twice_is_said_and_stays_free},
    {NULL, NULL},
};
