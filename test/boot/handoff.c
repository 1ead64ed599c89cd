/* SPDX-License-Identifier: MIT */
/*
 * handoff.c - two contexts hand a turn to each other by a word of memory (abi/event.h): whoever
 * changes it looks at the frame's count and wakes, the other waits. Each on its own processor where
 * there are two. A wake-up that is lost shows as a sleep of some seconds that only the clock ends.
 * test/model/wait.pml is the model. Arguments: the number of hand-offs, the seed, how many seconds
 * that sleep lasts.
 */
#include <stdatomic.h>
#include "abi/event.h"
#include "test/boot/workers.h"

enum {
    SLOT_WORKER = 60,
    LOST_S = 8,
    EVENTS_CLAUSES = 12,
    SPIN_BITS = 11,
    WAKES_MAX = 100,
    ARRIVAL_LOOKS = 50000,
};
static const uint64_t SECOND_NS = 1000000000;

static struct worker worker;
static _Atomic uint32_t *word; /* whose turn it is: round * 2 + partner */
static uint64_t word_frame, rounds, lost_ns;
static _Atomic uint32_t arrived; /* the turn that its partner has found */
static _Atomic uint64_t slept[2], woken[2], lost;

static uint64_t
draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005 + 1442695040888963407;
    return *seed >> 33;
}

/* So that the look at the word and its change meet in every order. */
static void
dawdle(uint64_t *seed)
{
    uint64_t n = draw(seed) & ((1u << (draw(seed) % SPIN_BITS)) - 1);

    while (n--)
        __asm__ volatile("");
}

static _Atomic uint32_t *
waiters(void)
{
    return (_Atomic uint32_t *)EXPOSED_WAITERS + word_frame;
}

/* Until the word is no longer `seen`. Clauses that never hold make the way to sleep longer. */
static void
turn_await(uint32_t me, uint32_t seen, uint64_t *seed)
{
    struct wait_clause clause[2 + EVENTS_CLAUSES];
    uint32_t n = 0, more = (uint32_t)(draw(seed) % EVENTS_CLAUSES);
    uint64_t begin = clock_ns();

    clause[n++] = (struct wait_clause){
        .slot = SLOT_ACCOUNT, .kind = WAIT_WORD, .where = word_frame << FRAME_SHIFT, .value = seen};
    clause[n++] = (struct wait_clause){.kind = WAIT_CLOCK, .value = begin + lost_ns};
    while (more--)
        clause[n++] = (struct wait_clause){
            .slot = SLOT_EVENTS, .kind = WAIT_EVENT, .where = 20, .value = INT64_MAX};
    while (atomic_load(word) == seen) {
        int64_t r = call_wait((uintptr_t)clause, n).value;
        atomic_fetch_add(&slept[me], 1);
        if (r != 0 && r != -E_INTR && r != 1)
            fail("wait: %ld", (long)r);
        if (clock_ns() - begin >= lost_ns) {
            atomic_fetch_add(&lost, 1);
            return;
        }
    }
}

static void
turn_give(uint32_t me)
{
    atomic_fetch_add(word, 1); /* a fence too: pairs with the kernel's count */
    for (int i = 0; i < WAKES_MAX && atomic_load_explicit(waiters(), memory_order_relaxed); i++) {
        int64_t r = call_wake(SLOT_ACCOUNT, word_frame).value;
        if (r < 0)
            fail("wake: %ld", (long)r);
        atomic_fetch_add(&woken[me], (uint64_t)r);
        if (r < WAKE_MAX)
            break;
    }
}

/* The partner is awake and about to give the turn back: going to sleep now is a race with that. */
static void
arrival_await(uint32_t turn)
{
    for (uint32_t i = 0; i < ARRIVAL_LOOKS && cpu_count() > 1; i++)
        if (atomic_load_explicit(&arrived, memory_order_relaxed) >= turn)
            return;
}

static void
play(uint32_t me, uint64_t seed)
{
    for (uint32_t turn = me; turn < rounds && !atomic_load(&lost); turn += 2) {
        while (atomic_load(word) != turn && !atomic_load(&lost))
            turn_await(me, turn - 1, &seed);
        atomic_store(&arrived, turn);
        dawdle(&seed);
        turn_give(me);
        if (draw(&seed) % 4)
            arrival_await(turn + 1);
        dawdle(&seed);
    }
}

static void
play_second(struct worker *self)
{
    play(1, self->number);
}

int
exo_main(const struct start_page *start)
{
    uint64_t begin, seed;

    (void)start;
    rounds = argument_number(0, 0);
    seed = argument_number(1, 0);
    lost_ns = argument_number(2, LOST_S) * SECOND_NS;
    word = page_new(MAP_READ | MAP_WRITE, &word_frame);
    stay_on(0);
    worker.number = seed + 1;
    begin = clock_ns();
    worker_start(&worker, SLOT_WORKER, cpu_count() > 1, 10000000, play_second);
    play(0, seed);
    hold(!atomic_load(&lost), "a wake-up was lost");
    worker_join(&worker, "the partner");
    hold(atomic_load(&lost) == 0, "a wake-up was lost");
    expect(atomic_load(word) == rounds, "every hand-off");
    expect(atomic_load(waiters()) == 0, "nobody is counted any more");
    say("seed %lu: %lu hand-offs, %lu and %lu sleeps, %lu woken, %lu ms", seed, rounds,
        atomic_load(&slept[0]), atomic_load(&slept[1]),
        atomic_load(&woken[0]) + atomic_load(&woken[1]), (clock_ns() - begin) / 1000000);
    return done();
}
