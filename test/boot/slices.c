/* SPDX-License-Identifier: MIT */
/*
 * slices.c - two of us on one processor, both busy: each gets its share, is told of the begin and
 * the end of each slice, and is taken off when it does not listen. Arguments: what the partition
 * does (`yield` at the end of a slice, `deaf` to it, `interrupted PERMILLE`: yield beside one that is
 * woken, and have that share; `crowd`: one context at hundreds of positions, which yields at once).
 */
#include "abi/slice.h"
#include "test/boot/raw.h"

enum {
    WARM_NS = 30 * 1000 * 1000,
    RUN_NS = 800 * 1000 * 1000,
    TAIL_NS = 100 * 1000 * 1000, /* the other may have begun later */
    SLICES_MIN = 16,             /* of 10 ms, in RUN_NS for two */
    SHARE_MIN_PERMILLE = 475,    /* 95 % of a half */
    DEAF_MIN_PERMILLE = 280,     /* one slice of three */
    DEAF_MAX_PERMILLE = 350,
    END = 1 << UPCALL_SLICE_END,
    CROWD = 500,
    CROWD_FIRST = 400,
};

static volatile uint64_t begins, ends, others;
static bool interrupted;
static uint64_t share_min = SHARE_MIN_PERMILLE;

void
raw_upcall(struct save_area *save, uint64_t kind)
{
    switch (kind) {
    case UPCALL_SLICE_BEGIN:
        begins++;
        break;
    case UPCALL_SLICE_END:
        ends++;
        call_yield(SLOT_NOTHING);
        break;
    case UPCALL_EVENT:
        others++;
        break;
    default:
        fail("vector %lu at %lx", save->vector, save->rip);
    }
}

/* Busy until then; how often somebody else had the processor, as the upcall page says. */
static uint64_t
spin_until(uint64_t ns)
{
    volatile uint64_t *on_since = &raw_page.on_since;
    uint64_t slices = 0, last = *on_since;

    while (clock_ns() < ns)
        if (*on_since != last) {
            last = *on_since;
            slices++;
        }
    return slices;
}

/* Charged cycles are those of slices that have ended: from the begin of one to that of another. */
static uint64_t
slice_awaited(uint64_t *charged)
{
    volatile uint64_t *on_since = &raw_page.on_since;

    for (uint64_t last = *on_since, end = clock_ns() + RUN_NS; *on_since == last;)
        if (clock_ns() > end)
            breach("for %lu ms nobody else had a slice", (uint64_t)RUN_NS / 1000000);
    *charged = *(volatile uint64_t *)&raw_page.charged_cycles;
    return clock_counter();
}

static void
share_measured(bool told)
{
    uint64_t charged_from, charged_to, from, to, slices, permille, begins_from;

    from = slice_awaited(&charged_from);
    begins_from = begins;
    slices = spin_until(clock_ns() + RUN_NS);
    to = slice_awaited(&charged_to);
    permille = (charged_to - charged_from) * 1000 / (to - from);
    say("share %lu permille, %lu slices, %lu begins, %lu ends", permille, slices, begins, ends);
    if (told)
        hold(permille >= share_min, "a share of the processor");
    else /* each slice that it does not leave costs it the next */
        hold(permille >= DEAF_MIN_PERMILLE && permille <= DEAF_MAX_PERMILLE, "a deaf one's share");
    if (interrupted) /* others are woken on credit: that is no slice's end */
        return;
    hold(slices >= SLICES_MIN, "slices");
    hold(begins - begins_from >= slices, "a begin each");
    if (told)
        hold(ends >= SLICES_MIN && ends <= begins + 2, "an end each");
    else
        hold(ends == 0 && raw_page.pending & END, "an end that is held back is pending");
    hold(others == 0, "and nothing else");
}

/* Of each slice hardly anything is used: what is done between slices has all the more of the time. */
static void
crowd(void)
{
    for (uint64_t i = CROWD_FIRST; i < CROWD_FIRST + CROWD; i++) {
        fine(call_slice_take(SLOT_ACCOUNT, 0, i, 1).value, "slice_take");
        fine(call_slice_set(SLOT_ACCOUNT, 0, i, SLOT_CONTEXT, SLOT_NOTHING, SLICE_MIN_NS).value,
             "slice_set");
    }
    for (uint64_t end = clock_ns() + WARM_NS + 2ul * RUN_NS; clock_ns() < end;)
        call_yield(SLOT_NOTHING);
}

int
raw_main(void)
{
    bool deaf = !strcmp(argument(0), "deaf");

    interrupted = !strcmp(argument(0), "interrupted");

    share_min = argument_number(1, share_min);
    if (!strcmp(argument(0), "crowd")) {
        crowd();
        return done();
    }
    raw_begin(0);
    raw_page.mask = deaf ? END : 0;
    spin_until(clock_ns() + WARM_NS);
    share_measured(!deaf);
    spin_until(clock_ns() + TAIL_NS);
    return done();
}
