/* SPDX-License-Identifier: MIT */
/*
 * kit_linux_memory.c - what kit_memory.c is on the other side: mprotect, a SIGSEGV handler in C,
 * and mmap of pages that are in memory already.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "bench/kit_linux.h"
#include "bench/pages.h"
#include "bench/spans.h"

enum { OPEN = PROT_READ | PROT_WRITE, CLOSED = PROT_READ };

static uint64_t pages;
static uint8_t order[PAGES];
static int failed;

static uint64_t
page(uint64_t i)
{
    return pages + (uint64_t)order[i % PAGES] * PAGE_BYTES;
}

static void
protect(uint64_t va, size_t n, int rights)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr) */
    failed |= mprotect((void *)va, n * PAGE_BYTES, rights);
}

static void
touch(uint64_t va)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr) */
    *(volatile uint8_t *)va = 1;
}

static void
handler_is(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_sigaction = handler;
    sa.sa_flags = SA_SIGINFO;
    failed |= sigaction(SIGSEGV, &sa, NULL);
}

static void
on_fault_step(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    (void)sig, (void)info;
    uc->uc_mcontext.gregs[REG_RIP] += SPAN_STORE_BYTES;
}

static uint64_t
measure_trap(void)
{
    uint64_t length;

    protect(pages, 1, CLOSED);
    handler_is(on_fault_step);
    length = span_measure(span_store, pages, 0);
    protect(pages, 1, OPEN);
    return length;
}

static uint64_t
span_prot1(uint64_t i)
{
    uint64_t from = span_stamp(), took;

    protect(page(i), 1, CLOSED);
    took = span_stamp() - from;
    protect(page(i), 1, OPEN);
    return took;
}

static uint64_t
span_protn(uint64_t i)
{
    uint64_t from = span_stamp(), took;

    (void)i;
    protect(pages, PAGES, CLOSED);
    took = span_stamp() - from;
    protect(pages, PAGES, OPEN);
    return took;
}

static uint64_t next; /* the page that appel1 protects next */

static void
open_faulted(const siginfo_t *info)
{
    protect((uint64_t)info->si_addr & ~(uint64_t)(PAGE_BYTES - 1), 1, OPEN);
}

static void
on_fault_appel1(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    protect(page(next++), 1, CLOSED);
    open_faulted(info);
}

static uint64_t
span_appel1(uint64_t i)
{
    uint64_t from = span_stamp();

    touch(page(i));
    return span_stamp() - from;
}

static void
on_fault_open(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    open_faulted(info);
}

static uint64_t
span_appel2(uint64_t n)
{
    uint64_t from = span_stamp();

    (void)n;
    protect(pages, PAGES, CLOSED);
    for (uint32_t i = 0; i < PAGES; i++)
        touch(page(i));
    return span_stamp() - from;
}

/* ---- mapping: a file in memory, whose pages are there ---- */

static int file;

static uint64_t
span_map_batch(uint64_t i)
{
    uint64_t from = span_stamp(), took;
    void *at =
        mmap(NULL, (size_t)BATCH_PAGES * PAGE_BYTES, OPEN, MAP_SHARED | MAP_POPULATE, file, 0);

    took = span_stamp() - from;
    (void)i;
    failed |= at == MAP_FAILED || munmap(at, (size_t)BATCH_PAGES * PAGE_BYTES);
    return took;
}

static uint64_t
span_unmap_batch(uint64_t i)
{
    void *at =
        mmap(NULL, (size_t)BATCH_PAGES * PAGE_BYTES, OPEN, MAP_SHARED | MAP_POPULATE, file, 0);
    uint64_t from = span_stamp();

    (void)i;
    failed |= at == MAP_FAILED || munmap(at, (size_t)BATCH_PAGES * PAGE_BYTES);
    return span_stamp() - from;
}

static void
file_make(void)
{
    static char bytes[PAGE_BYTES] = {1};

    file = memfd_create("batch", 0);
    for (uint32_t i = 0; i < BATCH_PAGES; i++)
        failed |= write(file, bytes, sizeof bytes) != sizeof bytes;
}

int
kit_memory(void)
{
    pages_order(order);
    pages = pages_map((size_t)PAGES * PAGE_BYTES, OPEN);
    for (uint32_t i = 0; i < PAGES; i++)
        touch(page(i));
    file_make();
    value_print("trap", measure_trap());
    span_print("prot1", span_prot1);
    span_print("protn", span_protn);
    protect(page(next++), 1, CLOSED);
    handler_is(on_fault_appel1);
    span_print("appel1", span_appel1);
    failed |= next != SPAN_ROUNDS + 1; /* each store has trapped */
    protect(pages, PAGES, OPEN);
    handler_is(on_fault_open);
    span_print("appel2", span_appel2);
    span_print("map_batch", span_map_batch);
    span_print("unmap_batch", span_unmap_batch);
    signal(SIGSEGV, SIG_DFL);
    if (failed)
        fprintf(stderr, "a call of the memory figures has failed\n");
    return failed != 0;
}
