/* SPDX-License-Identifier: MIT */
/* state.c - what the kernel tells of what we hold (state.h). */
#include "test/boot/state.h"
#include "abi/account.h"
#include "abi/event.h"
#include "abi/exposed.h"
#include "abi/slice.h"
#include "test/boot/foreign.h"
#include "lib/words.h"

enum {
    FRAMES_MAX = 2048,
    PARTS = 10,
    CELL_SPENT = CELLS_PER_FRAME - 1, /* in GOOD_CELLS: of a grant that was revoked */
    INDEX_FIRST = 48,                 /* slots of GOOD_SLOTS that are looked at */
    INDEX_COUNT = 4,
    POSITION_FIRST = GOOD_POSITION - 4,
    POSITION_COUNT = 8,
    ITEMS_MAX = 3 * FRAMES_MAX,
};

static const uint64_t NOTHING = 0x6e6f7468696e67; /* where a call told nothing */
static const char *const part_name[PARTS] = {"accounts",  "frames", "waiters", "tables",
                                             "events",    "slots",  "cells",   "contexts",
                                             "positions", "pages"};

struct state {
    uint32_t n, part_start[PARTS + 1];
    uint64_t item[ITEMS_MAX];
};

static struct state before, after;
static uint32_t frame[FRAMES_MAX], n_frames;
static uint8_t type[FRAMES_MAX]; /* as frames_put was told */
static uint32_t first_part; /* with the word `same`: the last alone, the kernel sees the rest */
static struct cap spent;

static void
put(struct state *s, uint64_t value)
{
    expect(s->n < ITEMS_MAX, "room for the state");
    s->item[s->n++] = value;
}

static void
put_words(struct state *s, const void *at, uint64_t bytes, int64_t value)
{
    for (uint64_t i = 0; i < bytes / sizeof(uint64_t); i++)
        put(s, value < 0 ? NOTHING : ((const uint64_t *)at)[i]);
}

static uint64_t
mixed(uint64_t sum, uint64_t word)
{
    return (sum ^ word) * 0x100000001b3;
}

/* ---- the parts ---- */

/* What a wrong tag costs is what cap_bind says. */
static void
accounts_put(struct state *s)
{
    static const uint32_t slots[] = {SLOT_ACCOUNT, GOOD_INTO, FOREIGN_ACCOUNT};
    struct account_state told = {0};

    for (uint32_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        int64_t r = call_account_read(slots[i], (uintptr_t)&told).value;
        told.rejected = told.bind_after_ns = 0;
        told.work_cycles = 0; /* interrupts go on beside the call */
        put_words(s, &told, sizeof(told), r);
    }
}

static void
frames_put(struct state *s)
{
    static struct frame_state told[FRAME_BATCH_MAX];

    for (uint32_t i = 0; i < n_frames;) {
        uint32_t run = 1;
        int64_t r;
        while (i + run < n_frames && run < FRAME_BATCH_MAX && frame[i + run] == frame[i] + run)
            run++;
        r = call_frame_read(SLOT_ACCOUNT, frame[i], run, (uintptr_t)told).value;
        put_words(s, told, (r > 0 ? (uint64_t)r : 1) * sizeof(told[0]), r);
        type[i] = FRAME_ABSENT;
        for (uint32_t k = 0; r > 0 && k < (uint64_t)r; k++)
            type[i + k] = told[k].type;
        i += r > 0 ? (uint32_t)r : 1;
    }
}

static void
waiters_put(struct state *s)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < n_frames; i++)
        n += ((const volatile uint32_t *)EXPOSED_WAITERS)[frame[i]];
    put(s, n);
}

/* One number a table; accessed and dirty bits come by themselves. */
static void
tables_put(struct state *s)
{
    static uint64_t entry[PT_ENTRIES];

    for (uint32_t i = 0; i < n_frames; i++) {
        uint64_t sum = 0, level = (uint64_t)type[i] + 1 - FRAME_PT1;
        uint64_t n = level == PT_LEVELS ? PT_ENTRIES / 2 : PT_ENTRIES; /* half a root is ours */
        if (level < 1 || level > PT_LEVELS)
            continue;
        fine(call_pt_read(SLOT_ACCOUNT, frame[i], level, 0, (uintptr_t)entry, n).value,
             "pt_read of a table");
        for (uint32_t e = 0; e < n; e++)
            sum =
                mixed(sum, entry[e] & MAP_READ ? entry[e] & ~(MAP_ACCESSED | MAP_DIRTY) : entry[e]);
        put(s, sum);
    }
}

static void
events_put(struct state *s)
{
    for (uint32_t i = 0; i < EVENTS_PER_FRAME; i++)
        put(s, (uint64_t)call_event_read(GOOD_EVENTS, i).value);
}

/* A grant into cell 0 says, and does nothing else, whether its slot is empty. */
static void
slots_put(struct state *s)
{
    for (uint32_t i = 0; i < SLOTS_PER_TABLE; i++)
        put(s, (uint64_t)call_cap_grant(i, GOOD_CELLS, 0, 0, 0, 0).value);
    for (uint32_t i = INDEX_FIRST; i < INDEX_FIRST + INDEX_COUNT; i++)
        put(s, call_cap_bind(GOOD_SLOTS, i, (uintptr_t)&spent).value == -E_EXIST);
}

/* So does one of more than we have whether the cell is empty. */
static void
cells_put(struct state *s)
{
    static const uint32_t slots[] = {GOOD_CELLS, GOOD_INTO};
    struct cap cap;

    for (uint32_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
        for (uint32_t c = 1; c < CELLS_PER_FRAME; c++)
            put(s, (uint64_t)call_cap_grant(SLOT_ACCOUNT, slots[i], c, RIGHT_DESTROY, 0,
                                            (uintptr_t)&cap)
                       .value);
}

static void
contexts_put(struct state *s)
{
    static const uint32_t slots[] = {GOOD_CONTEXT, GOOD_INTO};
    struct context_state told = {0};

    for (uint32_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
        put_words(s, &told, sizeof(told), call_context_read(slots[i], (uintptr_t)&told).value);
}

static void
positions_put(struct state *s)
{
    struct slice_state told = {0};

    for (uint64_t p = POSITION_FIRST; p < POSITION_FIRST + POSITION_COUNT; p++) {
        int64_t r = call_slice_read(SLOT_ACCOUNT, 0, p, (uintptr_t)&told).value;
        told.interrupts = told.debt_ns = 0; /* these go on by themselves */
        put_words(s, &told, sizeof(told), r);
    }
}

static void
pages_put(struct state *s)
{
    const uint64_t *words = (const uint64_t *)good_data;

    for (uint32_t page = 0; page < DATA_PAGES; page++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < FRAME_BYTES / sizeof(*words); i++)
            sum = mixed(sum, *words++);
        put(s, sum);
    }
}

static void (*const part_put[PARTS])(struct state *) = {
    accounts_put, frames_put, waiters_put,  tables_put,    events_put,
    slots_put,    cells_put,  contexts_put, positions_put, pages_put};

static void
look(struct state *s)
{
    s->n = 0;
    for (uint32_t part = 0; part < PARTS; part++) {
        s->part_start[part] = s->n;
        if (part >= first_part)
            part_put[part](s);
    }
    s->part_start[PARTS] = s->n;
}

/* ---- from outside ---- */

void
state_find(void)
{
    uint64_t end = ((const struct machine_page *)EXPOSED_MACHINE)->n_frames;
    struct frame_state told = {0};

    n_frames = 0;
    for (uint64_t f = 0; f < end && !first_part; f++) {
        if (((const volatile uint64_t *)EXPOSED_FREE)[f / 64] >> f % 64 & 1)
            continue;
        if (call_frame_read(SLOT_ACCOUNT, f, 1, (uintptr_t)&told).value != 1)
            continue;
        expect(n_frames < FRAMES_MAX, "room for our frames");
        frame[n_frames++] = (uint32_t)f;
    }
}

void
state_begin(void)
{
    fine(
        call_cap_grant(GOOD_EVENTS, GOOD_CELLS, CELL_SPENT, RIGHT_READ, 0, (uintptr_t)&spent).value,
        "cap_grant");
    fine(call_cap_revoke(GOOD_CELLS, CELL_SPENT).value, "cap_revoke");
    if (exo_boot_page ? line_has_word(exo_boot_page->arguments, "same")
                      : !strcmp(argument(0), "same"))
        first_part = PARTS - 1;
}

void
state_take(void)
{
    look(&before);
}

void
state_same(const struct call_shape *shape, const char *argument, const char *what)
{
    uint32_t part = 0;

    look(&after);
    for (uint32_t i = 0; i < before.n; i++) {
        while (before.part_start[part + 1] <= i)
            part++;
        if (before.part_start[part] != after.part_start[part] || after.item[i] != before.item[i])
            breach("%s: %s %s: refused, but of the %s number %u has changed: %lx, %lx", shape->name,
                   argument, what, part_name[part], i - before.part_start[part], before.item[i],
                   after.item[i]);
    }
    expect(after.n == before.n, "as much as before");
}

void
error_documented(const struct call_shape *shape, int64_t value)
{
    for (uint32_t i = 0; i < sizeof(shape->error) && shape->error[i]; i++)
        if (value == -(int64_t)shape->error[i])
            return;
    fail("%s: error %ld, which its page does not name", shape->name, (long)-value);
}
