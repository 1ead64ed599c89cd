/* SPDX-License-Identifier: MIT */
/*
 * flight.c - uses in flight, act 10 on the console: bytes that the device reads where they lie come
 * whole and in order, and a frame that it has not done with is nobody's to use anew, whatever
 * becomes of its owner. As a partition: the order alone. As init: then the host, which is told by
 * `hold`, stands still for a while (flights.py), so that nothing lands; and looks at every byte. The
 * word `twice`: of a frame that it has two uses of the first lands long before the last.
 */
#include "abi/channel.h"
#include "abi/event.h"
#include "lib/format.h"
#include "lib/words.h"
#include "libos/exo/lock.h"
#include "test/boot/kit.h"

enum {
    CHANNEL = 1, /* ours; those behind it are of partitions that are not there */
    RUN = 5,     /* frames that one send may touch */
    PIECES = 120,
    COUNTER = 20, /* raised by sends in turn */
    FILLED,
    LANDED,
    LATE, /* of the child's own events */
    FIRST_USE,
    LAST_USE,
    BETWEEN = 12, /* blocks that are written between the two */
    CHILD = 90,
    ENDS,   /* an account that is destroyed */
    LOSES,  /* one that is taken from by force */
    SPEAKS, /* one with a console of its own, which is destroyed */
    SPEAKER,
    SPEAKS_AT, /* its events */
    GREEDY,    /* one that sends what it can, and is destroyed */
    GREEDY_SPEAKER,
    GREEDY_AT,
    BLIND,
    STRANGE,
    SPARE,
    LIMIT = 64,
    KEPT = 2, /* descriptors that SPEAKS has as its reserve */
};

static const uint64_t SETTLE_NS = 400000000, STILL_NS = 150000000, PATIENCE_NS = 60000000000;

/* Frames that follow each other, and where we see them. */
struct run {
    uint64_t frame, n;
    char *at;
};

static uint64_t landed; /* that COUNTER is to show */

static struct run
run_new(uint32_t account, uint64_t n)
{
    struct pool pool = pool_of(account);
    struct run r = {.n = n, .at = (char *)room_take(n)};

    fine(pool_take_run(&pool, n, &r.frame), "frames");
    pool_close(&pool);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t entry = (r.frame + i) << FRAME_SHIFT | MAP_READ | MAP_WRITE;
        fine(space_map(&exo_space, (uintptr_t)r.at + i * FRAME_BYTES, &entry, 1, account),
             "a page");
    }
    return r;
}

/* It holds lines of 64 bytes, of this letter. */
static struct run
run_of(uint32_t account, uint64_t n, char letter)
{
    struct run r = run_new(account, n);

    memset(r.at, letter, n * FRAME_BYTES);
    for (uint64_t i = 63; i < n * FRAME_BYTES; i += 64)
        r.at[i] = '\n';
    return r;
}

static uint64_t
counter(uint32_t index)
{
    return (uint64_t)fine(call_event_read(SLOT_EVENTS, index).value, "event_read");
}

static bool
reaches(uint32_t index, uint64_t n, uint64_t patience_ns)
{
    uint64_t end = clock_ns() + patience_ns;

    while (counter(index) < n && clock_ns() < end)
        call_yield(SLOT_NOTHING);
    return counter(index) >= n;
}

static int64_t
send(uint32_t account, uint64_t frame, uint64_t offset, uint64_t n, uint32_t index)
{
    return call_console_send(SLOT_CONSOLE, STREAM_OUTPUT, account, frame, offset, n, SLOT_EVENTS,
                             index)
        .value;
}

/* ---- whole, and in order ---- */

static void
send_all(uint64_t frame, uint64_t offset, uint64_t n)
{
    for (int64_t sent; n; offset += (uint64_t)sent, n -= (uint64_t)sent) {
        sent =
            console_send(&exo_console, STREAM_OUTPUT, (frame << FRAME_SHIFT) + offset, n, COUNTER)
                .value;
        landed += fine(sent, "console_send") > 0;
    }
}

static uint64_t
piece_put(char *at, uint64_t i)
{
    uint64_t n = i * 977 % (CHANNEL_PAYLOAD_MAX - 64), head = format(at, 64, "sent %lu ", i);

    memset(at + head, 'a' + (int)(i % 26), n);
    at[head + n] = '\n';
    return head + n + 1;
}

/* By turns sent and written, by us and, in the middle, by the child on a channel of its own. */
static void
in_order(void)
{
    struct run run[2] = {run_new(SLOT_ACCOUNT, RUN), run_new(SLOT_ACCOUNT, RUN)};

    for (uint64_t i = 0; i < PIECES; i++) {
        struct run *r = &run[i % 2];
        uint64_t offset = i * 313 % FRAME_BYTES, n = piece_put(r->at + offset, i), before = landed;
        send_all(r->frame, offset, n);
        say("written %lu", i);
        if (i % 2)
            expect(reaches(COUNTER, landed, PATIENCE_NS), "what was sent lands");
        hold(counter(COUNTER) >= before || i % 2 == 0, "no more is told than has been sent");
    }
    expect(reaches(COUNTER, landed, PATIENCE_NS), "all that was sent lands");
    hold(counter(COUNTER) == landed, "each is told once");
    for (int i = 0; i < 2; i++)
        for (uint64_t k = 0; k < RUN; k++)
            fine(call_pt_unmap(SLOT_ACCOUNT, exo_start_page->root_frame, 0,
                               (uintptr_t)run[i].at + k * FRAME_BYTES, 1)
                     .value,
                 "pt_unmap");
}

/* A frame that was another's shows nothing of that on the wire. */
static void
stale_is_empty(void)
{
    struct run r = run_of(SLOT_ACCOUNT, 1, '!');
    int64_t taken;

    fine(call_pt_unmap(SLOT_ACCOUNT, exo_start_page->root_frame, 0, (uintptr_t)r.at, 1).value,
         "pt_unmap");
    fine(call_frame_free(SLOT_ACCOUNT, r.frame, 1).value, "frame_free");
    while ((taken = call_frame_alloc(SLOT_ACCOUNT, r.frame, 1).value) == -E_AGAIN)
        ;
    if (taken == 1) /* else another was faster */
        send_all(r.frame, 0, 8);
    else
        console_write_all(&exo_console, STREAM_OUTPUT, "\0\0\0\0\0\0\0", 8);
    console_print("\n");
    expect(reaches(COUNTER, landed, PATIENCE_NS), "it lands");
}

/* ---- what is refused though nothing is in flight ---- */

static void
refusals(void)
{
    uint64_t f = frame_new(), big;

    refuse(send(SLOT_ACCOUNT, f, FRAME_BYTES, 1, COUNTER), E_INVAL, "an offset past the frame");
    refuse(send(SLOT_ACCOUNT, f, 0, 0, COUNTER), E_INVAL, "nothing to send");
    refuse(send(SLOT_ACCOUNT, f, 0, CHANNEL_PAYLOAD_MAX + 1, COUNTER), E_INVAL, "too much to send");
    refuse(send(SLOT_ACCOUNT, f, 0, 1, EVENTS_PER_FRAME), E_INVAL, "a counter that is not there");
    refuse(send(SLOT_ACCOUNT, exo_start_page->root_frame, 0, 1, COUNTER), E_INVAL, "a table");
    refuse(send(SLOT_ACCOUNT, 1, 0, 1, COUNTER), E_PERM, "a frame of nobody's");
    refuse(send(SLOT_ACCOUNT, UINT64_MAX, 0, CHANNEL_PAYLOAD_MAX, COUNTER), E_PERM, "no frame");
    refuse(send(SLOT_EVENTS, f, 0, 1, COUNTER), E_BADF, "under no account");
    fine(call_events_make(SLOT_ACCOUNT, frame_new(), STRANGE).value, "events_make");
    refuse(call_console_send(SLOT_CONSOLE, STREAM_OUTPUT, SLOT_ACCOUNT, f, 0, 1, STRANGE, 0).value,
           E_INVAL, "events that are not the console's");
    if (!exo_boot_page)
        return;
    big = frames_aligned_new();
    while (call_frame_join(SLOT_ACCOUNT, big, 1).value == -E_AGAIN)
        ;
    refuse(send(SLOT_ACCOUNT, big, 0, 1, COUNTER), E_INVAL, "a frame object of 2 MiB");
    refuse(send(SLOT_ACCOUNT, big + 1, 0, 1, COUNTER), E_INVAL, "a part of one");
    fine(call_frame_split(SLOT_ACCOUNT, big).value, "frame_split");
    for (uint64_t i = 0; i < PT_ENTRIES; i += FRAME_BATCH_MAX)
        fine(call_frame_free(SLOT_ACCOUNT, big + i, FRAME_BATCH_MAX).value, "frame_free");
}

/* ---- while nothing lands ---- */

static void
account_new(uint32_t into, uint64_t name)
{
    struct account_terms terms = {.name = name, .limit_frames = LIMIT};

    fine(call_account_make(SLOT_ACCOUNT, frame_new(), into, (uintptr_t)&terms).value,
         "account_make");
}

/* Through a console of the account's own, the events of which are in the slot behind it. */
static int64_t
speak(uint32_t account, uint32_t console, const struct run *r)
{
    return call_console_send(console, STREAM_OUTPUT, account, r->frame, 0, FRAME_BYTES, console + 1,
                             LATE)
        .value;
}

/* Blocks of lines to the other stream, until one does not land. How many have been sent. */
static uint64_t
fill(const struct run *r)
{
    uint64_t n = 0;

    do
        fine(call_console_send(SLOT_CONSOLE, STREAM_ERROR, SLOT_ACCOUNT, r->frame, 0,
                               CHANNEL_PAYLOAD_MAX, SLOT_EVENTS, FILLED)
                 .value,
             "console_send: the host has not stood still");
    while (reaches(FILLED, ++n, STILL_NS));
    return n;
}

static uint32_t
uses(uint64_t frame)
{
    struct frame_state f = {0};

    fine(call_frame_read(SLOT_ACCOUNT, frame, 1, (uintptr_t)&f).value, "frame_read");
    return f.uses;
}

static uint64_t
descriptors(uint32_t account)
{
    return account_told(account).count[ACCOUNT_DESCRIPTORS].used;
}

/* Its owner may see it as he likes, but it stays what it is, and his. */
static void
own_stays(const struct run *own, uint64_t aligned)
{
    uint64_t other = frame_new(), root = exo_start_page->root_frame;

    hold(uses(own->frame) == 1, "a use in flight is counted");
    fine(call_pt_protect(SLOT_ACCOUNT, root, 0, (uintptr_t)own->at, 1, MAP_WRITE, 0).value,
         "pt_protect");
    fine(call_pt_unmap(SLOT_ACCOUNT, root, 0, (uintptr_t)own->at, 1).value, "pt_unmap");
    refuse(call_frame_free(SLOT_ACCOUNT, own->frame, 1).value, E_BUSY, "freeing it");
    refuse(call_frame_pass(SLOT_ACCOUNT, own->frame, 1, ENDS).value, E_BUSY, "passing it on");
    refuse(call_slots_make(SLOT_ACCOUNT, own->frame, SPARE).value, E_BUSY, "an object of it");
    refuse(call_pt_make(SLOT_ACCOUNT, own->frame, 1, other).value, E_BUSY, "a table of it");
    refuse(call_pt_make(SLOT_ACCOUNT, other, 1, own->frame).value, E_BUSY, "a companion of it");
    refuse(call_frame_join(SLOT_ACCOUNT, aligned, 1).value, E_BUSY, "joining it");
    fine(call_frame_free(SLOT_ACCOUNT, other, 1).value, "frame_free");
}

/* It is gone from its owner, and nobody gets it. */
static void
nobodys(const struct run *r, const char *how)
{
    struct frame_state f;

    refuse(call_frame_read(SLOT_ACCOUNT, r->frame, 1, (uintptr_t)&f).value, E_PERM, how);
    refuse(call_frame_alloc(SLOT_ACCOUNT, r->frame, 1).value, E_NOMEM, how);
    refuse(
        map_one(exo_start_page->root_frame, (uintptr_t)r->at, r->frame << FRAME_SHIFT | MAP_READ),
        E_PERM, how);
    hold(!(((const volatile uint64_t *)EXPOSED_FREE)[r->frame / 64] >> r->frame % 64 & 1), how);
}

static void
destroy(uint32_t account)
{
    uint64_t end = clock_ns() + PATIENCE_NS;

    while (fine(call_account_destroy(account).value, "account_destroy") > 0)
        expect(clock_ns() < end, "an account ends though frames of its are in flight");
}

static void
taken(const struct run *loses)
{
    struct account_state before = account_told(LOSES);
    uint64_t n = before.used_frames, end = clock_ns() + PATIENCE_NS;

    fine(call_account_revoke(LOSES, ACCOUNT_FRAMES, n, 1).value, "account_revoke");
    while (fine(call_account_revoke(LOSES, ACCOUNT_FRAMES, 0, 0).value, "account_revoke") > 0)
        expect(clock_ns() < end, "what is in flight is taken");
    hold(account_told(LOSES).used_frames == 0, "it is charged no more");
    nobodys(loses, "a frame in flight that was taken by force");
}

/* Afterwards each is free, for whoever asks, and empty. */
static void
free_again(const struct run *r)
{
    int64_t got;
    char *page;

    while ((got = call_frame_alloc(SLOT_ACCOUNT, r->frame, 1).value) == -E_AGAIN)
        ;
    hold(got == 1, "it is free once it has landed");
    page = (char *)room_take(1);
    page_at((uintptr_t)page, r->frame, MAP_READ | MAP_WRITE);
    for (uint64_t i = 0; i < FRAME_BYTES; i++)
        hold(!page[i], "it is empty");
}

static void
limits(const struct run *speaks)
{
    fine(call_account_limit_set(SPEAKS, ACCOUNT_DESCRIPTORS, 0, 0).value, "account_limit_set");
    refuse(speak(SPEAKS, SPEAKER, speaks), E_DQUOT, "a descriptor beyond the limit");
    fine(call_account_limit_set(SPEAKS, ACCOUNT_DESCRIPTORS, 0, 1).value, "account_limit_set");
    hold(speak(SPEAKS, SPEAKER, speaks) == FRAME_BYTES, "one within it");
    refuse(speak(SPEAKS, SPEAKER, speaks), E_DQUOT, "the next");
    fine(call_account_limit_set(SPEAKS, ACCOUNT_DESCRIPTORS, KEPT, KEPT).value, "a reserve");
}

/* What one has as its reserve nobody else gets, nor when one ends whose frames are in flight. */
static void
reserved(const struct run *speaks, const struct run *greedy, const struct run *own)
{
    refuse(speak(GREEDY, GREEDY_SPEAKER, greedy), E_DQUOT, "a descriptor that is another's");
    refuse(send(SLOT_ACCOUNT, own->frame, 0, 64, LANDED), E_DQUOT, "one for the account above");
    destroy(GREEDY);
    nobodys(greedy, "a frame in flight of one that is destroyed");
    refuse(send(SLOT_ACCOUNT, own->frame, 0, 64, LANDED), E_DQUOT, "one that the device has still");
    hold(speak(SPEAKS, SPEAKER, speaks) == FRAME_BYTES, "the reserve of one who did not use it");
}

/* Whose frames they are is a matter of rights. */
static void
foreign(const struct run *ends)
{
    weaken(ENDS, RIGHT_MAP, BLIND);
    refuse(send(BLIND, ends->frame, 0, 1, COUNTER), E_PERM, "another account's frame without PIN");
    refuse(send(LOSES, ends->frame, 0, 1, COUNTER), E_PERM, "a frame that the slot does not cover");
}

static void
held_back(void)
{
    uint64_t aligned = frames_aligned_new(), n, after = 0;
    struct run filler, own, ends, loses, speaks, greedy;

    account_new(ENDS, 1);
    account_new(LOSES, 2);
    account_new(SPEAKS, 3);
    fine(call_events_make(SPEAKS, frame_of_account(SPEAKS), SPEAKS_AT).value, "events_make");
    console_new(SPEAKS, CHANNEL + 1, SPEAKER, SPEAKS_AT);
    account_new(GREEDY, 4);
    fine(call_events_make(GREEDY, frame_of_account(GREEDY), GREEDY_AT).value, "events_make");
    console_new(GREEDY, CHANNEL + 2, GREEDY_SPEAKER, GREEDY_AT);
    filler = run_of(SLOT_ACCOUNT, CHANNEL_PAYLOAD_MAX / FRAME_BYTES, '.');
    own = (struct run){aligned + 7, 1, (char *)room_take(1)};
    page_at((uintptr_t)own.at, own.frame, MAP_READ | MAP_WRITE);
    memset(own.at, 'O', 63);
    own.at[63] = '\n';
    ends = run_of(ENDS, 1, 'E');
    loses = run_of(LOSES, 1, 'L');
    speaks = run_of(SPEAKS, 1, 'S');
    greedy = run_of(GREEDY, 1, 'G');
    foreign(&ends);
    say("hold");
    reaches(FILLED, 1, SETTLE_NS);
    n = fill(&filler);
    hold(send(ENDS, ends.frame, 0, FRAME_BYTES, LANDED) == FRAME_BYTES, "a child's frame");
    hold(send(LOSES, loses.frame, 0, FRAME_BYTES, LANDED) == FRAME_BYTES, "another child's frame");
    limits(&speaks);
    hold(speak(GREEDY, GREEDY_SPEAKER, &greedy) == FRAME_BYTES, "one that nobody has");
    hold(send(SLOT_ACCOUNT, own.frame, 0, 64, LANDED) == 64, "a frame of ours");
    own_stays(&own, aligned);
    for (after = 3; send(SLOT_ACCOUNT, own.frame, 0, 64, LANDED) == 64; after++)
        expect(after < CHANNEL_FLIGHTS_MAX, "descriptors are bounded");
    reserved(&speaks, &greedy, &own);
    refuse(send(SLOT_ACCOUNT, own.frame, 0, 64, LANDED), E_AGAIN, "one more than the port has");
    hold(uses(own.frame) == after - 2, "uses in flight are counted");
    hold(descriptors(SLOT_ACCOUNT) == CHANNEL_FLIGHTS_MAX, "and charged");

    destroy(ENDS);
    nobodys(&ends, "a frame in flight of an account that is destroyed");
    taken(&loses);
    fine(call_account_limit_set(SPEAKS, ACCOUNT_DESCRIPTORS, 0, KEPT).value, "no reserve");
    destroy(SPEAKS);
    nobodys(&speaks, "a frame in flight of an account that is destroyed with its console");
    hold(descriptors(SLOT_ACCOUNT) == CHANNEL_FLIGHTS_MAX, "what the device has still is root's");
    if (counter(FILLED) >= n || uses(own.frame) != after - 2)
        fail("the host has not stood still for long enough");

    expect(reaches(LANDED, after, PATIENCE_NS), "all that was in flight lands");
    hold(counter(LANDED) == after && counter(FILLED) == n, "each is told once");
    hold(uses(own.frame) == 0 && !descriptors(SLOT_ACCOUNT), "and is over");
    free_again(&ends);
    free_again(&loses);
    free_again(&speaks);
    free_again(&greedy);
    fine(call_frame_free(SLOT_ACCOUNT, own.frame, 1).value, "frame_free");
    say("filled %lu, ours %lu", n, after - 2);
}

/* ---- two uses of one frame ---- */

static bool
is_free(uint64_t frame)
{
    return ((const volatile uint64_t *)EXPOSED_FREE)[frame / 64] >> frame % 64 & 1;
}

/* Its owner is gone. As long as one of its uses is left it is not free. */
static void
twice(void)
{
    uint64_t shown, n, looks = 0, end;
    const volatile uint64_t *count = page_new(MAP_READ, &shown);
    struct run filler = run_of(SLOT_ACCOUNT, CHANNEL_PAYLOAD_MAX / FRAME_BYTES, '.'), ends;

    fine(call_event_window(SLOT_EVENTS, SLOT_ACCOUNT, shown, EVENTS_PER_FRAME - 1).value,
         "event_window");
    account_new(ENDS, 1);
    ends = run_of(ENDS, 1, 'E');
    say("hold");
    reaches(FILLED, 1, SETTLE_NS);
    n = fill(&filler);
    expect(send(ENDS, ends.frame, 0, FRAME_BYTES, FIRST_USE) == FRAME_BYTES, "its first use");
    for (uint64_t i = 0; i < BETWEEN; i++)
        expect(call_console_write(SLOT_CONSOLE, STREAM_OUTPUT, (uintptr_t)filler.at,
                                  CHANNEL_PAYLOAD_MAX)
                       .value == CHANNEL_PAYLOAD_MAX,
               "more than the host takes at once");
    expect(send(ENDS, ends.frame, 0, FRAME_BYTES, LAST_USE) == FRAME_BYTES, "its last use");
    destroy(ENDS);
    nobodys(&ends, "a frame in flight, twice");
    if (count[FIRST_USE])
        fail("the host has not stood still for long enough");
    for (end = clock_ns() + PATIENCE_NS; !count[LAST_USE]; counter(LAST_USE)) {
        bool first = count[FIRST_USE], free = is_free(ends.frame);
        if (first && !count[LAST_USE]) { /* no call between these looks */
            hold(!free, "a frame with a use in flight is free");
            looks++;
        }
        expect(clock_ns() < end, "all lands");
    }
    expect(reaches(FILLED, n, PATIENCE_NS), "all that was in flight lands");
    free_again(&ends);
    say("filled %lu, looks %lu", n, looks);
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    if (exo_boot_page)
        console_new(SLOT_ACCOUNT, CHANNEL, SLOT_CONSOLE, SLOT_EVENTS);
    if (exo_boot_page && line_has_word(exo_boot_page->arguments, "twice")) {
        twice();
        done();
        call_power_off(SLOT_MACHINE, 0);
    }
    refusals();
    in_order();
    stale_is_empty();
    if (!exo_boot_page)
        return done();
    held_back();
    done();
    call_power_off(SLOT_MACHINE, 0);
    fail("the machine goes on");
}
