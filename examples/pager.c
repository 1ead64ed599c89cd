/* SPDX-License-Identifier: MIT */
/*
 * pager.c - more pages than frames, and a policy that the program changes while it runs.
 *
 * The store behind the frames is memory again, by runs of equal words. When a frame is needed, the
 * policy says which page leaves. It sees what the processor saw: the accessed bits of the page
 * tables, read and cleared by two calls. Least recently used, which every system has, is the worst
 * for a program that goes round and round; most recently used is the best, and the program knows.
 * Source: Engler, Kaashoek, O'Toole, SOSP '95, section 7.2; Belady, 1966.
 */
#include "abi/cap.h"
#include "lib/string.h"
#include "libos/exo/exo.h"
#include "call_stubs.h"

enum {
    PAGE = FRAME_BYTES,
    PAGES = 320,
    FRAMES = 256,
    WORDS = PAGE / 8,
    ROUNDS = 20,
    RW = MAP_READ | MAP_WRITE,
};

struct page {
    uint64_t frame; /* 0: it is in the store, or was never touched */
    uint64_t used;  /* the time when it was last seen used */
    uint64_t *store;
    uint64_t n_store; /* words */
};
static struct page pages[PAGES];
static uint64_t va, n_resident, now, n_written;
static volatile uint64_t n_faults; /* changes under the program */

/* ---- the store: (word, how often) ---- */

static bool
store_write(struct page *p, const uint64_t *from)
{
    uint64_t packed[2 * WORDS] = {0}, n = 0;

    for (uint64_t i = 0; i < WORDS; i++) {
        if (n > 0 && packed[n - 2] == from[i]) {
            packed[n - 1]++;
        } else {
            packed[n++] = from[i];
            packed[n++] = 1;
        }
    }
    free(p->store);
    p->store = malloc(n * sizeof(*packed));
    p->n_store = n;
    if (p->store)
        memcpy(p->store, packed, n * sizeof(*packed));
    return p->store != NULL;
}

static void
store_read(const struct page *p, uint64_t *to)
{
    for (uint64_t i = 0; i < p->n_store; i += 2)
        for (uint64_t k = 0; k < p->store[i + 1]; k++)
            *to++ = p->store[i];
}

/* ---- policies: which page leaves for the one at `at` ---- */

typedef uint64_t policy(uint64_t at);

/* How long ago a page was used; of those seen at one look the ones nearer before `at` are later. */
static uint64_t
age(uint64_t i, uint64_t at)
{
    return (now - pages[i].used) * PAGES + (at + PAGES - i) % PAGES;
}

static uint64_t
least_recently_used(uint64_t at)
{
    uint64_t which = PAGES;

    for (uint64_t i = 0; i < PAGES; i++)
        if (pages[i].frame && (which == PAGES || age(i, at) > age(which, at)))
            which = i;
    return which;
}

static uint64_t
most_recently_used(uint64_t at)
{
    uint64_t which = PAGES;

    for (uint64_t i = 0; i < PAGES; i++)
        if (pages[i].frame && (which == PAGES || age(i, at) < age(which, at)))
            which = i;
    return which;
}

static policy *volatile choose = least_recently_used; /* read by the fault handler */

/* ---- paging ---- */

/* Forget what the processor saw of n pages. */
static int
unsee(uint64_t at, uint64_t n, uint64_t what)
{
    int64_t r = call_pt_protect(SLOT_ACCOUNT, exo_space.root, 0, at, n, what, 0).value;

    return r == (int64_t)n || r == -E_NOENT ? 0 : -E_INVAL; /* -E_NOENT: nothing there yet */
}

/* What the processor has seen since the last time. */
static int
look(void)
{
    uint64_t entries[PAGES];
    int error = space_read(&exo_space, va, entries, PAGES);

    now++;
    for (uint64_t i = 0; i < PAGES && !error; i++)
        if (entries[i] & MAP_ACCESSED)
            pages[i].used = now;
    return error ? error : unsee(va, PAGES, MAP_ACCESSED);
}

/* Take a page's frame: into the store with it, if it was written to. Its frame, or an error. */
static int64_t
evict(uint64_t i)
{
    struct page *p = &pages[i];
    uint64_t entry, frame = p->frame, at = va + i * PAGE;
    int error = space_read(&exo_space, at, &entry, 1);

    if (!error && (entry & MAP_DIRTY)) {
        n_written++;
        error = store_write(p, (const uint64_t *)at) ? 0 : -E_NOMEM;
    }
    if (!error)
        error = space_unmap(&exo_space, at, 1);
    if (error)
        return error;
    p->frame = 0;
    n_resident--;
    return (int64_t)frame;
}

static int64_t
frame_find(uint64_t at)
{
    uint64_t frame;
    int64_t r;

    if (n_resident == FRAMES)
        return evict(choose(at));
    r = pool_take(&exo_pool, &frame, 1);
    return r < 0 ? r : (int64_t)frame;
}

static int
on_fault(const struct region *r, uint64_t at, uint32_t need)
{
    uint64_t i = (at - r->start) / PAGE;
    struct page *p = &pages[i];
    int64_t frame = look();
    int error;

    (void)need;
    n_faults++;
    if (frame == 0)
        frame = frame_find(i);
    if (frame < 0)
        return (int)frame;
    error = space_map_run(&exo_space, at, (uint64_t)frame, 1, RW, SLOT_ACCOUNT);
    if (error)
        return error;
    memset((void *)at, 0, PAGE);
    store_read(p, (uint64_t *)at);
    p->frame = (uint64_t)frame;
    p->used = now;
    n_resident++;
    return unsee(at, 1, MAP_DIRTY);
}

/* ---- the program ---- */

/* Goes over all pages in turn: every word is what the last round left. Faults, or UINT64_MAX. */
static uint64_t
scan(uint64_t rounds)
{
    static uint64_t round;
    uint64_t before = n_faults;

    for (uint64_t end = round + rounds; round < end; round++)
        for (uint64_t i = 0; i < PAGES; i++) {
            uint64_t *words = (uint64_t *)(va + i * PAGE);

            if (words[i] != (round ? round + i : 0) || words[WORDS - 1] != round)
                return UINT64_MAX;
            words[i] = round + 1 + i;
            words[WORDS - 1] = round + 1;
        }
    return n_faults - before;
}

int
exo_main(const struct start_page *start)
{
    uint64_t lru, mru, again;

    (void)start;
    if (print_usage(0, ""))
        return 2;
    va = region_reserve(PAGES, PAGE, RW, on_fault, NULL);
    if (!va || scan(1) == UINT64_MAX)
        return 1;
    lru = scan(ROUNDS);
    choose = most_recently_used;
    mru = scan(ROUNDS);
    choose = least_recently_used;
    again = scan(ROUNDS);
    if (lru == UINT64_MAX || mru == UINT64_MAX || again == UINT64_MAX)
        return console_print("a page came back other than it went\n"), 1;
    print("%u pages in %u frames, %u times round and round\n", PAGES, FRAMES, ROUNDS);
    print("least recently used: %lu faults\n", lru);
    print("most recently used: %lu faults\n", mru);
    print("least recently used again: %lu faults\n", again);
    print("the program's own policy has %lu.%lu times fewer; %lu pages went to the store\n",
          lru / mru, lru * 10 / mru % 10, n_written);
    return 0;
}
