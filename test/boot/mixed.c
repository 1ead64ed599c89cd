/* SPDX-License-Identifier: MIT */
/*
 * mixed.c - threads of libos/exo beside what else it has; the argument says what:
 *  - calls: threads on several contexts call a service in another environment, and are preempted
 *    anywhere in it
 *  - revoked: a child's threads are asked for frames whatever they are about; the handler wakes one
 *  - plain: contexts without threads in a program that has some share a processor as any others
 *  - all: each part of the library at once, on one context more than there are processors
 */
#include "abi/account.h"
#include "abi/slice.h"
#include "libos/exo/child.h"
#include "libos/exo/rpc.h"
#include "test/boot/kit.h"

enum {
    SLOT_OF_CELLS = 20,
    SLOT_ENTRY,
    SLOT_CHILD, /* CHILD_SLOT_COUNT of them */
    SLOT_BESIDE = SLOT_CHILD + CHILD_SLOT_COUNT,
    LIMIT_FRAMES = 1500,
    MS = 1000 * 1000,
};

static struct child_terms child = {
    .name = 1,
    .limit_frames = LIMIT_FRAMES,
    .slot = {SLOT_CHILD, SLOT_CHILD + 1, SLOT_CHILD + 2, SLOT_CHILD + 3, SLOT_CHILD + 4},
    .cells = SLOT_OF_CELLS,
    .first_cell = 1,
};

/* Before there are regions or threads: the child begins with a copy of our image. */
static void
child_begin(void (*main)(void), uint32_t entry)
{
    child.main = main;
    child.entry = entry;
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), SLOT_OF_CELLS).value, "cells_make");
    fine(child_make(&child), "child_make");
}

/* ---- calls of a service ---- */

enum { CALLERS = 3, CALLS = 10000, BRIEF_NS = 50 * 1000 };

static uint64_t counted; /* the service's; ours stays 0 */

static void
count(struct rpc *m)
{
    m->word[0] = ++counted;
}

static void
service(void)
{
    rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, count);
}

/* The words of a call by which the service counts one more; what it counts then. */
static uint64_t
count_one(void)
{
    struct rpc m;
    int64_t r;

    do {
        m = (struct rpc){.word = {0}};
        r = rpc_call(SLOT_ENTRY, &m);
        if (r == -E_AGAIN) /* another is in there */
            thread_yield();
    } while (r == -E_AGAIN);
    fine(r, "rpc_call");
    return m.word[0];
}

static void
caller(void *argument)
{
    const struct thread *self = thread_self();
    uint64_t last = 0;

    (void)argument;

    for (uint64_t i = 0; i < CALLS; i++) {
        uint64_t now = count_one();

        expect(now > last, "the service goes on counting");
        expect(thread_self() == self, "we are who we were");
        last = now;
    }
}

/* Slices end again and again, and who is interrupted by that goes to another context. */
static void
slices_short(void)
{
    for (uint32_t i = 0; i < cpu_count() + 1; i++) {
        const struct context *c = context_at(i);
        uint64_t position = i ? c->position : exo_start_page->position;

        fine(call_slice_set(SLOT_ACCOUNT, i % cpu_count(), position, i ? c->slot : SLOT_CONTEXT,
                            SLOT_NOTHING, BRIEF_NS + i * 1000)
                 .value,
             "slice_set");
    }
}

static void
calls(void)
{
    struct thread *callers[CALLERS];

    rpc_begin();
    child_begin(service, SLOT_ENTRY);
    fine(threads_spread(cpu_count() + 1), "threads_spread");
    slices_short();
    for (uint64_t i = 0; i < CALLERS; i++)
        callers[i] = thread_start(caller, NULL);
    for (uint64_t i = 0; i < CALLERS; i++)
        thread_join(callers[i]);
    expect(count_one() == (uint64_t)CALLERS * CALLS + 1, "each call once");
    expect(counted == 0, "in its own memory");
    fine(child_destroy(&child), "child_destroy");
}

/* ---- frames asked back while threads run ---- */

enum { HELD = 300, POSITION = 600, SLICE_NS = MS };
static const uint64_t PATIENCE_NS = 10000000000;

static struct semaphore asked, ping, pong;
static uint64_t held[HELD], n_held;

static void
on_revoke(struct save_area *save)
{
    (void)save;
    semaphore_post(&asked);
}

static void
giver(void *argument)
{
    (void)argument;
    for (;;) {
        semaphore_wait(&asked);
        while (account_told(SLOT_ACCOUNT).count[ACCOUNT_FRAMES].wanted && n_held > 0)
            pool_give(&exo_pool, held[--n_held], 1);
    }
}

/* Two that do nothing but wake each other: mostly a revocation meets them at that. */
static void
pinger(void *argument)
{
    for (;;) {
        semaphore_post(argument ? &ping : &pong);
        semaphore_wait(argument ? &pong : &ping);
    }
}

static void
giving_main(void)
{
    semaphore_init(&asked, 0);
    semaphore_init(&ping, 0);
    semaphore_init(&pong, 0);
    while (n_held < HELD && pool_take(&exo_pool, &held[n_held], 1) == 1)
        n_held++;
    pool_close(&exo_pool);
    exo_on_revoke = on_revoke;
    if (call_account_listen(SLOT_ACCOUNT, 1).value == 0)
        (void)(thread_start(giver, NULL) && thread_start(pinger, NULL));
    pinger(&ping);
}

static void
revoked(void)
{
    enum { TIMES = HELD - 20 };

    child_begin(giving_main, SLOT_NOTHING);
    stay_on(0);
    fine(call_slice_take(child.slot[CHILD_ACCOUNT], 0, POSITION, 1).value, "slice_take");
    fine(call_slice_set(child.slot[CHILD_ACCOUNT], 0, POSITION, child.slot[CHILD_CONTEXT],
                        SLOT_NOTHING, SLICE_NS)
             .value,
         "slice_set");
    clock_sleep_until(clock_ns() + (uint64_t)50 * MS);
    for (uint64_t i = 0; i < TIMES; i++) {
        fine(call_account_revoke(child.slot[CHILD_ACCOUNT], ACCOUNT_FRAMES, 1,
                                 clock_ns() + PATIENCE_NS)
                 .value,
             "account_revoke");
        while (account_told(child.slot[CHILD_ACCOUNT]).count[ACCOUNT_FRAMES].wanted)
            clock_sleep_until(clock_ns() + MS / 10 * (i % 7 + 1));
        expect(account_told(child.slot[CHILD_ACCOUNT]).n_taken == 0, "given, not taken");
    }
    fine(child_destroy(&child), "child_destroy");
}

/* ---- contexts without threads ---- */

enum { WATCHED_MS = 300, SHORT_NS = 2 * MS };

static volatile uint64_t events;
static upcall_handler *event_before;

static void
spin(void *argument)
{
    (void)argument;
    for (;;)
        __asm__ volatile("");
}

/* One that has no upcalls: the kernel takes its processor without a word. */
static void
beside_begin(void)
{
    static uint8_t stack[1024] __attribute__((aligned(16)));
    struct context_start start = {.rip = (uintptr_t)spin,
                                  .rsp = (uintptr_t)stack + sizeof(stack) - 8,
                                  .vector_frame = frame_new(),
                                  .stop_slot = SLOT_NOTHING};

    call_slot_clear(SLOT_SLOTS, SLOT_BESIDE);
    fine(call_context_make(SLOT_ENV, frame_new(), SLOT_BESIDE, (uintptr_t)&start).value,
         "context_make");
    expect(call_slice_take(SLOT_ACCOUNT, 0, POSITION, 1).value == 1, "slice_take");
    fine(call_slice_set(SLOT_ACCOUNT, 0, POSITION, SLOT_BESIDE, SLOT_NOTHING, SHORT_NS).value,
         "slice_set");
}

/* Both wanted a processor all the time, in slices of the same length. */
static void
shared(uint64_t ours, const char *what)
{
    uint64_t others = context_told(SLOT_BESIDE).charged_cycles;

    expect(call_slice_give(SLOT_ACCOUNT, 0, POSITION, 1).value == 1, "slice_give");
    fine(call_context_stop(SLOT_BESIDE).value, "context_stop");
    say("%s: %lu of %lu", what, ours / 1000000, (ours + others) / 1000000);
    expect(ours * 4 > others * 3 && others * 4 > ours * 3, what);
}

static void
counted_event(struct save_area *save)
{
    events += context_here()->index == 1;
    event_before(save);
}

static void
idle(void *argument)
{
    (void)argument;
}

static struct context *
spinner(void)
{
    struct context *c = context_add(spin, NULL);

    if (!c || context_place(c, 0, SHORT_NS))
        fail("no context with a slice");
    return c;
}

static void
plain(void)
{
    uint64_t before = exo_context.page.charged_cycles, end;
    struct context *c;

    stay_on(0);
    fine(call_slice_set(SLOT_ACCOUNT, 0, (uint32_t)exo_start_page->position, SLOT_CONTEXT,
                        SLOT_NOTHING, SHORT_NS)
             .value,
         "slice_set");
    beside_begin();
    end = clock_ns() + (uint64_t)WATCHED_MS * MS;
    while (clock_ns() < end)
        ;
    shared(exo_context.page.charged_cycles - before, "before there are threads");
    thread_join(thread_start(idle, NULL));
    event_before = exo_on_event;
    exo_on_event = counted_event;
    c = spinner();
    beside_begin();
    thread_sleep_until(clock_ns() + (uint64_t)WATCHED_MS * MS);
    shared(context_told(c->slot).charged_cycles, "beside threads");
    expect(events == 0, "it was told nothing");
    context_poke(c);
    thread_sleep_until(clock_ns() + (uint64_t)20 * MS);
    say("%lu events for one", events);
    expect(events > 0 && events < 3, "told once"); /* twice, where it was met in a handler */
    fine(context_stop(c), "context_stop");
    fine(context_remove(c), "context_remove");
}

/* ---- all at once ---- */

enum { WORKERS = 6, ROUNDS = 400, BLOCKS = 40, FRESH_PAGES = 30, TURN_NS = 30 * 1000 };

static struct mutex mutex;
static struct condition even;
static struct lock lock;
static struct semaphore tokens;
static uint64_t under_mutex, under_lock, children_ran, n_tokens;

struct deed {
    uint64_t seed;
    uint64_t number;
    uint8_t *block[BLOCKS];
    size_t n[BLOCKS];
};

static uint64_t
draw(struct deed *d, uint64_t below)
{
    d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
    return (d->seed >> 33) % below;
}

static void
blocks(struct deed *d)
{
    uint64_t i = draw(d, BLOCKS), n = 1 + draw(d, draw(d, 50) ? 500 : 20000);

    for (size_t k = 0; k < d->n[i]; k += 61)
        expect(d->block[i][k] == (uint8_t)(d->number + i), "a block is one's own");
    d->block[i] = draw(d, 3) ? realloc(d->block[i], n) : (free(d->block[i]), malloc(n));
    if (!d->block[i])
        fail("no block");
    memset(d->block[i], (int)(uint8_t)(d->number + i), n);
    d->n[i] = n;
}

static void
pages(struct deed *d)
{
    uint64_t n = 1 + draw(d, FRESH_PAGES);
    uint64_t va = region_reserve(n, FRAME_BYTES, MAP_READ | MAP_WRITE, NULL, NULL);

    if (!va)
        fail("no region");
    for (uint64_t i = 0; i < n; i++) {
        volatile uint64_t *word = (volatile uint64_t *)(va + i * FRAME_BYTES);

        expect(*word == 0, "a fresh page");
        *word = d->number + i;
    }
    for (uint64_t i = 0; i < n; i++)
        expect(*(volatile uint64_t *)(va + i * FRAME_BYTES) == d->number + i, "one's own page");
    fine(region_unmap(va, va + n * FRAME_BYTES), "region_unmap");
}

static void
locks(struct deed *d)
{
    mutex_take(&mutex);
    under_mutex++;
    if (under_mutex % 2 == 0)
        condition_broadcast(&even);
    else
        (void)condition_wait_until(&even, clock_ns() + draw(d, TURN_NS));
    mutex_drop(&mutex);
    lock_take(&lock);
    under_lock++;
    lock_drop(&lock);
    semaphore_post(&tokens);
    if (draw(d, 2) && semaphore_wait_until(&tokens, clock_ns() + draw(d, TURN_NS)))
        __atomic_sub_fetch(&n_tokens, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&n_tokens, 1, __ATOMIC_RELAXED);
}

static void
short_lived(void *argument)
{
    thread_sleep_until(clock_ns() + (uintptr_t)argument);
    __atomic_add_fetch(&children_ran, 1, __ATOMIC_RELAXED);
}

static void
deeds(void *argument)
{
    struct deed *d = argument;

    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct thread *t = thread_start(short_lived, (void *)(uintptr_t)draw(d, TURN_NS));

        if (!t)
            fail("no thread");
        blocks(d);
        pages(d);
        locks(d);
        count_one();
        if (i % 20 == 0)
            say("deed %lu of %lu, which is one line whoever else writes", i, d->number);
        thread_join(t);
    }
    for (uint64_t i = 0; i < BLOCKS; i++)
        free(d->block[i]);
}

static void
all(void)
{
    static struct deed deed[WORKERS];
    struct thread *t[WORKERS];

    rpc_begin();
    child_begin(service, SLOT_ENTRY);
    mutex_init(&mutex);
    condition_init(&even, &mutex);
    semaphore_init(&tokens, 0);
    fine(threads_spread(cpu_count() + 1), "threads_spread");
    for (uint64_t i = 0; i < WORKERS; i++) {
        deed[i] = (struct deed){.seed = i + 1, .number = i};
        t[i] = thread_start(deeds, &deed[i]);
    }
    for (uint64_t i = 0; i < WORKERS; i++)
        thread_join(t[i]);
    expect(under_mutex == (uint64_t)WORKERS * ROUNDS && under_lock == under_mutex, "each once");
    expect(children_ran == under_mutex, "each ran");
    expect(tokens.count >= 0 && (uint64_t)tokens.count == n_tokens, "tokens");
    expect(count_one() == under_mutex + 1, "each was counted");
    expect(malloc_blocks() == 0, "all is freed");
    fine(child_destroy(&child), "child_destroy");
}

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {{"calls", calls}, {"revoked", revoked}, {"plain", plain}, {"all", all}};

int
exo_main(const struct start_page *start)
{
    (void)start;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strcmp(parts[i].name, argument(0)) == 0) {
            parts[i].run();
            return done();
        }
    fail("no such part");
}
