/* SPDX-License-Identifier: MIT */
/*
 * corners.c - libos/exo where one seldom looks; the argument says where:
 *  - timers: at 0, in the past, at the end of time, set again by their own function
 *  - unthreaded: timers where there are no threads
 *  - early: what threads use, before there are any
 *  - begins NS: the slice ends so long after the first thread is asked for
 *  - pool: frames named into memory that is not present yet
 *  - room: addresses for several contexts at once
 *  - memory: a context for which there is not memory enough
 *  - stack: a handler that runs off its stack; holder: a thread that ends with a mutex: the end
 *  - asleep: a signal of the host's while the context sleeps
 *  - signals, faults: what handlers of signals and faults write where the host does not read; stuck:
 *    a lock is misused while a thread waits for it; corners.py drives these four
 */
#include "abi/event.h"
#include "test/boot/kit.h"

enum {
    MS = 1000 * 1000,
    AGAIN = 5,
    HELD_PAGES = 6,
    ROOMS = 4000,
    WORKERS = 4,
    LINES = 40000,
    AWAY_NS = 100 * 1000
};

/* ---- timers ---- */

static struct timer zero, never, again;
static volatile uint64_t fired, again_fired;

static void
note(struct timer *t)
{
    (void)t;
    fired = clock_ns();
}

static void
once_more(struct timer *t)
{
    again_fired++;
    timer_set(t, clock_ns() + MS, once_more);
}

/* How long a timer for that time takes while a thread runs on. */
static uint64_t
late(uint64_t ns)
{
    uint64_t begin = clock_ns();

    fired = 0;
    timer_set(&zero, ns, note);
    while (!fired && clock_ns() < begin + (uint64_t)50 * MS)
        __builtin_ia32_pause();
    expect(fired != 0, "it fires");
    return fired - begin;
}

static void
nothing(void *argument)
{
    (void)argument;
}

static void
timers(void)
{
    uint64_t n;

    timer_cancel(&never); /* which was never set */
    thread_join(thread_start(nothing, NULL));
    expect(late(0) < MS, "at 0: at once");
    expect(late(1) < MS, "long ago: at once");
    expect(late(clock_ns() - 1) < MS, "just now: at once");
    timer_set(&never, UINT64_MAX, note);
    expect(late(clock_ns() + (uint64_t)2 * MS) < (uint64_t)3 * MS, "before the end of time");
    thread_sleep_until(clock_ns() + (uint64_t)2 * MS);
    timer_cancel(&never);
    timer_set(&again, clock_ns() + MS, once_more);
    while (again_fired < AGAIN)
        thread_yield();
    timer_cancel(&again);
    n = again_fired;
    thread_sleep_until(clock_ns() + (uint64_t)20 * MS);
    expect(again_fired == n, "not any more, once it is cancelled");
}

/* ---- without threads ---- */

static volatile bool told;

static void
timer_of_a_context(void *argument)
{
    static struct timer own;

    (void)argument;
    timer_set(&own, clock_ns() + MS, note);
    for (;;)
        told = fired != 0;
}

static void
unthreaded(void)
{
    struct context *c;
    uint64_t begin, n;

    expect(late(clock_ns() + (uint64_t)2 * MS) < (uint64_t)3 * MS, "while we run");
    expect(late(0) < MS, "at 0: at once");
    begin = clock_ns();
    fired = 0;
    timer_set(&zero, begin + (uint64_t)2 * MS, note);
    clock_sleep_until(begin + (uint64_t)9 * MS);
    expect(clock_ns() >= begin + (uint64_t)9 * MS, "a sleep is as long as ever");
    expect(fired && fired < begin + (uint64_t)3 * MS, "while we sleep");
    timer_set(&zero, clock_ns() + (uint64_t)9 * MS, note);
    fired = 0;
    clock_sleep_until(clock_ns() + (uint64_t)2 * MS);
    expect(!fired, "not yet");
    while (!fired && clock_ns() < begin + (uint64_t)200 * MS)
        __builtin_ia32_pause();
    expect(fired && fired < begin + (uint64_t)30 * MS, "and after a sleep");
    timer_set(&again, clock_ns() + MS, once_more);
    clock_sleep_until(clock_ns() + (uint64_t)10 * MS);
    timer_cancel(&again);
    n = again_fired;
    expect(n >= 8, "again and again");
    clock_sleep_until(clock_ns() + (uint64_t)5 * MS);
    expect(again_fired == n, "not any more, once it is cancelled");
    fired = 0;
    c = context_add(timer_of_a_context, NULL);
    if (!c)
        fail("no context");
    fine(context_place(c, 0, MS), "a slice");
    while (!told && clock_ns() < begin + (uint64_t)400 * MS)
        call_yield(SLOT_NOTHING);
    expect(told, "on another context");
    fine(context_stop(c), "context_stop");
    fine(context_remove(c), "context_remove");
}

/* ---- before there are threads ---- */

static void
take_and_drop(void *mutex)
{
    mutex_take(mutex);
    mutex_drop(mutex);
}

static void
early(void)
{
    static uint64_t words[2];
    struct semaphore s;
    struct mutex m;
    struct condition c;
    uint64_t begin = clock_ns(), fs;
    struct thread *t;

    semaphore_init(&s, 1);
    semaphore_wait(&s);
    expect(!semaphore_wait_until(&s, begin + (uint64_t)2 * MS), "a wait that ends by its time");
    thread_sleep_until(begin + (uint64_t)4 * MS);
    expect(clock_ns() >= begin + (uint64_t)4 * MS, "not before");
    thread_yield();
    mutex_init(&m);
    condition_init(&c, &m);
    mutex_take(&m);
    expect(!condition_wait_until(&c, clock_ns() + MS), "nobody signals");
    mutex_drop(&m);
    mutex_take(&m);
    thread_fs_set((uintptr_t)words);
    t = thread_start(take_and_drop, &m);
    thread_yield();
    __asm__("rdfsbase %0" : "=r"(fs));
    expect(fs == (uintptr_t)words, "fs of who was there before");
    mutex_drop(&m);
    thread_join(t);
}

/* ---- memory ---- */

static void
pool(void)
{
    uint64_t n = (uint64_t)HELD_PAGES * FRAME_BYTES / sizeof(uint64_t), got = 0;
    uint64_t *frames = malloc(n * sizeof(uint64_t));

    while (got < n)
        got += (uint64_t)fine(pool_take(&exo_pool, frames + got, n - got), "pool_take");
    for (uint64_t i = 0; i < n; i++)
        fine(pool_give(&exo_pool, frames[i], 1), "pool_give");
    free(frames);
}

static uint64_t rooms[WORKERS][ROOMS];
static uint32_t arrived;

static void
room_taker(void *argument)
{
    uint64_t *own = argument;

    __atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < WORKERS)
        __builtin_ia32_pause();
    for (uint64_t i = 0; i < ROOMS; i++)
        own[i] = room_take(1);
    call_context_exit(0);
}

/* No two were given the same page. */
static void
room(void)
{
    struct context *c[WORKERS];
    static uint8_t taken[WORKERS * ROOMS + WORKERS * 500];
    uint64_t first = room_take(1);

    for (uint64_t i = 0; i < WORKERS; i++) {
        memset(rooms[i], 0, sizeof(rooms[i]));
        c[i] = context_add(room_taker, rooms[i]);
        if (!c[i] || context_place(c[i], (uint32_t)i % cpu_count(), (uint64_t)2 * MS))
            fail("no context");
    }
    for (uint64_t i = 0; i < WORKERS; i++)
        while (!context_stopped(c[i]))
            clock_sleep_until(clock_ns() + MS);
    for (uint64_t i = 0; i < WORKERS; i++)
        for (uint64_t k = 0; k < ROOMS; k++) {
            uint64_t at = (rooms[i][k] - first) / FRAME_BYTES;

            expect(at < sizeof(taken) && !taken[at]++, "addresses are given once");
        }
}

static void
idle(void *argument)
{
    (void)argument;
    call_context_exit(0);
}

static void
memory(void)
{
    enum { SOME = 12, TRIES = 4, TABLES = 8 };
    static uint64_t frames[1 << 14];
    uint64_t n = 0, before, after[TRIES];
    struct context *c;

    memset(frames, 0, sizeof(frames));
    while (pool_take(&exo_pool, &frames[n], 1) == 1)
        n++;
    expect(n > SOME && account_told(SLOT_ACCOUNT).used_frames == exo_start_page->limit_frames,
           "frames up to the limit");
    for (uint64_t i = 0; i < SOME; i++)
        pool_give(&exo_pool, frames[--n], 1);
    before = account_told(SLOT_ACCOUNT).used_frames;
    for (uint64_t i = 0; i < TRIES; i++) {
        expect(!context_add(idle, NULL), "no memory for a context");
        pool_close(&exo_pool);
        after[i] = account_told(SLOT_ACCOUNT).used_frames;
    }
    say("%lu frames held, then %lu, at last %lu", before, after[0], after[TRIES - 1]);
    expect(after[0] <= before + TABLES && after[TRIES - 1] == after[0], "nothing is left of it");
    while (n > 0)
        pool_give(&exo_pool, frames[--n], 1);
    c = context_add(idle, NULL);
    expect(c != NULL, "with memory there is one");
    fine(context_place(c, 0, (uint64_t)2 * MS), "a slice");
    while (!context_stopped(c))
        call_yield(SLOT_NOTHING);
}

/* ---- the end ---- */

static uint64_t
deep(uint64_t n)
{
    volatile uint8_t space[1000];

    space[0] = (uint8_t)n;
    return n ? deep(n - 1) + space[0] : space[0];
}

static upcall_handler *fault_before;

static void
on_fault(struct save_area *save)
{
    if (context_here()->page.depth > 1)
        fault_before(save);
    (void)deep(30);
    fail("a handler had more stack than there is");
}

static void
stack(void)
{
    fault_before = exo_on_fault;
    exo_on_fault = on_fault;
    *(volatile uint8_t *)(uintptr_t)argument_number(1, 8) = 1;
}

static void
ends_with(void *mutex)
{
    mutex_take(mutex);
}

static void
holder(void)
{
    struct mutex m;

    mutex_init(&m);
    thread_join(thread_start(ends_with, &m));
    mutex_take(&m);
    fail("a mutex of nobody's");
}

/* ---- the host's signals, and output that it does not take ---- */

static void
on_signals_asleep(uint64_t set)
{
    say("signals %lx", set);
    exo_exit(3);
}

static void
asleep(void)
{
    exo_on_signals = on_signals_asleep;
    say("asleep");
    clock_sleep_until(clock_ns() + (uint64_t)100000 * MS);
}

static void
writer(void *argument)
{
    (void)argument;
    for (uint64_t i = 0; i < LINES; i++)
        say("line %lu of many, each of some length so that it takes no long time", i);
    thread_sleep_until(clock_ns() + (uint64_t)100000 * MS);
}

static void
last_words(void *argument)
{
    (void)argument;
    say("done by a thread");
    exo_exit(3);
}

/* Comes while a thread waits for the host to read, and the context has nothing to run. */
static void
on_signals(uint64_t set)
{
    print("signals %lx\n", set);
    expect(thread_start(last_words, NULL) != NULL, "a thread");
}

static void
signals(void)
{
    exo_on_signals = on_signals;
    report_line(&exo_console, "ready");
    thread_join(thread_start(writer, NULL));
}

static int
told_fault(const struct region *r, uint64_t va, uint32_t need)
{
    print("fault of page %lu\n", (va - r->start) / FRAME_BYTES);
    return region_bring(r, va, need);
}

static void
toucher(void *argument)
{
    enum { PAGES = 300 };
    uint64_t va = region_reserve(PAGES, FRAME_BYTES, MAP_READ | MAP_WRITE, told_fault, argument);

    for (uint64_t i = 0; i < PAGES; i++) {
        *(volatile uint64_t *)(va + i * FRAME_BYTES) = i;
        print("touched %lu of %lu\n", i, (uint64_t)(uintptr_t)argument);
    }
}

static void
faults(void)
{
    struct thread *t[WORKERS];

    for (uint64_t i = 0; i < WORKERS; i++)
        t[i] = thread_start(toucher, (void *)i);
    for (uint64_t i = 0; i < WORKERS; i++)
        thread_join(t[i]);
}

/* A thread that holds a lock cannot be put off: what it has to say is said all the same. */
static void
misuser(void *argument)
{
    static struct lock lock;

    thread_sleep_until(clock_ns() + (uint64_t)3000 * MS); /* the writer waits by now */
    lock_take(&lock);
    lock_take(argument ? argument : &lock);
}

static void
stuck(void)
{
    (void)thread_start(writer, NULL);
    (void)thread_start(misuser, NULL);
    report_line(&exo_console, "ready");
    for (;;) /* never gives way by itself */
        __asm__ volatile("pause");
}

/* Others run meanwhile, and after us, so that each slice ends. */
static void
begins(void)
{
    uint64_t begin = clock_ns(), now = begin, before;

    do {
        before = now;
        now = clock_ns();
    } while (now - before < AWAY_NS);
    now += exo_start_page->slice_ns - argument_number(1, 0);
    while (clock_ns() < now)
        ;
    thread_join(thread_start(nothing, NULL));
    while (clock_ns() < begin + (uint64_t)100 * MS)
        ;
}

static const struct {
    const char *name;
    void (*run)(void);
} corners[] = {{"timers", timers}, {"unthreaded", unthreaded}, {"early", early},
               {"pool", pool},     {"begins", begins},         {"room", room},
               {"memory", memory}, {"stack", stack},           {"holder", holder},
               {"asleep", asleep}, {"signals", signals},       {"faults", faults},
               {"stuck", stuck}};

int
exo_main(const struct start_page *start)
{
    (void)start;
    for (size_t i = 0; i < sizeof(corners) / sizeof(corners[0]); i++)
        if (strcmp(corners[i].name, argument(0)) == 0) {
            corners[i].run();
            return done();
        }
    fail("no such corner");
}
