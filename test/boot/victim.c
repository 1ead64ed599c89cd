/* SPDX-License-Identifier: MIT */
/*
 * victim.c - the partition beside every attacker: it computes, keeps memory and registers, sleeps
 * and wakes, and says each round that all is as it left it. What it prints is known beforehand.
 * Arguments: rounds of 10 ms (20); then, where the clock counts instructions, how many permille of
 * the processor its slices promise it, and on how many processors. Then it does not sleep but works,
 * and has at least 95 % of that: on one processor from each beginning of a slice of its own to that
 * of the next; on several in all, for an emulator of one thread runs them in turn, and what the
 * others' turns cost falls on whose slice it is, until the next.
 */
#include "test/boot/kit.h"
#include "test/boot/vectors.h"

enum {
    PAGES = 32,
    WORDS = PAGES * FRAME_BYTES / 8,
    ROUNDS = 20,
    ROUND_NS = 10 * 1000 * 1000,
    FLAGS_FOREIGN = 0x244500,
    SLICE_LEAST_NS = 1000 * 1000,
    ALONE_NS = 50 * 1000 * 1000, /* so long nobody else wants the processor */
    KEPT_PERCENT = 95,
    PAUSE_LOOKS = 1000,
};

static uint64_t memory[WORDS];
static uint64_t looks, least = 1000, had_cycles, all_cycles;

static uint64_t
next(uint64_t x)
{
    return x * 6364136223846793005u + 1442695040888963407u;
}

static void
memory_fill(uint64_t seed)
{
    for (uint64_t i = 0; i < WORDS; i++)
        memory[i] = seed = next(seed);
}

static bool
memory_whole(uint64_t seed)
{
    for (uint64_t i = 0; i < WORDS; i++)
        if (memory[i] != (seed = next(seed)))
            return false;
    return true;
}

/* ID AC NT DF TF, segment and vector registers are what nobody but us has set. */
static bool
processor_clean(void)
{
    uint64_t flags;
    uint16_t ds, es, fs, gs;

    __asm__ volatile("pushfq\n\tpop %0" : "=r"(flags));
    __asm__ volatile("mov %%ds, %0\n\tmov %%es, %1\n\tmov %%fs, %2\n\tmov %%gs, %3"
                     : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
    return !(flags & FLAGS_FOREIGN) && !ds && !es && !fs && !gs && vectors_clean();
}

/*
 * Until a slice of ours begins, behind one of another's: who is woken and at once sleeps again takes
 * none, nor does another processor, which an emulator of one thread lets on when we pause. False:
 * nobody else had one for long.
 */
static bool
slice_awaited(uint64_t *charged, uint64_t *counter)
{
    const volatile struct upcall_page *page = &exo_upcall_page;
    uint64_t on = page->on_since, now = clock_ns(), end = now + ALONE_NS, last, last_on, n = 0;

    do {
        if (++n % PAUSE_LOOKS == 0)
            __builtin_ia32_pause();
        last_on = on;
        last = now;
        on = page->on_since;
        now = clock_ns();
        if (now > end)
            return false;
    } while (now - last < SLICE_LEAST_NS || page->on_since == last_on);
    *charged = page->charged_cycles;
    *counter = clock_counter();
    return true;
}

/* What we had of the processor from the begin of one slice to that of the next, in permille. */
static void
share_look(void)
{
    uint64_t charged[2], counter[2], got;

    if (!slice_awaited(&charged[0], &counter[0]) || !slice_awaited(&charged[1], &counter[1]))
        return; /* nobody else runs */
    had_cycles += charged[1] - charged[0];
    all_cycles += counter[1] - counter[0];
    got = (charged[1] - charged[0]) * 1000 / (counter[1] - counter[0]);
    least = got < least ? got : least;
    looks++;
}

static void
share_judge(uint64_t promised, uint64_t cpus)
{
    uint64_t got = cpus > 1 && looks ? had_cycles * 1000 / all_cycles : least;

    if (got * 100 < promised * KEPT_PERCENT)
        breach("victim: %lu permille of the processor, of %lu", got, promised);
    say("victim had %lu permille at least, in %lu looks", got, looks);
}

int
exo_main(const struct start_page *start)
{
    uint64_t rounds = argument_number(0, ROUNDS), promised = argument_number(1, 0);
    uint64_t cpus = argument_number(2, 1), seed = 1;

    (void)start;
    memory_fill(seed);
    for (uint64_t i = 0; i < rounds; i++) {
        if (promised)
            share_look();
        else
            clock_sleep_until(clock_ns() + ROUND_NS);
        if (!memory_whole(seed))
            breach("victim: memory has changed");
        if (!processor_clean())
            breach("victim: registers have changed: %s",
                   vectors_unclean() ? vectors_unclean() : "segments or flags");
        memory_fill(seed = next(seed));
        say("victim %lu %lx", i, seed);
    }
    if (promised)
        share_judge(promised, cpus);
    say("victim whole");
    return 0;
}
