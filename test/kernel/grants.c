/* SPDX-License-Identifier: MIT */
/*
 * grants.c - a model of grants, binds and revocations (grants.h).
 *
 * A record is one grant, and stays for ever: it is dead when it or one above it was revoked. The
 * kernel must refuse what is dead at once, keep what is alive, and have let go of all that is dead
 * below a cell when its revocation is said to be over.
 */
#include "test/kernel/grants.h"
#include <stdbool.h>
#include <string.h>
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/cap.h"
#include "kernel/bound.h"
#include "test/kernel/fake.h"

enum {
    OBJECTS = 4, /* frames from FAKE_FIRST_FREE on: first these, then cells, then tables */
    CELL_FRAMES = 12,
    TABLES = 3,
    FRAMES = OBJECTS + CELL_FRAMES + TABLES,
    RECORDS = 20000,
    NONE = -1,
    DEED_BYTES = 4,
    BURST = 40,
};

struct record {
    int parent; /* NONE: an object's own */
    uint32_t depth, object;
    uint16_t rights;
    bool killed;
    struct cap cap; /* of no use for an object's own */
};

static struct record records[RECORDS];
static int n_records;
static int slot_record[TABLES + 1][SLOTS_PER_TABLE]; /* [TABLES]: the running environment's own */
static int cell_record[CELL_FRAMES][CELLS_PER_FRAME];
static int own_record[FRAMES];
static struct play play;

static void
wrong(const char *why)
{
    if (!play.why)
        play.why = why;
}

static bool
alive(int r)
{
    for (; r != NONE; r = records[r].parent)
        if (records[r].killed)
            return false;
    return true;
}

static bool
descends(int r, int from)
{
    for (; r != NONE; r = records[r].parent)
        if (r == from)
            return true;
    return false;
}

static int
record_new(int parent, uint32_t object, uint16_t rights)
{
    struct record *r = &records[n_records];

    *r = (struct record){.parent = parent, .object = object, .rights = rights};
    r->depth = parent == NONE ? 0 : records[parent].depth + 1;
    return n_records++;
}

/* ---- where things are ---- */

static uint64_t
frame_number(uint32_t i)
{
    return FAKE_FIRST_FREE + i % FRAMES;
}

static bool
is_table(uint32_t i)
{
    return i >= OBJECTS + CELL_FRAMES;
}

static bool
is_cells(uint32_t i)
{
    return i >= OBJECTS && !is_table(i);
}

/* A table that is there, or the environment's own. */
static struct slots *
table_at(uint32_t t)
{
    uint64_t n = t == TABLES ? FAKE_TABLE : frame_number(OBJECTS + CELL_FRAMES + t);

    return frame_at(n)->type == FRAME_SLOTS ? frame_address(n) : NULL;
}

/* ---- invariants ---- */

static void
check_circle(const struct cell *cell)
{
    bool cells = false;

    for (const struct link *l = cell->below.next; l != &cell->below; l = l->next) {
        const struct leaf *leaf = (const struct leaf *)l;

        if (l->next->prev != l || l->prev->next != l)
            wrong("links of a circle disagree");
        if (leaf->type == LEAF_SLOT && cells && cell->generation)
            wrong("a slot behind a cell (G3)");
        if (leaf->type == LEAF_SLOT && leaf->cell != cell_id(cell) && cell->generation)
            wrong("a slot on the wrong cell");
        cells |= leaf->type == LEAF_CELL;
        if (leaf->type == LEAF_NONE || (leaf->type == LEAF_JOINED && cell->generation))
            wrong("what hangs is of no type that may");
    }
}

/* The cells of frame i: circles in order, dying ones counted. */
static void
check_cells(uint32_t i, uint64_t unfinished[FRAMES])
{
    const struct cells *cells = frame_address(frame_number(i));

    for (uint32_t c = 0; c < (is_cells(i) ? CELLS_PER_FRAME : 1); c++) {
        const struct cell *cell = &cells->cell[c];
        if (cell->leaf.type == LEAF_NONE)
            continue;
        check_circle(cell);
        if (!cell->generation)
            unfinished[cell->own / CELLS_PER_FRAME - FAKE_FIRST_FREE]++;
        if (c && !leaf_whole(&cell->leaf))
            wrong("a cell that hangs nowhere");
    }
}

static void
check_slots(uint32_t t)
{
    const struct slots *slots = table_at(t);

    for (uint32_t s = 0; slots && s < SLOTS_PER_TABLE; s++) {
        const struct slot *slot = &slots->slot[s];
        int r = slot_record[t][s];
        if (slot->leaf.kind == KIND_NONE ? slot->leaf.type != LEAF_NONE
                                         : !leaf_whole(&slot->leaf) || slot->leaf.type != LEAF_SLOT)
            wrong("a slot half empty (K1, K2)");
        if (slot->leaf.kind == KIND_NONE && r != NONE && alive(r))
            wrong("a slot fell though its cell is alive");
        if (slot->leaf.kind != KIND_NONE &&
            (r == NONE || slot->object != frame_address(records[r].object) ||
             slot->leaf.rights != records[r].rights))
            wrong("a slot names what was not bound there");
    }
}

static void
check_all(void)
{
    uint64_t unfinished[FRAMES] = {0};

    for (uint32_t i = 0; i < FRAMES; i++)
        if (frame_at(frame_number(i))->type != FRAME_PLAIN)
            check_cells(i, unfinished);
    for (uint32_t i = 0; i < FRAMES; i++) {
        const struct cell *own = frame_address(frame_number(i));
        if (frame_at(frame_number(i))->type != FRAME_PLAIN && own->unfinished != unfinished[i])
            wrong("dying cells are miscounted (G5)");
    }
    for (uint32_t t = 0; t <= TABLES; t++)
        check_slots(t);
}

/* Record r is said to be gone: no slot below it is left. */
static void
check_gone(int r)
{
    for (uint32_t t = 0; t <= TABLES; t++) {
        const struct slots *slots = table_at(t);
        for (uint32_t s = 0; s < SLOTS_PER_TABLE; s++) {
            if (slot_record[t][s] == NONE || !descends(slot_record[t][s], r))
                continue;
            if (slots && slots->slot[s].leaf.kind != KIND_NONE)
                wrong("a slot is left of what is gone");
            slot_record[t][s] = NONE;
        }
    }
}

/* ---- deeds ---- */

static void
deed_make(uint32_t i)
{
    uint64_t n = frame_number(i);
    uint32_t into = i, t = i - OBJECTS - CELL_FRAMES;
    bool was_plain = frame_at(n)->type == FRAME_PLAIN;
    int64_t r;

    (void)slot_clear(table_at(TABLES), into);
    slot_record[TABLES][into] = NONE;
    if (is_table(i))
        r = object_make(account_root, n, into, FRAME_SLOTS, KIND_SLOTS).value;
    else if (is_cells(i))
        r = object_make(account_root, n, into, FRAME_CELLS, KIND_CELLS).value;
    else
        r = object_make(account_root, n, into, FRAME_EVENTS, KIND_EVENTS).value;
    if ((r == 0) != was_plain)
        wrong("an object of a plain frame, and of no other");
    if (r)
        return;
    own_record[i] = slot_record[TABLES][into] = record_new(NONE, (uint32_t)n, RIGHTS_ALL);
    for (uint32_t s = 0; is_table(i) && s < SLOTS_PER_TABLE; s++)
        slot_record[t][s] = NONE;
    for (uint32_t c = 0; is_cells(i) && c < CELLS_PER_FRAME; c++)
        cell_record[i - OBJECTS][c] = NONE;
}

/* May something be granted from or bound under r, whose depth is known? */
static void
check_answer(int r, int64_t value)
{
    if (alive(r) && value == -E_AGAIN && records[r].depth >= STEPS_MAX)
        return;
    if (alive(r) && value == -E_BADF)
        wrong("something alive was refused");
    if (alive(r))
        return;
    play.refused++;
    if (value >= 0 || (value == -E_AGAIN && records[r].depth < STEPS_MAX))
        wrong("something dead was let through");
}

/* The record granted, or NONE. */
static int
deed_grant(uint32_t t, uint32_t s, uint32_t i, uint32_t c)
{
    struct slots *slots = table_at(t);
    uint64_t n = frame_number(i);
    struct cells *cells = frame_address(n);
    struct slot *slot;
    struct cap cap;
    int64_t value;
    int from;

    if (!slots || !is_cells(i) || frame_at(n)->type != FRAME_CELLS || n_records == RECORDS)
        return NONE;
    slot = &slots->slot[s];
    from = slot_record[t][s];
    if (slot->leaf.kind == KIND_NONE || from == NONE)
        return NONE;
    value = cap_grant(slot, cells, c, slot->leaf.rights, 0, (uintptr_t)&cap).value;
    if (value == -E_EXIST || value == -E_INVAL)
        return NONE;
    if (value != -E_BADF || cells->cell[0].generation)
        check_answer(from, value);
    if (value)
        return NONE;
    from = record_new(from, records[from].object, slot->leaf.rights);
    records[from].cap = cap;
    cell_record[i - OBJECTS][c] = from;
    return from;
}

static void
deed_bind(int r, uint32_t t, uint32_t s)
{
    struct slots *slots = table_at(t);
    int64_t value;

    if (!slots || r == NONE || records[r].parent == NONE)
        return;
    value = cap_bind(slots, s, &records[r].cap).value;
    if (value == -E_EXIST)
        return;
    check_answer(r, value);
    if (value == 0)
        slot_record[t][s] = r;
}

static void
deed_clear(uint32_t t, uint32_t s)
{
    struct slots *slots = table_at(t);

    if (!slots)
        return;
    (void)slot_clear(slots, s);
    slot_record[t][s] = NONE;
}

static void
deed_revoke(uint32_t i, uint32_t c)
{
    uint64_t n = frame_number(i);
    int64_t value;
    int r;

    if (!is_cells(i) || frame_at(n)->type != FRAME_CELLS)
        return;
    value = cap_revoke(frame_address(n), c).value;
    if (value == -E_INVAL)
        return;
    r = cell_record[i - OBJECTS][c];
    if (r != NONE)
        records[r].killed = true;
    if (value) {
        play.unfinished++;
        return;
    }
    if (r != NONE)
        check_gone(r);
    cell_record[i - OBJECTS][c] = NONE;
}

static void
deed_free(uint32_t i)
{
    uint64_t n = frame_number(i);
    int error;

    if (frame_at(n)->type == FRAME_PLAIN)
        return;
    records[own_record[i]].killed = true;
    for (uint32_t c = 0; is_cells(i) && c < CELLS_PER_FRAME; c++)
        if (cell_record[i - OBJECTS][c] != NONE) /* they go with it, in some order */
            play.refused += records[cell_record[i - OBJECTS][c]].killed;
    error = fake_free(n);
    for (uint32_t c = 1; is_cells(i) && c < CELLS_PER_FRAME; c++) {
        const struct cell *cell = (const struct cell *)frame_address(n) + c;
        int r = cell_record[i - OBJECTS][c];
        if (r == NONE || (error && cell->generation))
            continue;
        records[r].killed = true;
        if (error && cell->leaf.type != LEAF_NONE)
            continue;
        check_gone(r);
        cell_record[i - OBJECTS][c] = NONE;
    }
    play.unfinished += error != 0;
    if (!error)
        check_gone(own_record[i]);
}

/* Many grants from one slot, each from the one before it (deep) or all from the first. */
static void
deed_burst(uint32_t t, uint32_t s, uint32_t i, bool deep)
{
    for (uint32_t n = 0; n < BURST; n++) {
        int r = deed_grant(t, s, OBJECTS + (i + n / 8) % CELL_FRAMES,
                           1 + (i * 7 + n) % (CELLS_PER_FRAME - 1));

        if (!deep || r == NONE)
            continue;
        s = (s + 1) % SLOTS_PER_TABLE;
        deed_clear(t, s);
        deed_bind(r, t, s);
    }
}

static void
deed(const uint8_t *b)
{
    uint32_t t = b[1] % (TABLES + 1), s = b[2] % SLOTS_PER_TABLE;
    uint32_t cells = OBJECTS + b[3] % CELL_FRAMES, c = b[2] % CELLS_PER_FRAME;
    int any = n_records ? (int)((b[3] * 256u + b[0]) % (uint32_t)n_records) : NONE;
    int late = n_records ? n_records - 1 - b[3] % (n_records < 32 ? n_records : 32) : NONE;

    switch (b[0] % 12) {
    case 0:
    case 1:
        deed_make(b[1] % FRAMES);
        break;
    case 2:
    case 3:
        (void)deed_grant(t, s, cells, 1 + b[3] * b[1] % (CELLS_PER_FRAME - 1));
        break;
    case 4:
        deed_bind(any, t, s);
        break;
    case 5:
    case 6:
        deed_bind(late, t, s);
        break;
    case 7:
        deed_clear(t, s);
        break;
    case 8:
        deed_revoke(cells, c);
        break;
    case 9: /* a cell by which something was granted, most likely */
        if (any != NONE && records[any].parent != NONE)
            deed_revoke(records[any].cap.cell / CELLS_PER_FRAME - FAKE_FIRST_FREE,
                        records[any].cap.cell % CELLS_PER_FRAME);
        break;
    case 10:
        deed_burst(t, s, b[3], b[1] & 64);
        break;
    default:
        if (b[1] < 64)
            deed_free(b[3] % FRAMES);
        else
            deed_revoke(cells, c);
    }
}

struct play
grants_play(const uint8_t *bytes, size_t n)
{
    play = (struct play){0};
    n_records = 0;
    memset(slot_record, NONE, sizeof(slot_record));
    memset(cell_record, NONE, sizeof(cell_record));
    fake_begin();
    for (uint32_t i = 0; i < FRAMES; i++)
        deed_make(i);
    for (; n >= DEED_BYTES && !play.why && n_records + BURST < RECORDS;
         n -= DEED_BYTES, bytes += DEED_BYTES) {
        deed(bytes);
        check_all();
        play.deeds++;
    }
    return play;
}
