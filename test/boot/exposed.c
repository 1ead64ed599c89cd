/* SPDX-License-Identifier: MIT */
/*
 * exposed.c - what is read without a call is what calls say: each field of the machine page, each
 * bit of the free bitmap, waiter counts, the pages of a child's account and of our own, also while
 * another context changes that. All of it is only to be read, and nothing lies behind.
 */
#include "abi/exposed.h"
#include "abi/account.h"
#include "abi/event.h"
#include "abi/slice.h"
#include "abi/version.h"
#include "test/boot/kit.h"
#include "test/boot/workers.h"

enum {
    CHILD = 90, /* slots */
    EVENTS,
    WORKER,
    LIMIT = 64,
    POSITION = 400,
    SOURCES = 3, /* frames of its page */
    TAKEN = 400,
    RETRIES = 3,
    LEAF_VECTORS = 13, /* cpuid: ebx is how many bytes of state are in use */
    PAGE_WORDS = FRAME_BYTES / 8,
};

static const uint64_t PATIENCE_NS = 5000000000, SPAN_NS = 50000000, APART_NS = 100000,
                      NS = 1000000000;

static const volatile struct machine_page *const machine =
    (const volatile struct machine_page *)EXPOSED_MACHINE;

/* ---- the machine page ---- */

static void
numbers(void)
{
    const volatile uint64_t *word = (const volatile uint64_t *)EXPOSED_MACHINE;
    uint32_t a = LEAF_VECTORS, b, c = 0, d;

    hold(machine->abi_version == ABI_VERSION && machine->abi_version == exo_start_page->abi_version,
         "the version of all layouts");
    refuse(call_slice_take(SLOT_ACCOUNT, machine->n_cpus, POSITION, 1).value, E_INVAL,
           "a processor beyond the last");
    hold(call_slice_take(SLOT_ACCOUNT, machine->n_cpus - 1, POSITION, 1).value == 1,
         "the last processor");
    fine(call_slice_give(SLOT_ACCOUNT, machine->n_cpus - 1, POSITION, 1).value, "slice_give");
    refuse(call_frame_alloc(SLOT_ACCOUNT, machine->n_frames, 1).value, E_INVAL,
           "a frame beyond the last");
    hold(call_frame_alloc(SLOT_ACCOUNT, machine->n_frames - 1, 1).value != -E_INVAL,
         "the last frame");
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    hold(machine->vector_bytes == b, "the bytes of vector state");
    for (uint64_t i = sizeof(struct machine_page) / 8; i < PAGE_WORDS; i++)
        hold(word[i] == 0, "the rest of the page is empty");
}

/* The time, and the counter at that moment: at another, where the host put us aside in between. */
static uint64_t
look(uint64_t *ticks)
{
    uint64_t ns;

    do {
        ns = clock_ns();
        *ticks = clock_counter();
    } while (clock_ns() - ns > APART_NS);
    return ns;
}

static void
clocks(void)
{
    uint64_t first, last, from = look(&first), to, per_s, wall = 0;
    struct wait_clause until = {0, WAIT_CLOCK, 0, from + SPAN_NS};

    hold(machine->boot_counter <= first && machine->counter_base <= first, "it began before us");
    while (call_wait((uintptr_t)&until, 1).value != 0)
        hold(clock_ns() < from + PATIENCE_NS, "the kernel's clock goes as ours");
    hold(clock_ns() >= from + SPAN_NS, "and not ahead of it");
    to = look(&last);
    per_s = (last - first) * (NS / 1000) / ((to - from) / 1000);
    hold(per_s > machine->counter_hz - machine->counter_hz / 50 &&
             per_s < machine->counter_hz + machine->counter_hz / 50,
         "so many ticks a second");
    wall = (uint64_t)fine(call_clock_wall(SLOT_MACHINE).value, "clock_wall");
    hold((uint64_t)call_clock_wall(SLOT_MACHINE).value == wall, "the time of clock 0 stays");
}

static void
epochs(void)
{
    uint64_t passed = machine->epoch_passed, frame = frame_new();
    struct call_result r;

    hold(call_tlb_flush(passed).value == 0, "what has passed needs no flush");
    page_at(SCRATCH_VA, frame, MAP_READ | MAP_WRITE);
    r = call_pt_unmap(SLOT_ACCOUNT, exo_start_page->root_frame, 0, SCRATCH_VA, 1);
    fine(r.value, "pt_unmap");
    while (call_tlb_flush(r.detail).value == -E_AGAIN)
        hold(r.detail > passed, "an epoch that has not passed is a later one");
    hold(machine->epoch_passed >= r.detail && machine->epoch_passed >= passed,
         "what the kernel says has passed");
    while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        ;
}

/* ---- the free bitmap ---- */

static bool
is_free(uint64_t frame)
{
    return ((const volatile uint64_t *)EXPOSED_FREE)[frame / 64] >> frame % 64 & 1;
}

/* The bit of a frame, and what the kernel says: they differ only where another acts meanwhile. */
static bool
bit_agrees(uint64_t frame)
{
    bool bit = is_free(frame);
    int64_t r = call_frame_alloc(SLOT_ACCOUNT, frame, 1).value;

    if (r != 1)
        return bit == (r == -E_AGAIN); /* in quarantine: free, but not yet to be had */
    if (!bit || is_free(frame))
        return false;
    while ((r = call_frame_free(SLOT_ACCOUNT, frame, 1).value) == -E_AGAIN)
        ;
    return r == 1 && is_free(frame);
}

static void
bitmap(void)
{
    uint64_t n_free = 0, n = machine->n_frames, last = n;

    for (uint64_t frame = 0; frame < n; frame++) {
        bool agrees = false;
        for (int i = 0; i < RETRIES && !agrees; i++)
            agrees = bit_agrees(frame);
        if (!agrees)
            breach("the bit of frame %lu", frame);
        n_free += is_free(frame);
    }
    hold(n_free > 0, "some are free");
    while (last % (FRAME_BYTES * 8ul))
        hold(!is_free(last++), "behind the last frame nothing is free");
}

/* ---- waiters ---- */

static struct worker sleeper;
static volatile uint32_t *word;
static uint64_t word_frame;

static void
sleep_on_word(struct worker *w)
{
    struct wait_clause c[2] = {{SLOT_ACCOUNT, WAIT_WORD, word_frame << FRAME_SHIFT, 0},
                               {SLOT_ACCOUNT, WAIT_WORD, word_frame << FRAME_SHIFT | 4, 0}};

    (void)w;
    while (*word == 0)
        call_wait((uintptr_t)c, 2);
}

static void
waiters(void)
{
    const volatile uint32_t *count;
    uint64_t end = clock_ns() + PATIENCE_NS;

    word = page_new(MAP_READ | MAP_WRITE, &word_frame);
    count = (const volatile uint32_t *)EXPOSED_WAITERS + word_frame;
    hold(*count == 0, "nobody waits");
    worker_start(&sleeper, WORKER, cpu_count() - 1, 1000000, sleep_on_word);
    while (worker_phase(&sleeper, NULL) != CONTEXT_WAITING) {
        hold(clock_ns() < end, "it sleeps");
        call_yield(SLOT_NOTHING);
    }
    hold(*count == 2, "the clauses that wait for words of the frame");
    *word = 1;
    hold(call_wake(SLOT_ACCOUNT, word_frame).value == 1, "one context is woken");
    worker_join(&sleeper, "woken");
    hold(*count == 0, "nobody waits any more");
}

/* ---- an account's page ---- */

static void
state_agrees(uint32_t slot, const volatile struct account_page *page, const char *what)
{
    struct account_state told, again, page_told;

    do { /* an interrupt may come in between */
        told = account_told(slot);
        page_told = page->state;
        again = account_told(slot);
    } while (told.work_cycles != again.work_cycles);
    for (uint64_t i = 0; i < sizeof(told) / 8; i++)
        if (((const uint64_t *)&told)[i] != ((const uint64_t *)&page_told)[i])
            breach("word %lu of an account's page: %s", i, what);
    expect(true, what);
}

static void
page_agrees(const volatile struct account_page *page, const char *what)
{
    state_agrees(CHILD, page, what);
}

static void
account(void)
{
    struct account_terms terms = {
        .name = 33, .limit_frames = LIMIT, .reserve_frames = LIMIT / 8, .n_pages = SOURCES};
    uint64_t frame = frame_new(), events = 0, first, entries[SOURCES];
    const volatile struct account_page *page;
    struct pool pool = {.account = CHILD};

    fine(pool_take_run(&exo_pool, SOURCES, &terms.page_frame), "frames in a row");
    fine(call_account_make(SLOT_ACCOUNT, frame, CHILD, (uintptr_t)&terms).value, "account_make");
    page = (const volatile struct account_page *)room_take(SOURCES);
    for (uint64_t i = 0; i < SOURCES; i++)
        entries[i] = (terms.page_frame + i) << FRAME_SHIFT | MAP_READ;
    fine(space_map(&exo_space, (uintptr_t)page, entries, SOURCES, CHILD), "mapping it");
    hold(page->version == ACCOUNT_PAGE_VERSION && page->account == frame, "whose it is");
    hold(page->n_ring == (SOURCES * FRAME_BYTES - ACCOUNT_PAGE_HEAD) / sizeof(page->taken[0]),
         "the length of its ring");
    page_agrees(page, "a new account");
    fine(pool_take_run(&pool, LIMIT / 2, &first), "frames in a row");
    page_agrees(page, "frames taken");
    events = first;
    fine(call_events_make(CHILD, events, EVENTS).value, "events_make");
    fine(call_frame_free(CHILD, first + 1, 3).value, "frame_free");
    page_agrees(page, "and given");
    fine(call_slice_take(CHILD, 0, POSITION, 5).value, "slice_take");
    page_agrees(page, "positions taken");
    fine(call_account_limit_set(CHILD, ACCOUNT_SLICES, 0, 7).value, "account_limit_set");
    page_agrees(page, "a limit");
    fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, 4, clock_ns() + PATIENCE_NS).value, "asking");
    page_agrees(page, "some are wanted");
    fine(call_frame_free(CHILD, first + 4, 4).value, "frame_free");
    page_agrees(page, "and given");
    fine(call_account_revoke(CHILD, ACCOUNT_FRAMES, 3, 0).value, "asking at once");
    while (call_account_revoke(CHILD, ACCOUNT_FRAMES, 0, 0).value > 0)
        ;
    page_agrees(page, "some are taken");
    hold(page->state.n_taken == 3 && page->taken[2].name && !page->taken[3].name,
         "and those are in its ring");
    fine(call_account_destroy(CHILD).value, "account_destroy");
    while (fine(call_account_destroy(CHILD).value, "account_destroy") > 0)
        ;
    while (call_tlb_flush(machine->epoch_passed + 1).value == -E_AGAIN)
        ; /* another processor may have taken it from us just now */
    hold(trap_read((uintptr_t)page).vector != NO_VECTOR, "its page ends with it");
    while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        ;
}

/* ---- the page of our own account, which init mapped for us ---- */

static struct worker taker;
static uint64_t taken[TAKEN];
static volatile uint64_t n_taken;

/* Takes frames, one at a time: what is used only grows. */
static void
frames_take(struct worker *w)
{
    (void)w;
    for (uint64_t frame = 0; n_taken < TAKEN && frame < machine->n_frames; frame++)
        if (is_free(frame) && call_frame_alloc(SLOT_ACCOUNT, frame, 1).value == 1)
            taken[n_taken++] = frame;
}

/* What account_read tells lies between what the page shows before and after. */
static void
own_in_motion(const volatile struct account_page *page)
{
    uint64_t first = page->state.used_frames, steps = 0, last = first;

    worker_start(&taker, WORKER, cpu_count() - 1, 1000000, frames_take);
    while (last < first + TAKEN) {
        uint64_t before = page->state.used_frames, told = account_told(SLOT_ACCOUNT).used_frames;
        uint64_t after = page->state.used_frames;

        hold(before <= told && told <= after && last <= before, "what is used, as it grows");
        hold(page->state.peak_frames >= after, "no more than ever was");
        steps += after != last;
        last = after;
        if (after == before)
            call_yield(SLOT_NOTHING);
    }
    worker_join(&taker, "it took them");
    hold(steps > 0 && n_taken == TAKEN, "it was seen to grow");
    state_agrees(SLOT_ACCOUNT, page, "many frames taken by another context");
    for (uint64_t i = 0; i < TAKEN; i++)
        while (call_frame_free(SLOT_ACCOUNT, taken[i], 1).value == -E_AGAIN)
            ;
    state_agrees(SLOT_ACCOUNT, page, "and given back");
}

static void
own(const struct start_page *start)
{
    const volatile struct account_page *page = account_shown();
    uint64_t entry, frame;

    if (!page)
        fail("our account has no page");
    hold((uintptr_t)page == start->account_va, "our account has a page");
    hold(page->version == ACCOUNT_PAGE_VERSION && page->account == object_of_slot(SLOT_ACCOUNT),
         "and it is ours");
    hold(page->n_ring == (FRAME_BYTES - ACCOUNT_PAGE_HEAD) / sizeof(page->taken[0]), "one frame");
    hold(page->state.limit_frames == start->limit_frames, "our limit");
    state_agrees(SLOT_ACCOUNT, page, "our own account, as it began");
    frame = frame_new();
    state_agrees(SLOT_ACCOUNT, page, "a frame more");
    fine(call_slice_take(SLOT_ACCOUNT, 0, POSITION, 3).value, "slice_take");
    state_agrees(SLOT_ACCOUNT, page, "and positions");
    fine(call_slice_give(SLOT_ACCOUNT, 0, POSITION, 3).value, "slice_give");
    while (call_frame_free(SLOT_ACCOUNT, frame, 1).value == -E_AGAIN)
        ;
    state_agrees(SLOT_ACCOUNT, page, "and given back");
    own_in_motion(page);
    entry = (entry_at((uintptr_t)page) >> FRAME_SHIFT << FRAME_SHIFT) | MAP_READ;
    refuse(map_one(start->root_frame, (uintptr_t)page, entry | MAP_WRITE), E_PERM,
           "our own account's page, to be written");
    hold(trap_write((uintptr_t)page).vector != NO_VECTOR, "nobody writes it");
    hold(trap_jump((uintptr_t)page).vector != NO_VECTOR, "nobody runs it");
}

/* ---- only to be read, and no more than it is ---- */

static uint64_t
pages_end(uint64_t va, uint64_t bytes)
{
    return va + ((bytes + FRAME_BYTES - 1) & ~(uint64_t)(FRAME_BYTES - 1));
}

static void
region(uint64_t va, uint64_t bytes)
{
    hold(trap_read(va).vector == NO_VECTOR && trap_read(va + bytes - 1).vector == NO_VECTOR,
         "it is there");
    hold(trap_write(va).vector != NO_VECTOR, "nobody writes it");
    hold(trap_jump(va).vector != NO_VECTOR, "nobody runs it");
    hold(trap_read(va - 1).vector != NO_VECTOR, "nothing lies before it");
    hold(trap_read(pages_end(va, bytes) + FRAME_BYTES).vector != NO_VECTOR, "nor behind it");
}

int
exo_main(const struct start_page *start)
{
    numbers();
    clocks();
    epochs();
    bitmap();
    waiters();
    account();
    own(start);
    region(EXPOSED_MACHINE, FRAME_BYTES);
    region(EXPOSED_FREE, machine->n_frames / 8);
    region(EXPOSED_WAITERS, machine->n_frames * sizeof(uint32_t));
    return done();
}
