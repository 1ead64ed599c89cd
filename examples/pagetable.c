/* SPDX-License-Identifier: MIT */
/*
 * pagetable.c - a page table of the library's own design. What is mapped where stands in an
 * inverted table: one row a frame, found by hashing the page. It does not grow with the addresses
 * in use, so that 1,500 pages may be strewn over 64 GiB. The processor's tables are made from it
 * fault by fault, and dropped, entries and tables, whenever they have grown to TABLES_MAX: they are
 * a cache. Source: Chang and Mergen, TOCS 1988 (inverted tables); design section 1: no abstraction.
 */
#include "abi/account.h"
#include "abi/cap.h"
#include "libos/exo/exo.h"
#include "call_stubs.h"

enum {
    PAGE = FRAME_BYTES,
    ROWS = 1500,
    HEADS = 1024,
    TABLES_MAX = 160, /* tables of level 1 that are kept at a time */
    ROUNDS = 20000,
    RW = MAP_READ | MAP_WRITE,
};
static const uint64_t SPREAD_PAGES = 1 << 24; /* 64 GiB */

/* ---- the truth ---- */

struct row {
    uint64_t page; /* of the region */
    uint64_t frame;
    struct row *next; /* of the same hash */
};
static struct row rows[ROWS], *heads[HEADS];
static uint32_t n_rows;

static struct row **
head_of(uint64_t page)
{
    return &heads[page * 0x9e3779b97f4a7c15u >> 54];
}

static struct row *
row_find(uint64_t page)
{
    struct row *r = *head_of(page);

    while (r && r->page != page)
        r = r->next;
    return r;
}

/* A frame for a page that has none. Null: no more rows, or no memory. */
static struct row *
row_make(uint64_t page)
{
    struct row *r = &rows[n_rows], **head = head_of(page);

    if (n_rows == ROWS || pool_take(&exo_pool, &r->frame, 1) < 1)
        return NULL;
    n_rows++;
    r->page = page;
    r->next = *head;
    return *head = r;
}

/* ---- the cache ---- */

static struct table {
    uint64_t va; /* that it was linked for */
    uint64_t frame, companion;
} tables[TABLES_MAX];
static uint32_t n_tables;
static uint64_t n_drops, n_faults;

/* All that the processor knows of the region: gone. Not one word is lost by it. */
static bool
cache_drop(void)
{
    bool good = true;

    for (uint32_t i = 0; i < n_tables && good; i++) {
        const struct table *t = &tables[i];

        good = call_pt_unlink(SLOT_ACCOUNT, exo_space.root, t->va, 1).value == (int64_t)t->frame &&
               pool_give(&exo_pool, t->frame, 1) == 0 && pool_give(&exo_pool, t->companion, 1) == 0;
    }
    n_drops += n_tables > 0;
    n_tables = 0;
    return good;
}

/* A table for va; one of level 1 is ours to take out again. Those above stay: at most 65. */
static bool
table_make(uint64_t va, uint64_t level)
{
    uint64_t frames[2];

    if (level == 1 && n_tables == TABLES_MAX && !cache_drop())
        return false;
    if (pool_take_all(&exo_pool, frames, 2) < 0 ||
        call_pt_make(SLOT_ACCOUNT, frames[0], level, frames[1]).value < 0 ||
        call_pt_link(SLOT_ACCOUNT, exo_space.root, va, frames[0], 0).value < 0)
        return false;
    if (level == 1)
        tables[n_tables++] = (struct table){va, frames[0], frames[1]};
    return true;
}

static int
cache_fill(uint64_t va, uint64_t frame)
{
    uint64_t entry = frame << FRAME_SHIFT | RW;
    struct call_result r;

    do
        r = call_pt_map(SLOT_ACCOUNT, exo_space.root, 0, va, (uintptr_t)&entry, 1, SLOT_ACCOUNT);
    while (r.value == -E_NOENT && table_make(va, r.detail));
    return r.value == 1 ? 0 : -E_NOMEM;
}

/* The truth is asked; what it does not know is a new page. */
static int
on_fault(const struct region *region, uint64_t va, uint32_t need)
{
    uint64_t page = (va - region->start) / PAGE;
    const struct row *r = row_find(page);

    (void)need;
    n_faults++;
    if (!r)
        r = row_make(page);
    return r ? cache_fill(va, r->frame) : -E_NOMEM;
}

/* ---- the program: words all over the region, read back again and again ---- */

static uint64_t seed = 5, longest;

static uint64_t
draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static uint64_t
chain_longest(void)
{
    uint64_t most = 0;

    for (uint32_t i = 0; i < HEADS; i++) {
        uint64_t n = 0;

        for (const struct row *r = heads[i]; r; r = r->next)
            n++;
        most = n > most ? n : most;
    }
    return most;
}

int
exo_main(const struct start_page *start)
{
    static uint64_t pages[ROWS], words[ROWS];
    struct account_state account = {0};
    uint64_t va = region_reserve(SPREAD_PAGES, PAGE, RW, on_fault, NULL), wrong = 0;

    (void)start;
    if (print_usage(0, ""))
        return 2;
    for (uint64_t i = 0; i < ROWS; i++)
        pages[i] = i * (SPREAD_PAGES / ROWS) + draw(SPREAD_PAGES / ROWS);
    for (uint64_t i = 0; i < ROUNDS && va; i++) {
        uint64_t n = draw(ROWS);
        volatile uint64_t *word = (volatile uint64_t *)(va + pages[n] * PAGE) + n % 512;

        wrong += *word != words[n];
        *word = words[n] = draw(UINT32_MAX);
        if (i % (ROUNDS / 4) == 0)
            wrong += !cache_drop(); /* at any time */
    }
    longest = chain_longest();
    call_account_read(SLOT_ACCOUNT, (uintptr_t)&account);
    print("%u pages over %lu GiB in %lu bytes of table, at most %lu to look at\n", n_rows,
          SPREAD_PAGES >> 18, sizeof(rows) + sizeof(heads), longest);
    print("%lu faults; the processor's tables dropped %lu times; %lu frames in all\n", n_faults,
          n_drops, account.peak_frames);
    print("%lu words wrong\n", wrong);
    return wrong > 0 || va == 0;
}
