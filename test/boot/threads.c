/* SPDX-License-Identifier: MIT */
/*
 * threads.c - threads of libos/exo: as many as one likes, preempted with all their registers, woken
 * in order and in time; what they used comes back.
 * Argument `deep`: a thread runs off its stack, which must be the end. `time`: those that wait for
 * the clock, where it counts instructions, for a thread may be preempted just as it wakes. `slow`:
 * a machine so slow that each handler of an event is interrupted by the next event. `spread`: the
 * same on a context for each processor and one more, with threads that begin and end all over them;
 * `spread exit`, `spread fault`: one ends all from another context than the first. `shares`: what
 * those get that never give way, where the clock counts instructions; `shares spread` likewise.
 */
#include "abi/account.h"
#include "test/boot/kit.h"

enum {
    MANY = 20000,
    HOGS = 4,
    HOGS_SPREAD = 11,
    WORK = 1000, /* of one of many, on several contexts */
    HOG_STEPS = 300,
    SLEEPERS = 50,
    ITEMS = 20000,
    MS = 1000 * 1000,
    DEEP_BYTES = 40000,
};

static uint64_t
frames_used(void)
{
    struct account_state state = {0};

    fine(call_account_read(SLOT_ACCOUNT, (uintptr_t)&state).value, "account_read");
    return state.used_frames;
}

static struct semaphore gate, passed;
static uint64_t sum, ran[CONTEXTS_MAX], work;

static void
one_of_many(void *argument)
{
    semaphore_wait(&gate);
    for (uint64_t i = 0; i < work; i++)
        __asm__ volatile("");
    __atomic_fetch_add(&ran[context_here()->index], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&sum, (uintptr_t)argument, __ATOMIC_RELAXED);
    semaphore_post(&passed);
}

/* All stand at the gate at once; each costs a page. */
static void
many(void)
{
    static struct thread *threads[MANY];
    uint64_t before = frames_used(), used;

    semaphore_init(&gate, 0);
    semaphore_init(&passed, 0);
    for (uint64_t i = 0; i < MANY; i++) {
        threads[i] = thread_start(one_of_many, (void *)i);
        expect(threads[i] != NULL, "a thread");
        if (i % 100 == 99)
            thread_yield();
    }
    while (__atomic_load_n(&gate.count, __ATOMIC_RELAXED) > -MANY) /* all wait */
        thread_yield();
    used = frames_used() - before;
    say("%u threads wait, in %lu frames", (unsigned)MANY, used);
    expect(used < MANY + MANY / 10, "a page each");
    for (uint64_t i = 0; i < MANY; i++)
        semaphore_post(&gate);
    for (uint64_t i = 0; i < MANY; i++)
        semaphore_wait(&passed);
    expect(sum == (uint64_t)MANY * (MANY - 1) / 2, "each once");
    for (uint64_t i = 0; i < MANY; i++)
        thread_join(threads[i]);
    used = frames_used();
    for (uint64_t i = 0; i < MANY; i++) {
        threads[i] = thread_start(one_of_many, NULL);
        semaphore_post(&gate);
    }
    for (uint64_t i = 0; i < MANY; i++)
        thread_join(threads[i]);
    /* But for who was preempted where a stack was deeper than before; and frames come in batches. */
    expect(frames_used() <= used + MANY / 100, "their stacks serve again");
    sum = 0;
}

static volatile uint64_t progress[HOGS_SPREAD],
    places[HOGS_SPREAD]; /* contexts that it was on, 1 << index */
static volatile bool stop;

/*
 * Never gives way by itself. Keeps numbers of its own in general and vector registers for a while,
 * and looks whether they are still there.
 */
static void
hog(void *argument)
{
    uint64_t self = (uintptr_t)argument, wrong;

    thread_fs_set((uintptr_t)&progress[self]);
    while (!stop && (self > 0 || progress[0] < HOG_STEPS)) {
        __asm__ volatile("movq %[self], %%xmm0\n\tmovq %[self], %%xmm15\n\t"
                         "mov %[self], %%r8\n\tmov %[self], %%r15\n\tmov $200000, %%ecx\n"
                         "1:\tdec %%ecx\n\tjnz 1b\n\t"
                         "movq %%xmm0, %%rax\n\tmovq %%xmm15, %%rdx\n\t"
                         "xor %[self], %%rax\n\txor %[self], %%rdx\n\txor %[self], %%r8\n\t"
                         "xor %[self], %%r15\n\tor %%rdx, %%rax\n\tor %%r8, %%rax\n\t"
                         "or %%r15, %%rax"
                         : "=&a"(wrong)
                         : [self] "S"(self)
                         : "rcx", "rdx", "r8", "r15", "cc");
        hold(wrong == 0, "registers across a preemption");
        __asm__ volatile("incq %%fs:0" ::: "memory", "cc");
        places[self] |= 1u << context_here()->index;
    }
}

/* Each has at least so many permille of what another has. */
static void
hogs(uint64_t n, uint64_t permille)
{
    struct thread *threads[HOGS_SPREAD];
    uint64_t least = UINT64_MAX, most = 0;

    for (uint64_t i = 0; i < n; i++)
        threads[i] = thread_start(hog, (void *)i);
    thread_join(threads[0]);
    stop = true;
    for (uint64_t i = 0; i < n; i++) {
        least = progress[i] < least ? progress[i] : least;
        most = progress[i] > most ? progress[i] : most;
        if (i > 0)
            thread_join(threads[i]);
    }
    say("hogs got %lu to %lu steps", least, most);
    expect(least * 1000 > most * permille, "hogs share");
}

/* ---- time ---- */

static uint64_t woken[SLEEPERS], n_woken, night_ns;

static void
sleeper(void *argument)
{
    uint64_t i = (uintptr_t)argument, until = night_ns + (5 + i * 37 % SLEEPERS * 4) * MS;

    thread_sleep_until(until);
    expect(clock_ns() >= until, "not before its time");
    woken[n_woken++] = i * 37 % SLEEPERS;
}

static void
sleepers(void)
{
    struct thread *threads[SLEEPERS];
    uint64_t disorder = 0;

    night_ns = clock_ns() + (uint64_t)20 * MS;
    for (uint64_t i = 0; i < SLEEPERS; i++)
        threads[i] = thread_start(sleeper, (void *)i);
    for (uint64_t i = 0; i < SLEEPERS; i++)
        thread_join(threads[i]);
    for (uint64_t i = 1; i < SLEEPERS; i++)
        disorder += woken[i] < woken[i - 1];
    expect(n_woken == SLEEPERS && disorder == 0, "in the order of their times");
    expect(clock_ns() >= night_ns + (uint64_t)(5 + (SLEEPERS - 1) * 4) * MS, "and at them");
}

/* The same without an order, which several contexts cannot keep. */
static void
late_sleeper(void *argument)
{
    uint64_t until = clock_ns() + (1 + (uintptr_t)argument * 37 % SLEEPERS) * MS;
    struct semaphore never;

    semaphore_init(&never, 0);
    expect(!semaphore_wait_until(&never, until), "nobody posts");
    expect(clock_ns() >= until, "not before its time");
}

static void
sleepers_any(void)
{
    struct thread *threads[SLEEPERS];

    for (uint64_t i = 0; i < SLEEPERS; i++)
        threads[i] = thread_start(late_sleeper, (void *)i);
    for (uint64_t i = 0; i < SLEEPERS; i++)
        thread_join(threads[i]);
}

static void
post_later(void *argument)
{
    clock_sleep_until(clock_ns() + (uint64_t)20 * MS);
    semaphore_post(argument);
}

static void
timed_waits(void)
{
    struct semaphore s;
    struct thread *t;
    uint64_t begin = clock_ns();

    semaphore_init(&s, 1);
    expect(semaphore_wait_until(&s, begin), "what is there is taken");
    expect(!semaphore_wait_until(&s, begin + (uint64_t)10 * MS), "what is not is waited for");
    expect(clock_ns() >= begin + (uint64_t)10 * MS, "until the time has passed");
    expect(s.count == 0 && !s.head, "nobody waits any more");
    t = thread_start(post_later, &s);
    expect(semaphore_wait_until(&s, clock_ns() + (uint64_t)5000 * MS), "posted in time");
    expect(!semaphore_try(&s), "once");
    thread_join(t);
}

/* ---- mutex and condition ---- */

static struct mutex mutex;
static struct condition not_empty, not_full;
static uint64_t ring[8], n_ring, n_put, n_got, got_sum;

static void
put(void *argument)
{
    (void)argument;
    for (;;) {
        mutex_take(&mutex);
        while (n_ring == 8)
            condition_wait(&not_full);
        if (n_put == ITEMS) {
            condition_signal(&not_full);
            mutex_drop(&mutex);
            return;
        }
        ring[(n_got + n_ring++) % 8] = n_put++;
        if (n_put % 97 == 0)
            thread_yield();
        condition_signal(&not_empty);
        mutex_drop(&mutex);
    }
}

static void
get(void *argument)
{
    (void)argument;
    for (;;) {
        mutex_take(&mutex);
        while (n_ring == 0 && n_got < ITEMS)
            condition_wait(&not_empty);
        if (n_got == ITEMS) {
            condition_broadcast(&not_empty);
            mutex_drop(&mutex);
            return;
        }
        expect(ring[n_got % 8] == n_got, "in order");
        got_sum += ring[n_got++ % 8];
        n_ring--;
        condition_signal(&not_full);
        mutex_drop(&mutex);
    }
}

static void
through_a_ring(void)
{
    struct thread *threads[6];
    bool woken_in_time;

    mutex_init(&mutex);
    condition_init(&not_empty, &mutex);
    condition_init(&not_full, &mutex);
    mutex_take(&mutex);
    woken_in_time = condition_wait_until(&not_empty, clock_ns() + (uint64_t)5 * MS);
    expect(!woken_in_time && !not_empty.first, "a condition that does not come");
    mutex_drop(&mutex);
    for (uint64_t i = 0; i < 6; i++)
        threads[i] = thread_start(i % 2 ? put : get, NULL);
    for (uint64_t i = 0; i < 6; i++)
        thread_join(threads[i]);
    expect(got_sum == (uint64_t)ITEMS * (ITEMS - 1) / 2, "all items went through");
}

/* ---- events upon events ---- */

static upcall_handler *event_inner;
static uint32_t deepest;
static volatile bool turned;

static void
spin_until(uint64_t ns)
{
    while (clock_ns() < ns)
        ;
}

static void
slow_event(struct save_area *save)
{
    uint32_t depth = context_here()->page.depth;

    deepest = depth > deepest ? depth : deepest;
    event_inner(save);
    spin_until(clock_ns() + MS / 5);
}

static int
slow_fault(const struct region *r, uint64_t va, uint32_t need)
{
    spin_until(clock_ns() + (uint64_t)8 * MS);
    return region_bring(r, va, need);
}

static void
turn(void *argument)
{
    (void)argument;
    turned = true;
}

/* Events come while a fault is handled, and again while they are: none may be the last. */
static void
nested(void)
{
    volatile uint8_t *slow;
    struct thread *t = thread_start(turn, NULL);

    thread_join(t);
    turned = false;
    event_inner = exo_on_event;
    exo_on_event = slow_event;
    slow =
        (volatile uint8_t *)region_reserve(1, FRAME_BYTES, MAP_READ | MAP_WRITE, slow_fault, NULL);
    t = thread_start(turn, NULL);
    *slow = 1;
    say("events up to %u deep", (unsigned)deepest);
    expect(deepest > 1, "an event in the handler of a fault");
    while (!turned)
        __builtin_ia32_pause();
    exo_on_event = event_inner;
    thread_join(t);
}

/* ---- events on the way to a thread ---- */

enum { TURNS = 20, OWN_WORDS = 32 };

static volatile bool enough;
static uint32_t on_the_way;

/* Gives way by force alone, and looks at what lies on its stack. */
static void
keeper(void *argument)
{
    volatile uint64_t own[OWN_WORDS];

    for (uint64_t i = 0; i < OWN_WORDS; i++)
        own[i] = i * (uintptr_t)argument;
    while (!enough)
        for (uint64_t i = 0; i < OWN_WORDS; i++)
            hold(own[i] == i * (uintptr_t)argument, "the stack of who was preempted");
}

static void
counted_event(struct save_area *save)
{
    on_the_way += save == &context_here()->page.save[0];
    event_inner(save);
}

/*
 * One that was preempted is gone on with by one that waits, while an event is pending: it is handled
 * before its registers are all back, on a stack that is nobody's.
 */
static void
pending_on_the_way(void)
{
    struct thread *t = thread_start(keeper, (void *)0x12345);
    uint32_t met = 0;

    event_inner = exo_on_event;
    exo_on_event = counted_event;
    for (uint32_t tries = 0; met < TURNS; tries++) {
        uint32_t before = on_the_way;

        expect(tries < 10 * TURNS, "one that is preempted");
        if (t->rsp != (uintptr_t)t->preempted) {
            thread_yield();
            continue;
        }
        __atomic_fetch_or(&context_here()->page.pending, PAGE_EVENT, __ATOMIC_SEQ_CST);
        thread_yield();
        met += on_the_way > before;
    }
    enough = true;
    thread_join(t);
    exo_on_event = event_inner;
}

/* ---- on several contexts ---- */

enum { STARTERS = 8, STARTED = 300 };

static void
nothing(void *argument)
{
    __atomic_fetch_add((uint64_t *)argument, 1, __ATOMIC_RELAXED);
}

/* Begins threads and waits for their ends, which come on whatever context. */
static void
starter(void *argument)
{
    for (uint64_t i = 0; i < STARTED; i++) {
        struct thread *t = thread_start(nothing, argument);

        expect(t != NULL, "a thread");
        if (i % 3 == 0)
            thread_yield();
        thread_join(t);
    }
}

static void
starters(void)
{
    static uint64_t n;
    struct thread *threads[STARTERS];

    for (uint64_t i = 0; i < STARTERS; i++)
        threads[i] = thread_start(starter, &n);
    for (uint64_t i = 0; i < STARTERS; i++)
        thread_join(threads[i]);
    expect(n == (uint64_t)STARTERS * STARTED, "each ran once");
}

static volatile bool there;
static volatile uintptr_t wild = 8;

/* Runs until it is on another context than the first, and ends all there. */
static void
end_elsewhere(void *argument)
{
    while (context_here()->index == 0)
        if (!there)
            __builtin_ia32_pause();
    if (argument)
        *(volatile uint8_t *)wild = 1;
    exo_exit(7);
}

static void
elsewhere(bool faults)
{
    struct thread *t = thread_start(end_elsewhere, (void *)(uintptr_t)faults);

    (void)thread_start(end_elsewhere, (void *)(uintptr_t)faults);
    thread_join(t);
    fail("it came back");
}

static void
spread(void)
{
    uint32_t n = cpu_count() + 1;

    fine(threads_spread(n), "threads_spread");
    if (argument(1)[0])
        elsewhere(argument(1)[0] == 'f');
    work = WORK;
    many();
    for (uint32_t i = 0; i < n; i++)
        say("context %u ran %lu of them", i, ran[i]);
    hogs(HOGS_SPREAD, 0);
    for (uint64_t i = 1; i < HOGS_SPREAD; i++)
        places[0] |= places[i];
    expect(places[0] == (1u << n) - 1, "hogs were everywhere");
    through_a_ring();
    starters();
    sleepers_any();
}

static void
shares(bool everywhere)
{
    if (everywhere)
        fine(threads_spread(cpu_count() + 1), "threads_spread");
    hogs(everywhere ? HOGS_SPREAD : HOGS, 333);
}

static void
deep(void *argument)
{
    volatile uint8_t *space = __builtin_alloca(DEEP_BYTES);

    space[0] = (uint8_t)(uintptr_t)argument;
    if (argument)
        deep(argument);
    expect(space[0] == 0, "a deep stack");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    thread_join(thread_start(deep, NULL));
    if (argument(0)[0] == 'd')
        thread_join(thread_start(deep, (void *)1));
    if (argument(0)[0] == 't') {
        sleepers();
        timed_waits();
        return done();
    }
    if (argument(0)[0] == 's' && argument(0)[1] == 'h') {
        shares(argument(1)[0]);
        return done();
    }
    if (argument(0)[0] == 's' && argument(0)[1] == 'p') {
        spread();
        return done();
    }
    if (argument(0)[0] == 's') {
        nested();
        return done();
    }
    many();
    hogs(HOGS, 0);
    pending_on_the_way();
    through_a_ring();
    return done();
}
