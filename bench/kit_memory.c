/* SPDX-License-Identifier: MIT */
/*
 * kit_memory.c - what protecting, trapping and mapping pages costs, by the calls of
 * libos/exo/space.h and a page-fault handler in C, set as any library OS sets its own.
 */
#include "abi/cap.h"
#include "abi/memory.h"
#include "bench/kit.h"
#include "bench/pages.h"
#include "bench/spans.h"
#include "libos/exo/exo.h"
#include "call_stubs.h"

enum { OPEN = MAP_READ | MAP_WRITE, CLOSED = MAP_READ };

static uint64_t pages; /* PAGES of them, open */
static uint8_t order[PAGES];
static int64_t failed; /* the first error */

static uint64_t
page(uint64_t i)
{
    return pages + (uint64_t)order[i % PAGES] * PAGE_BYTES;
}

static void
note(int64_t error)
{
    if (error < 0 && !failed)
        failed = error;
}

static void
touch(uint64_t va)
{
    *(volatile uint8_t *)va = 1;
}

/* ---- trap ---- */

static void
on_fault_step(struct save_area *save)
{
    save->rip += SPAN_STORE_BYTES;
}

static uint64_t
measure_trap(void)
{
    uint64_t length;

    note(space_protect(&exo_space, pages, 1, CLOSED));
    exo_on_fault = on_fault_step;
    length = span_measure(span_store, pages, 0);
    note(space_protect(&exo_space, pages, 1, OPEN));
    return length;
}

/* ---- Appel and Li ---- */

static uint64_t
span_prot1(uint64_t i)
{
    uint64_t from = span_stamp(), took;

    note(space_protect(&exo_space, page(i), 1, CLOSED));
    took = span_stamp() - from;
    note(space_protect(&exo_space, page(i), 1, OPEN));
    return took;
}

static uint64_t
span_protn(uint64_t i)
{
    uint64_t from = span_stamp(), took;

    (void)i;
    note(space_protect(&exo_space, pages, PAGES, CLOSED));
    took = span_stamp() - from;
    note(space_protect(&exo_space, pages, PAGES, OPEN));
    return took;
}

static uint64_t next; /* the page that appel1 protects next */

static void
on_fault_appel1(struct save_area *save)
{
    note(space_protect(&exo_space, page(next++), 1, CLOSED));
    note(space_protect(&exo_space, save->address & ~(uint64_t)(PAGE_BYTES - 1), 1, OPEN));
}

/* A store to the closed page; the handler closes another and opens this one. */
static uint64_t
span_appel1(uint64_t i)
{
    uint64_t from = span_stamp();

    touch(page(i));
    return span_stamp() - from;
}

static void
on_fault_open(struct save_area *save)
{
    note(space_protect(&exo_space, save->address & ~(uint64_t)(PAGE_BYTES - 1), 1, OPEN));
}

/* All closed at once, then each stored to, in random order, and opened by the handler. */
static uint64_t
span_appel2(uint64_t n)
{
    uint64_t from = span_stamp();

    (void)n;
    note(space_protect(&exo_space, pages, PAGES, CLOSED));
    for (uint32_t i = 0; i < PAGES; i++)
        touch(page(i));
    return span_stamp() - from;
}

/* ---- mapping ---- */

static uint64_t batch_va, batch[BATCH_PAGES];

static uint64_t
span_map_batch(uint64_t i)
{
    uint64_t from = span_stamp(), took;

    (void)i;
    note(space_map(&exo_space, batch_va, batch, BATCH_PAGES, SLOT_ACCOUNT));
    took = span_stamp() - from;
    note(space_unmap(&exo_space, batch_va, BATCH_PAGES));
    return took;
}

static uint64_t
span_unmap_batch(uint64_t i)
{
    uint64_t from, took;

    (void)i;
    note(space_map(&exo_space, batch_va, batch, BATCH_PAGES, SLOT_ACCOUNT));
    from = span_stamp();
    note(space_unmap(&exo_space, batch_va, BATCH_PAGES));
    took = span_stamp() - from;
    return took;
}

/* Frames that have held something, so that what is measured is the mapping alone. */
static int
batch_make(void)
{
    batch_va = room_take(BATCH_PAGES);
    if (!batch_va)
        return -1;
    note(pool_take_all(&exo_pool, batch, BATCH_PAGES));
    for (uint32_t i = 0; i < BATCH_PAGES; i++)
        batch[i] = batch[i] << FRAME_SHIFT | OPEN;
    note(space_map(&exo_space, batch_va, batch, BATCH_PAGES, SLOT_ACCOUNT));
    for (uint32_t i = 0; i < BATCH_PAGES; i++)
        touch(batch_va + (uint64_t)i * PAGE_BYTES);
    note(space_unmap(&exo_space, batch_va, BATCH_PAGES));
    return 0;
}

int
kit_memory(void)
{
    upcall_handler *before = exo_on_fault;
    int error = 0;

    pages_order(order);
    pages = room_take(PAGES);
    if (!pages || batch_make())
        return -1;
    note(space_fill(&exo_space, pages, PAGES, OPEN));
    for (uint32_t i = 0; i < PAGES; i++)
        touch(page(i));
    error |= value_print("trap", measure_trap());
    error |= span_print("prot1", span_prot1);
    error |= span_print("protn", span_protn);
    note(space_protect(&exo_space, page(next++), 1, CLOSED));
    exo_on_fault = on_fault_appel1;
    error |= span_print("appel1", span_appel1);
    if (next != SPAN_ROUNDS + 1) /* each store has trapped */
        return -1;
    note(space_protect(&exo_space, pages, PAGES, OPEN));
    exo_on_fault = on_fault_open;
    error |= span_print("appel2", span_appel2);
    error |= span_print("map_batch", span_map_batch);
    error |= span_print("unmap_batch", span_unmap_batch);
    exo_on_fault = before;
    return error ? error : (int)failed;
}
