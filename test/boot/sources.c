/* SPDX-License-Identifier: MIT */
/*
 * sources.c - the console's port interrupts for those who wait, and for nobody else. As init (as_init.py), alone on
 * the machine: who polls, for input, for room to write, for a flight's end, takes no interrupt, though the
 * host (sources.py) sends all the time; who waits takes some, and gets as much, also beside one who polls.
 */
#include "abi/channel.h"
#include "abi/event.h"
#include "abi/slice.h"
#include "test/boot/workers.h"

enum {
    CHANNEL = 1,
    LINES = 20,
    LINE_BYTES = 8,
    INPUT_BYTES = LINES * LINE_BYTES,
    COUNTER = 20,
    CONSOLE_AT = 22, /* two counters of another console, which ends */
    CHANNEL_OTHER = 2,
    FLIGHTS = 40,
    FLIGHT_BYTES = FLIGHTS * FRAME_BYTES,
    WRITES = 300,
    MANY_LINES = 300,
    SLOT_CONSOLE_OTHER = 89,
    SLEEPER,
    OTHER,
    SLICE_NS = 1000000
};

static const uint64_t SETTLE_NS = 50000000, QUIET_NS = 1000000000, PATIENCE_NS = 60000000000;

static char bytes[CHANNEL_PAYLOAD_MAX] __attribute__((aligned(FRAME_BYTES)));

static uint64_t
interrupts(void)
{
    struct slice_state state = {0};

    fine(call_slice_read(SLOT_ACCOUNT, 0, 0, (uintptr_t)&state).value, "slice_read");
    return state.interrupts;
}

/* What an answer of -E_AGAIN is to one who polls. */
static uint64_t
polled(int64_t value, uint64_t end)
{
    expect(clock_ns() < end, "what is polled for comes");
    return value == -E_AGAIN ? 0 : (uint64_t)fine(value, "a call");
}

/* All lines that the host sends now, of which a part settles what was asked for before: a port armed, a slice's timer. */
static void
input_poll(void)
{
    uint64_t n = 0, end = clock_ns() + PATIENCE_NS, settled = clock_ns() + SETTLE_NS, before;

    do
        before = interrupts();
    while (clock_ns() < settled);
    while (n < INPUT_BYTES)
        n += polled(call_console_read(SLOT_CONSOLE, (uintptr_t)bytes, sizeof(bytes)).value, end);
    hold(interrupts() == before, "who polls for input takes no interrupt");
}

/* More than there is credit for: each message needs what the host says meanwhile. */
static void
output_poll(void)
{
    uint64_t before = interrupts(), end = clock_ns() + PATIENCE_NS;

    memset(bytes, 'p', sizeof(bytes));
    for (uint64_t i = 0; i < WRITES; i++)
        for (uint64_t n = 0; n < sizeof(bytes);)
            n += polled(call_console_write(SLOT_CONSOLE, STREAM_OUTPUT, (uintptr_t)bytes + n,
                                           sizeof(bytes) - n)
                            .value,
                        end);
    hold(interrupts() == before, "who polls for room takes no interrupt");
}

/* A flight is over once its counter says so. */
static void
flights_poll(void)
{
    uint64_t before = interrupts(), end = clock_ns() + PATIENCE_NS;
    uint64_t frame = entry_at((uintptr_t)bytes) >> FRAME_SHIFT;

    for (int64_t n = 0, sent, landed = 0; n < FLIGHT_BYTES; n += sent) {
        sent = (int64_t)polled(call_console_send(SLOT_CONSOLE, STREAM_OUTPUT, SLOT_ACCOUNT, frame,
                                                 (uint64_t)n % FRAME_BYTES,
                                                 FRAME_BYTES - (uint64_t)n % FRAME_BYTES,
                                                 SLOT_EVENTS, COUNTER)
                                   .value,
                               end);
        landed += sent > 0;
        while (call_event_read(SLOT_EVENTS, COUNTER).value < landed)
            expect(clock_ns() < end, "a flight lands");
    }
    hold(interrupts() == before, "who polls for a flight's end takes no interrupt");
}

/*
 * Counters of flights that have landed and of a console that has ended are the port's no more: to
 * read them does none of its work, which is there, as those of the console show at last.
 */
static void
unmarked(void)
{
    uint64_t frame, end = clock_ns() + QUIET_NS;
    const volatile uint64_t *shown = page_new(MAP_READ, &frame);

    fine(call_event_window(SLOT_EVENTS, SLOT_ACCOUNT, frame, COUNTER + 1).value, "event_window");
    expect(pool_take_run(&exo_pool, 2, &frame) == 0, "two frames");
    fine(call_console_make(SLOT_MACHINE, SLOT_ACCOUNT, SLOT_CONSOLE_OTHER, frame, 1, CHANNEL_OTHER,
                           SLOT_EVENTS, CONSOLE_AT)
             .value,
         "console_make");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
    say("marks");
    for (uint64_t before = shown[COUNTER_CONSOLE]; clock_ns() < end;) {
        for (uint64_t i = 0; i < 2; i++)
            fine(call_event_read(SLOT_EVENTS, i ? COUNTER : CONSOLE_AT + 1).value, "event_read");
        hold(shown[COUNTER_CONSOLE] == before, "what is no source's does none of its work");
    }
    input_poll();
}

static volatile uint64_t bytes_read;

static void
lines_read(uint64_t lines)
{
    for (bytes_read = 0; bytes_read < lines * LINE_BYTES;)
        bytes_read += (uint64_t)fine(
            console_read(&exo_console, (uintptr_t)bytes, sizeof(bytes)).value, "console_read");
}

static void
input_wait(void)
{
    uint64_t before = interrupts();

    lines_read(LINES);
    hold(interrupts() > before, "who waits takes interrupts");
}

static void
waits(struct worker *self)
{
    (void)self;
    lines_read(MANY_LINES);
}

static void
waits_early(struct worker *self)
{
    struct wait_clause clause = {SLOT_EVENTS, WAIT_EVENT, COUNTER_CONSOLE, 0};

    (void)self;
    fine(call_wait((uintptr_t)&clause, 1).value, "wait");
}

/* One sleeps on the counter before it is a console's: the host gives credit once the port works. */
static void
early(void)
{
    static struct worker sleeper;
    uint64_t end = clock_ns() + PATIENCE_NS / 6;

    worker_start(&sleeper, SLEEPER, 0, SLICE_NS, waits_early);
    while (worker_phase(&sleeper, NULL) != CONTEXT_WAITING)
        expect(clock_ns() < end, "it sleeps");
    console_new(SLOT_ACCOUNT, CHANNEL, SLOT_CONSOLE, SLOT_EVENTS);
    while (worker_phase(&sleeper, NULL) != CONTEXT_STOPPED)
        hold(clock_ns() < end, "who slept before is woken");
    worker_join(&sleeper, "it is woken");
}

/* For the host's signals, of which none comes: so the port is always asked. */
static void
waits_on(struct worker *self)
{
    struct wait_clause clause = {SLOT_EVENTS, WAIT_EVENT, COUNTER_CONSOLE + 1, 0};

    (void)self;
    call_wait((uintptr_t)&clause, 1);
}

/* Who polls works for himself, and then no more: what he leaves is done for those who sleep. */
static void
both(void)
{
    static struct worker sleeper, other;
    uint64_t end = clock_ns() + PATIENCE_NS / 6;

    worker_start(&other, OTHER, 0, SLICE_NS, waits_on);
    worker_start(&sleeper, SLEEPER, 0, SLICE_NS, waits);
    say("both");
    while (worker_phase(&sleeper, NULL) != CONTEXT_STOPPED) {
        if (bytes_read < MANY_LINES * LINE_BYTES / 2)
            fine(call_event_read(SLOT_EVENTS, COUNTER_CONSOLE).value, "event_read");
        hold(clock_ns() < end, "who sleeps is woken, though another has polled");
    }
    worker_join(&sleeper, "who sleeps has all");
    worker_stop(&other);
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    early();
    say("poll");
    input_poll();
    output_poll();
    flights_poll();
    console_print("\n");
    unmarked();
    say("wait");
    input_wait();
    say("poll again");
    input_poll();
    output_poll();
    console_print("\n");
    both();
    done();
    call_power_off(SLOT_MACHINE, 0);
    fail("the machine goes on");
}
