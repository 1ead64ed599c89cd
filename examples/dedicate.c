/* SPDX-License-Identifier: MIT */
/*
 * dedicate.c - a processor without interrupts: the whole vector of one names a single context, and
 * so nothing of the kernel's happens there until that context asks for it.
 *
 * A loop of fixed work is timed again and again by the cycle counter; what a turn takes beyond the
 * shortest is noise: somebody else had the processor. First we share the processor with a second
 * context of ours, slice by slice, then it is ours alone. Times of an emulated processor hold its
 * host's noise as well; what does not are the interrupts that the kernel counts, and how often it
 * put us on, which the upcall page shows. Argument: milliseconds of each part, 1000 unless told.
 * Source: fixed-work quantum benchmark, as in Petrini, Kerbyson, Pakin, SC '03; slices, Engler,
 * Kaashoek, O'Toole, SOSP '95.
 */
#include "abi/cap.h"
#include "abi/slice.h"
#include "lib/string.h"
#include "lib/words.h"
#include "libos/exo/exo.h"
#include "call_stubs.h"

enum {
    WORK = 2000,  /* turns of the loop that is timed */
    BUCKETS = 24, /* bucket b: 2^b .. 2^(b+1) - 1 nanoseconds beyond the shortest; 0: less than 2 */
    SAMPLES = 1 << 20,       /* at most */
    SHARED_NS = 1000 * 1000, /* a slice where there are two */
    NS_PER_MS = 1000 * 1000,
    MS_MAX = 60 * 1000,
    WARM_NS = 50 * NS_PER_MS, /* what was asked for before is over */
    NS_PER_S = 1000 * NS_PER_MS,
};

struct noise {
    uint64_t loops, shortest, longest; /* cycles */
    uint64_t bucket[BUCKETS];
    uint64_t interrupts; /* that the processor took meanwhile */
    uint64_t switches;   /* how often we were put on it */
};

static uint64_t *samples;
static uint32_t cpu;

/* The fixed work; cycles that it took. */
static uint64_t
loop_time(void)
{
    uint64_t from = clock_counter_behind();

    for (uint32_t i = 0; i < WORK; i++)
        __asm__ volatile("" ::"r"(i));
    return clock_counter_behind() - from;
}

static uint64_t
interrupts(void)
{
    struct slice_state state = {0};

    call_slice_read(SLOT_ACCOUNT, cpu, (uint32_t)exo_start_page->position, (uintptr_t)&state);
    return state.interrupts;
}

static uint32_t
bucket_of(uint64_t ns)
{
    uint32_t b = 0;

    while (ns > 1 && b < BUCKETS - 1) {
        ns >>= 1;
        b++;
    }
    return b;
}

/* Work for so long, and sort what each loop took by how much longer it was than the shortest. */
static struct noise
noise_measure(uint64_t ns)
{
    const volatile uint64_t *on_since = &exo_upcall_page.on_since;
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;
    struct noise n = {.shortest = UINT64_MAX};
    uint64_t end, since;

    end = clock_ns() + WARM_NS;
    while (clock_ns() < end)
        loop_time();
    n.interrupts = interrupts();
    end = clock_ns() + ns;
    since = *on_since;
    while (n.loops < SAMPLES && clock_ns() < end) {
        uint64_t took = samples[n.loops++] = loop_time();
        n.shortest = took < n.shortest ? took : n.shortest;
        n.longest = took > n.longest ? took : n.longest;
        n.switches += *on_since != since;
        since = *on_since;
    }
    n.interrupts = interrupts() - n.interrupts;
    for (uint64_t i = 0; i < n.loops; i++)
        n.bucket[bucket_of((samples[i] - n.shortest) * NS_PER_S / machine->counter_hz)]++;
    return n;
}

static void
noise_say(const char *where, const struct noise *n)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;

    print("%s: %lu loops, the shortest %lu ns, the longest %lu ns; %lu interrupts, put on %lu "
          "times\n",
          where, n->loops, n->shortest * NS_PER_S / machine->counter_hz,
          n->longest * NS_PER_S / machine->counter_hz, n->interrupts, n->switches);
    for (uint32_t b = 0; b < BUCKETS; b++)
        if (n->bucket[b])
            print("  %8lu ns more or above: %lu\n", b ? (uint64_t)1 << b : 0, n->bucket[b]);
}

static void
neighbour(void *argument)
{
    (void)argument;
    for (;;)
        __asm__ volatile("pause");
}

/* Beside a context that is as busy, on the same processor; it is gone afterwards. */
static int
shared(uint64_t ns)
{
    struct context *c = context_add(neighbour, NULL);
    struct noise n;
    int error = c ? context_place(c, cpu, SHARED_NS) : -E_NOMEM;

    if (error)
        return error;
    n = noise_measure(ns);
    noise_say("shared", &n);
    error = context_stop(c);
    return error ? error : context_remove(c);
}

int
exo_main(const struct start_page *start)
{
    uint64_t ms = 1000;
    const char *word = argument_at(1);
    struct noise n;

    if (print_usage(1, "[MILLISECONDS]"))
        return 2;
    if (*word && (number_decimal((struct word){word, strlen(word)}, &ms) || !ms || ms > MS_MAX))
        return console_print("dedicate: how many milliseconds, 1 to 60000?\n"), 1;
    cpu = cpu_count() - 1;
    if (cpu == 0)
        return console_print("dedicate: one processor must stay the others': --cpus 2\n"), 1;
    samples = malloc(SAMPLES * sizeof(*samples));
    if (!samples || processor_keep(cpu) < 0)
        return console_print("dedicate: too little memory: raise the limit (-m)\n"), 1;
    memset(samples, 0, SAMPLES * sizeof(*samples)); /* no page of it comes while time counts */
    call_slice_set(SLOT_ACCOUNT, cpu, (uint32_t)start->position, SLOT_CONTEXT, SLOT_NOTHING,
                   SHARED_NS);
    if (shared(ms * NS_PER_MS))
        return console_print("dedicate: no second context\n"), 1;
    n = noise_measure(ms * NS_PER_MS);
    noise_say("dedicated", &n);
    return 0;
}
