/* SPDX-License-Identifier: MIT */
/*
 * act23_charge.c - hostile act 23: two contexts give the rest of their slices to each other in a
 * ring, again and again, the last time just before the end; a third one runs as it may. Each counts
 * the time that it has a processor by itself; what it is charged must be that, and what the kernel
 * does for it, so that nobody runs at another's cost. Where the clock counts instructions. Argument:
 * for how many milliseconds (400).
 */
#include "abi/event.h"
#include "test/boot/workers.h"

enum {
    SLOT_WORKER = 60, /* one a worker */
    WORKERS = 3,      /* the first two are the ring */
    HONEST = 2,
    SLICE_NS = 1000 * 1000,
    TURN_NS = 150 * 1000, /* of the ring: some turns a slice */
    LAST_NS = 12 * 1000,  /* before the end: the last one */
    AWAY_NS = 5 * 1000,   /* a longer step is a time without the processor */
    RUN_MS = 400,
    MS = 1000 * 1000,
    TURNS_MIN = 50,
    SWITCH_NS = 6 * 1000, /* what the kernel may need for a slice or a turn */
    SLACK_PERCENT = 2,
};

static struct worker worker[WORKERS];

/* What a worker knows of its time: all up to the begin of its last turn on a processor. */
struct account_of {
    struct upcall_page *page;
    volatile uint64_t used_ns, charged_cycles, turns;
};
static struct account_of of[WORKERS];
static volatile bool over;

static void
stray(void)
{
    fail("an upcall");
}

/* A page of its own, in which the kernel shows what it is charged. */
static void
page_register(struct account_of *o)
{
    uint64_t frame;
    struct upcall_setup setup = {.events_slot = SLOT_NOTHING};

    o->page = page_new(MAP_READ | MAP_WRITE, &frame);
    setup.frame = frame;
    setup.va = (uintptr_t)o->page;
    for (uint32_t i = 0; i < UPCALL_DEPTH_MAX; i++)
        setup.stack[i] = (uintptr_t)o->page + FRAME_BYTES;
    setup.entry[UPCALL_EXCEPTION] = setup.entry[UPCALL_FAULT] = setup.entry[UPCALL_FOREIGN] =
        (uintptr_t)stray;
    fine(call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&setup).value, "upcalls_set");
}

static void
run(struct worker *w)
{
    struct account_of *o = &of[w->number];
    uint64_t last, now, used = 0, on = 0, turn = 0, slice_end = 0;

    page_register(o);
    for (last = clock_ns(); !over; last = now) {
        uint64_t on_now = *(volatile uint64_t *)&o->page->on_since;
        now = clock_ns();
        if (on_now != on) { /* what was charged before this turn is shown now */
            o->charged_cycles = *(volatile uint64_t *)&o->page->charged_cycles;
            o->used_ns = used;
            o->turns++;
            slice_end = on_now - on > SLICE_NS / 2 ? on_now + SLICE_NS : slice_end;
            on = turn = on_now;
        } else if (now - last < AWAY_NS) {
            used += now - last;
        }
        if (w->number == HONEST)
            continue;
        if (now - turn > TURN_NS || (now < slice_end && slice_end - now < LAST_NS)) {
            call_yield(worker[!w->number].slot);
            turn = now;
        }
    }
}

int
exo_main(const struct start_page *start)
{
    struct wait_clause clause = {.kind = WAIT_CLOCK};
    uint64_t charged[WORKERS], cycles, ns;

    (void)start;
    stay_on(0);
    for (uint32_t i = 0; i < WORKERS; i++) {
        worker[i].number = i;
        worker_start(&worker[i], SLOT_WORKER + i, 0, SLICE_NS, run);
    }
    ns = clock_ns();
    cycles = clock_counter();
    clause.value = ns + argument_number(0, RUN_MS) * MS;
    call_wait((uintptr_t)&clause, 1);
    ns = clock_ns() - ns;
    cycles = clock_counter() - cycles;
    over = true;
    for (uint32_t i = 0; i < WORKERS; i++)
        worker_join(&worker[i], "it ends");
    for (uint32_t i = 0; i < WORKERS; i++) {
        charged[i] = of[i].charged_cycles * (ns / 1000) / (cycles / 1000);
        say("%u: %lu turns, used %lu us, charged %lu us", i, of[i].turns, of[i].used_ns / 1000,
            charged[i] / 1000);
    }
    for (uint32_t i = 0; i < WORKERS; i++) {
        expect(of[i].turns > TURNS_MIN, "it runs");
        hold(charged[i] >= of[i].used_ns, "who runs is charged");
        hold(charged[i] <=
                 of[i].used_ns + of[i].used_ns * SLACK_PERCENT / 100 + of[i].turns * SWITCH_NS,
             "and for nobody else");
    }
    hold(charged[HONEST] * 2 * (100 + SLACK_PERCENT) >= (charged[0] + charged[1]) * 100,
         "a ring has no more than its slices");
    return done();
}
