/* SPDX-License-Identifier: MIT */
/*
 * rolls.c - contexts that are stopped anywhere, also while they hold locks over what is half
 * changed, also while they run another's section to its end: whoever finds them rolls them forward,
 * and all adds up. Argument: how many are to be stopped within a critical section, 20 if there is
 * none; with `forgotten` behind it none is rolled, which must be seen.
 */
#include "abi/event.h"
#include "libos/exo/roll.h"
#include "test/boot/kit.h"

enum { WORKERS = 4, CELLS = 64, SUM = 1000 * CELLS, SLICE_NS = 300000, STEPS = 40, THINK = 800 };

/* What a section leaves true: the sum; every cell once in the list, forwards and backwards. */
static struct lock outer, inner;
static struct {
    volatile int64_t worth;
    volatile uint32_t next, before;
} cells[CELLS];
static volatile uint64_t sections;

static uint64_t
draw(uint64_t *seed, uint64_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % below;
}

/* Move a cell behind another, and some worth, a little at a time. */
static void
section(uint64_t *seed)
{
    uint32_t a = (uint32_t)draw(seed, CELLS), b = (uint32_t)draw(seed, CELLS);

    lock_take(&outer);
    for (int i = 0; i < STEPS; i++) {
        cells[a].worth--;
        cells[b].worth++;
    }
    if (a != b && cells[a].before != b) {
        lock_take(&inner);
        cells[cells[a].before].next = cells[a].next;
        cells[cells[a].next].before = cells[a].before;
        cells[a].next = cells[b].next;
        cells[a].before = b;
        cells[cells[b].next].before = a;
        cells[b].next = a;
        lock_drop(&inner);
    }
    sections++;
    lock_drop(&outer);
}

static void
worker(void *argument)
{
    uint64_t seed = (uintptr_t)argument;

    for (;;) {
        section(&seed);
        for (uint64_t i = draw(&seed, THINK); i > 0; i--)
            __asm__ volatile(""); /* elsewhere */
    }
}

static void
look(void)
{
    int64_t sum = 0;
    uint32_t n = 0, at = 0;

    lock_take(&outer);
    for (uint32_t i = 0; i < CELLS; i++)
        sum += cells[i].worth;
    do {
        hold(cells[cells[at].next].before == at, "forwards and backwards");
        at = cells[at].next;
        n++;
    } while (at != 0 && n <= CELLS);
    lock_drop(&outer);
    hold(sum == SUM, "the sum");
    hold(n == CELLS, "each cell once");
}

static struct context *workers[WORKERS];
static uint64_t seed = 1;
static bool forgotten;

static void
worker_begin(uint32_t i)
{
    workers[i] = context_add(worker, (void *)(seed + i));
    if (!workers[i])
        fail("no context");
    fine(context_place(workers[i], i % cpu_count(), SLICE_NS), "a slice");
}

/* Stop one somewhere. Was it in a section? */
static bool
worker_end(uint32_t i)
{
    struct context *c = workers[i];
    uint64_t until = clock_ns() + draw(&seed, 300000);
    bool critical;

    do
        call_yield(SLOT_NOTHING);
    while (clock_ns() < until);
    fine(context_stop(c), "context_stop");
    critical = roll_needed(c);
    if (draw(&seed, 2))
        call_yield(SLOT_NOTHING); /* some are found by those who wait for them */
    if (forgotten)
        outer.holder = inner.holder = 0;
    else
        roll_finish(c);
    fine(context_remove(c), "context_remove");
    return critical;
}

int
exo_main(const struct start_page *start)
{
    uint64_t n = 0, want = argument_number(0, 20), stops = 0;

    (void)start;
    forgotten = argument(1)[0] != 0;
    for (uint32_t i = 0; i < CELLS; i++) {
        cells[i].worth = SUM / CELLS;
        cells[i].next = (i + 1) % CELLS;
        cells[i].before = (i + CELLS - 1) % CELLS;
    }
    for (uint32_t i = 0; i < WORKERS; i++)
        worker_begin(i);
    for (; n < want; stops++) {
        uint32_t i = (uint32_t)draw(&seed, WORKERS);

        n += worker_end(i);
        worker_begin(i);
        look();
    }
    for (uint32_t i = 0; i < WORKERS; i++)
        worker_end(i);
    look();
    say("%lu stopped, %lu of them in a section; %lu rolled forward; %lu sections in all", stops, n,
        exo_rolled, sections);
    expect(exo_rolled >= n, "each was rolled");
    return done();
}
