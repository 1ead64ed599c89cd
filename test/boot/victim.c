/* SPDX-License-Identifier: MIT */
/*
 * victim.c - the partition beside every attacker: it computes, keeps memory and registers, sleeps
 * and wakes, and says each round that all is as it left it. What it prints is known beforehand.
 * Argument: rounds of 10 ms (20).
 */
#include "test/boot/kit.h"
#include "test/boot/vectors.h"

enum {
    PAGES = 32,
    WORDS = PAGES * FRAME_BYTES / 8,
    ROUNDS = 20,
    ROUND_NS = 10 * 1000 * 1000,
    FLAGS_FOREIGN = 0x244500
};

static uint64_t memory[WORDS];

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

int
exo_main(const struct start_page *start)
{
    uint64_t rounds = argument_number(0, ROUNDS), seed = 1;

    (void)start;
    memory_fill(seed);
    for (uint64_t i = 0; i < rounds; i++) {
        clock_sleep_until(clock_ns() + ROUND_NS);
        if (!memory_whole(seed))
            breach("victim: memory has changed");
        if (!processor_clean())
            breach("victim: registers have changed: %s",
                   vectors_unclean() ? vectors_unclean() : "segments or flags");
        memory_fill(seed = next(seed));
        say("victim %lu %lx", i, seed);
    }
    say("victim whole");
    return 0;
}
