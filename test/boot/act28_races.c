/* SPDX-License-Identifier: MIT */
/*
 * act28_races.c - hostile act 28: a second context, on another processor where there is one,
 * changes an argument in memory between what the kernel must take and what it must refuse, all the
 * time that calls read it. What comes of each call is what one of the two words gives: what is
 * refused has changed nothing, what is done is what may be. Arguments: how many races (20,000), and
 * the call that all of them are about, if it is to be one.
 */
#include <stdatomic.h>
#include <stddef.h>
#include "abi/account.h"
#include "abi/event.h"
#include "test/boot/foreign.h"
#include "test/boot/workers.h"

enum {
    SLOT_WORKER = 60,
    SLOT_MADE,
    SLICE_NS = 500 * 1000,
    RACES = 20000,
    KINDS = 6,
    LATE_S = 20,
    SEEN = 8,
    RUN_ALONE = 32
};
static const uint64_t KERNEL_VA = 0xffffffff80100000;

static struct worker worker;
static _Atomic(_Atomic uint64_t *) word; /* that is changed; 0: none */
static _Atomic uint64_t good_word, bad_word;
static volatile bool over;
static uint64_t root, frame, other, done_well, refused;

static void
flip(struct worker *w)
{
    (void)w;
    while (!over) {
        _Atomic uint64_t *at = atomic_load(&word);
        if (!at)
            continue;
        atomic_store_explicit(at, atomic_load(&bad_word), memory_order_relaxed);
        __asm__ volatile(
            "jmp 1f\n1:"); /* the emulator interrupts where a jump ends a run of code */
        atomic_store_explicit(at, atomic_load(&good_word), memory_order_relaxed);
    }
}

/* From here on the word is one or the other. */
static void
race(void *at, uint64_t good, uint64_t bad)
{
    if (atomic_load(&word) == (_Atomic uint64_t *)at)
        return;
    atomic_store(&good_word, good);
    atomic_store(&bad_word, bad);
    atomic_store((_Atomic uint64_t *)at, good);
    atomic_store(&word, (_Atomic uint64_t *)at);
}

/* One of the errors, or done. */
static bool
settled(int64_t value, int error, const char *what)
{
    if (value < 0 && value != -error)
        fail("%s: error %ld, not %d", what, (long)-value, error);
    refused += value < 0;
    done_well += value >= 0;
    return value >= 0;
}

static uint64_t
entry_now(uint64_t va)
{
    return entry_at(va) & ~(MAP_ACCESSED | MAP_DIRTY);
}

static void
mapping(void)
{
    static uint64_t entry;
    uint64_t ours = frame << FRAME_SHIFT | MAP_READ;

    race(&entry, ours, other << FRAME_SHIFT | MAP_READ | MAP_WRITE);
    call_pt_unmap(SLOT_ACCOUNT, root, 0, SCRATCH_VA, 1);
    if (settled(call_pt_map(SLOT_ACCOUNT, root, 0, SCRATCH_VA, (uintptr_t)&entry, 1, SLOT_ACCOUNT)
                    .value,
                E_PERM, "pt_map"))
        hold(entry_now(SCRATCH_VA) == ours, "what is mapped is ours");
    else
        hold(entry_now(SCRATCH_VA) == 0, "nothing is mapped");
}

static void
copying(void)
{
    static struct copy_request request __attribute__((aligned(8)));
    uint64_t tables = root | root << 32, ours = frame << FRAME_SHIFT | MAP_READ;
    int64_t r;

    request.from_va = SCRATCH_VA + FRAME_BYTES;
    request.to_va = SCRATCH_VA;
    request.n = 1;
    map_one(root, SCRATCH_VA + FRAME_BYTES, ours);
    call_pt_unmap(SLOT_ACCOUNT, root, 0, SCRATCH_VA, 1);
    race(&request, tables, root | other << 32);
    r = call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&request).value;
    if (settled(r, E_PERM, "pt_copy"))
        hold(entry_now(SCRATCH_VA) == ours, "what was copied");
    else
        hold(entry_now(SCRATCH_VA) == 0, "nothing was");
}

/* Rights to events, and more of them than the tag is for. */
static void
binding(void)
{
    static struct cap cap __attribute__((aligned(8)));
    static uint64_t as_granted;
    struct cap more;
    int64_t r;

    if (!as_granted) {
        atomic_store(&word, NULL);
        cap = cap_of(GOOD_EVENTS, RIGHT_READ);
        memcpy(&as_granted, &cap.kind, sizeof(as_granted));
    }
    memcpy(&more.kind, &as_granted, sizeof(as_granted));
    more.rights |= RIGHT_POST;
    call_slot_clear(SLOT_SLOTS, SLOT_MADE);
    race(&cap.kind, as_granted, *(const uint64_t *)(const void *)&more.kind);
    do
        r = call_cap_bind(SLOT_SLOTS, SLOT_MADE, (uintptr_t)&cap).value;
    while (r == -E_AGAIN); /* too many were wrong before */
    if (settled(r, E_KEYREJECTED, "cap_bind"))
        refuse(call_event_post(SLOT_MADE, 0, 1).value, E_PERM, "the right that was not granted");
}
_Static_assert(offsetof(struct cap, kind) % 8 == 0, "kind, rights and holder are one word");

static void
waiting(void)
{
    static struct wait_clause clause = {.slot = GOOD_EVENTS, .where = 1};

    race(&clause.where, 1, (uint64_t)1 << 40);
    settled(call_wait((uintptr_t)&clause, 1).value, E_INVAL, "wait");
}

static void
starting(void)
{
    static struct context_start start;
    static uint64_t made, vectors;
    struct context_state state = {0};
    int64_t r;

    if (!made) {
        made = frame_new();
        vectors = frame_new();
        start = (struct context_start){.vector_frame = vectors, .stop_slot = SLOT_NOTHING};
    }
    call_slot_clear(SLOT_SLOTS, SLOT_MADE);
    race(&start.rip, FRAME_BYTES, KERNEL_VA);
    while ((r = call_context_make(GOOD_ENV, made, SLOT_MADE, (uintptr_t)&start).value) == -E_AGAIN)
        call_yield(SLOT_NOTHING);
    if (!settled(r, E_INVAL, "context_make"))
        return;
    fine(call_context_read(SLOT_MADE, (uintptr_t)&state).value, "context_read");
    hold(state.save.rip == FRAME_BYTES, "it begins at an address of ours");
    call_context_stop(SLOT_MADE);
    if (call_frame_free(SLOT_ACCOUNT, made, 1).value != 1 ||
        call_frame_free(SLOT_ACCOUNT, vectors, 1).value != 1 ||
        call_frame_alloc(SLOT_ACCOUNT, made, 1).value != 1 ||
        call_frame_alloc(SLOT_ACCOUNT, vectors, 1).value != 1)
        made = 0; /* with others next time */
}

static void
founding(void)
{
    static struct account_terms terms = {.name = 77, .limit_frames = 4};
    static uint64_t made;
    struct account_state state = {0};
    int64_t r;

    made = made ? made : frame_new();
    call_slot_clear(SLOT_SLOTS, SLOT_MADE);
    race(&terms.reserve_frames, 0, 5);
    while ((r = call_account_make(SLOT_ACCOUNT, made, SLOT_MADE, (uintptr_t)&terms).value) ==
           -E_AGAIN)
        call_yield(SLOT_NOTHING);
    if (!settled(r, E_INVAL, "account_make"))
        return;
    fine(call_account_read(SLOT_MADE, (uintptr_t)&state).value, "account_read");
    hold(state.reserve_frames == 0, "it has no reserve above its limit");
    while (call_account_destroy(SLOT_MADE).value > 0)
        ;
    while ((r = call_frame_free(SLOT_ACCOUNT, made, 1).value) == -E_AGAIN || r == -E_BUSY)
        call_yield(SLOT_NOTHING);
    made = 0;
}

/* How many of a hundred races each kind has. */
static const struct {
    void (*run)(void);
    uint32_t share;
    const char *name;
} kinds[KINDS] = {{mapping, 56, "pt_map"},       {copying, 20, "pt_copy"},
                  {waiting, 14, "wait"},         {binding, 3, "cap_bind"},
                  {starting, 6, "context_make"}, {founding, 1, "account_make"}};

/* So many at least, and until each outcome was seen often: the host may be busy elsewhere. */
static void
races(void (*run)(void), uint64_t n)
{
    uint64_t end = clock_ns() + ((uint64_t)LATE_S << 30);

    done_well = refused = 0;
    for (uint64_t i = 1; i <= n || done_well < SEEN || refused < SEEN; i++) {
        run();
        if (i % RUN_ALONE == 0 && cpu_count() == 1)
            call_yield(SLOT_NOTHING);
        if (clock_ns() > end && i > n)
            fail("one outcome alone in %lu races: %lu done, %lu refused", i, done_well, refused);
    }
}

int
exo_main(const struct start_page *start)
{
    uint64_t n = argument_number(0, RACES), others[FOREIGN_FOR_EVER + 1];
    const char *only = argument(1);

    (void)start;
    stay_on(0);
    good_begin();
    root = exo_start_page->root_frame;
    frame = frame_new();
    foreign_frames(others, FOREIGN_FOR_EVER + 1);
    other = others[0];
    fine(call_event_post(GOOD_EVENTS, 1, 1).value, "event_post");
    worker_start(&worker, SLOT_WORKER, cpu_count() - 1, SLICE_NS, flip);
    for (int kind = 0; kind < KINDS; kind++) {
        if (*only && strcmp(only, kinds[kind].name) != 0)
            continue;
        races(kinds[kind].run, *only ? n : n * kinds[kind].share / 100);
        atomic_store(&word, NULL);
        say("%s: %lu done, %lu refused", kinds[kind].name, done_well, refused);
    }
    over = true;
    worker_join(&worker, "at the end");
    return done();
}
