/* SPDX-License-Identifier: MIT */
/*
 * several.c - contexts of one environment on several processors: they run at once, take locks from
 * each other, take faults each for itself, are interrupted, stopped and replaced. Argument `twice`,
 * `order`, `many`: a lock is misused, which must be the end.
 */
#include "abi/account.h"
#include "abi/event.h"
#include "abi/slice.h"
#include "test/boot/kit.h"

enum { ROUNDS = 6000, SLICE_NS = 2000000, UNNAMED_NS = 20000000, REPLACED = 20, PAGES = 400 };

static const uint64_t PATIENCE_NS = 20000000000;

static struct lock lock;
static uint64_t shared;
static volatile uint64_t alone[CONTEXTS_MAX], finished;
static volatile uint64_t *pages;

static void
worker(void *argument)
{
    struct context *c = context_here();

    expect(c == argument || !argument, "each finds itself");
    for (uint64_t i = 0; i < ROUNDS; i++) {
        lock_take(&lock);
        shared++;
        lock_drop(&lock);
        alone[c->index]++;
        if (i % 10 == 0)
            (void)pages[(i / 10 + c->index) % PAGES * 512];
    }
    __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
    call_context_exit(0);
}

static uint64_t
frames_used(void)
{
    return account_told(SLOT_ACCOUNT).used_frames - exo_pool.n;
}

/* As many contexts as there are processors, and one more, count together. */
static void
together(uint32_t n)
{
    struct context *c[CONTEXTS_MAX];

    finished = shared = 0;
    for (uint32_t i = 0; i < n; i++) {
        c[i] = context_add(worker, NULL);
        if (!c[i])
            fail("no context");
        fine(context_place(c[i], i % cpu_count(), SLICE_NS), "a slice");
    }
    for (uint32_t i = 0; i < n; i++) {
        struct wait_clause over = {SLOT_EVENTS, WAIT_EVENT, COUNTER_STOPPED + c[i]->index,
                                   c[i]->stops};

        while (!context_stopped(c[i]))
            call_wait((uintptr_t)&over, 1);
        expect(alone[c[i]->index] == ROUNDS, "each did its rounds");
        alone[c[i]->index] = 0;
        fine(context_remove(c[i]), "context_remove");
    }
    expect(finished == n && shared == (uint64_t)n * ROUNDS, "none lost under the lock");
}

static void
spinner(void *argument)
{
    volatile uint64_t *n = argument;

    for (;;)
        ++*n;
}

/* Stopped anywhere, again and again, on each processor; what it leaves is all given back. */
static void
replaced(void)
{
    static volatile uint64_t n;
    struct context_state state;
    uint64_t before = 0;

    for (uint32_t i = 0; i < REPLACED; i++) {
        struct context *c = context_add(spinner, (void *)(uintptr_t)&n);
        uint64_t seen = n;

        expect(c != NULL, "a context");
        fine(context_place(c, i % cpu_count(), SLICE_NS), "a slice");
        while (n == seen)
            call_yield(SLOT_NOTHING);
        fine(context_stop(c), "context_stop");
        fine(call_context_read(c->slot, (uintptr_t)&state).value, "context_read");
        expect(state.phase == CONTEXT_STOPPED && state.save.gs_base == (uintptr_t)c, "registers");
        expect(state.save.rdi == (uintptr_t)&n || state.save.rip != 0, "are complete");
        seen = n;
        call_yield(SLOT_NOTHING);
        expect(n == seen, "it runs no more");
        fine(context_remove(c), "context_remove");
        if (i == 3)
            before = frames_used();
    }
    expect(frames_used() <= before + 2, "nothing is left of them");
}

static void
pass(uint64_t ns)
{
    for (uint64_t end = clock_ns() + ns; clock_ns() < end;)
        call_yield(SLOT_NOTHING);
}

/* Has nobody counted for a while? */
static bool
stands(const volatile uint64_t *n)
{
    uint64_t seen = *n;

    pass(UNNAMED_NS);
    return *n == seen;
}

/*
 * Named at no position any more, it runs no more: not even where nobody else wants the processor.
 * But a host may put that processor aside before it hears of this.
 */
static void
unnamed(void)
{
    static volatile uint64_t n;
    struct context *c = context_add(spinner, (void *)(uintptr_t)&n);
    uint64_t end;

    if (!c)
        fail("no context");
    fine(context_place(c, cpu_count() - 1, SLICE_MAX_NS), "a slice");
    while (n == 0)
        call_yield(SLOT_NOTHING);
    fine(call_slice_set(SLOT_ACCOUNT, c->cpu, c->position, SLOT_NOTHING, SLOT_NOTHING, SLICE_NS)
             .value,
         "slice_set");
    for (end = clock_ns() + PATIENCE_NS; !stands(&n);)
        expect(clock_ns() < end, "whom no position names runs no more");
    fine(context_stop(c), "context_stop");
    fine(context_remove(c), "context_remove");
}

static volatile uint64_t poked;

static void
on_poke(struct save_area *save)
{
    (void)save;
    poked++;
}

static void
interrupted(void)
{
    static volatile uint64_t n;
    struct context *c = context_add(spinner, (void *)(uintptr_t)&n);
    upcall_handler *before = exo_on_event;

    expect(c != NULL, "a context");
    exo_on_event = on_poke;
    fine(context_place(c, cpu_count() - 1, SLICE_NS), "a slice");
    while (n == 0)
        call_yield(SLOT_NOTHING);
    for (uint64_t i = 0; i < 20; i++) {
        context_poke(c);
        while (poked <= i)
            call_yield(SLOT_NOTHING);
    }
    fine(context_stop(c), "context_stop");
    fine(context_remove(c), "context_remove");
    exo_on_event = before;
}

static void
misuse(char how)
{
    static struct lock locks[CONTEXT_LOCKS_MAX + 1];

    lock_take(&lock);
    if (how == 't')
        lock_take(&lock);
    for (int i = 0; i < (how == 'm' ? CONTEXT_LOCKS_MAX : 1); i++)
        lock_take(&locks[i]);
    if (how == 'o')
        lock_drop(&lock);
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    if (argument(0)[0])
        misuse(argument(0)[0]);
    pages =
        (volatile uint64_t *)region_reserve(PAGES, FRAME_BYTES, MAP_READ | MAP_WRITE, NULL, NULL);
    expect(pages != NULL, "a region");
    together(1);
    together(cpu_count());
    together(cpu_count() + 1);
    replaced();
    unnamed();
    interrupted();
    return done();
}
