/* SPDX-License-Identifier: MIT */
/* walk.c - every wrong capability for each slot of a call, and its twin (walk.h). */
#include "test/boot/walk.h"
#include "test/boot/foreign.h"
#include "test/boot/state.h"

enum { FIELDS_MAX = 9, FOREIGN_FRAMES = 12, TRIES = 100000 };

const uint32_t walk_slot_of_kind[KIND_COUNT] = {
    [KIND_ACCOUNT] = SLOT_ACCOUNT, [KIND_SLOTS] = GOOD_SLOTS,     [KIND_CELLS] = GOOD_CELLS,
    [KIND_ENV] = GOOD_ENV,         [KIND_CONTEXT] = GOOD_CONTEXT, [KIND_EVENTS] = GOOD_EVENTS,
    [KIND_CONSOLE] = SLOT_CONSOLE, [KIND_MACHINE] = SLOT_MACHINE, [KIND_ENTRY] = GOOD_ENTRY,
};
uint64_t walk_reg[REGISTERS];

static const struct call_shape *shape;
static struct call_field fields[FIELDS_MAX + 1]; /* its own, and a hidden one */
static const struct call_field *field;           /* the one that is walked */
static const struct walk_hidden *hidden;         /* where that is not the table's */
static uint64_t others[FOREIGN_FRAMES];
static uint32_t n_others;

/* ---- what we hold ---- */

/* The rights that a slot of ours has. */
static uint32_t
rights_of(uint64_t slot)
{
    if (exo_boot_page) /* init has them all */
        return RIGHTS_ALL;
    switch (slot) {
    case SLOT_ACCOUNT:
        return RIGHT_ALLOC | RIGHT_MAP | RIGHT_MAKE | RIGHT_INSPECT | RIGHT_GRANT;
    case SLOT_CONSOLE:
        return RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT;
    case SLOT_EVENTS:
        return RIGHT_READ | RIGHT_WRITE | RIGHT_POST | RIGHT_GRANT;
    case SLOT_MACHINE:
        return RIGHT_CLOCK | RIGHT_GRANT;
    case SLOT_CONTEXT:
        return RIGHT_INSPECT | RIGHT_WRITE | RIGHT_STOP | RIGHT_RUN | RIGHT_GRANT;
    case SLOT_INSPECT:
        return RIGHT_INSPECT | RIGHT_GRANT;
    default:
        return RIGHTS_ALL;
    }
}

static bool
in_structure(const struct call_field *f)
{
    return hidden && !hidden->argument && !f->name;
}

static uint32_t *
word_of_structure(void)
{
    return (uint32_t *)(void *)(good_data + hidden->offset);
}

static uint64_t
value_of(const struct call_field *f)
{
    return in_structure(f) ? *word_of_structure() : field_get(f, walk_reg);
}

static bool
we_hold(const struct call_field *f)
{
    return !(f->right & ~rights_of(value_of(f)));
}

/* Do we hold what the slot arguments before this one ask for? Slots are looked at in order. */
static bool
reachable(void)
{
    for (const struct call_field *f = fields; f < field; f++)
        if (f->kind != KIND_NONE && !we_hold(f))
            return false;
    return true;
}

/* ---- refusals ---- */

void
walk_refused(const uint64_t with[REGISTERS], int error, const char *name, const char *what)
{
    int64_t value = call_with(shape->number, with).value;

    if (value >= 0)
        breach("%s: %s %s: accepted, %ld", shape->name, name, what, (long)value);
    error_documented(shape, value);
    if (error && value != -error)
        fail("%s: %s %s: error %ld, not %d", shape->name, name, what, (long)-value, error);
    state_same(shape, name, what);
    expect(true, what);
}

static void
refused_in_structure(uint64_t value, int error, const char *what)
{
    uint32_t kept = *word_of_structure();

    *word_of_structure() = (uint32_t)value;
    state_take();
    walk_refused(walk_reg, error, "a slot in its structure", what);
    *word_of_structure() = kept;
}

static void
call_refused(uint64_t value, int error, const char *what)
{
    uint64_t with[REGISTERS];

    if (in_structure(field)) {
        refused_in_structure(value, error, what);
        return;
    }
    memcpy(with, walk_reg, sizeof(with));
    field_set(field, with, value);
    walk_refused(with, error, field->name, what);
}

static void
no_slot(void)
{
    static const uint64_t none[] = {WALK_EMPTY, SLOTS_PER_TABLE,  SLOTS_PER_TABLE + 1, 0x7fffffff,
                                    0x80000000, 0xfffffffe,       SLOT_NOTHING,        0x100000000,
                                    1ull << 63, (1ull << 63) - 1, UINT64_MAX};

    for (uint32_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        if ((in_structure(field) ? none[i] <= UINT32_MAX : field_holds(field, none[i])) &&
            !(hidden && none[i] == SLOT_NOTHING)) /* there it means none, and is fine */
            call_refused(none[i], E_BADF, "names no slot");
    call_refused(WALK_DEAD, E_BADF, "names a dead slot");
    call_refused(WALK_FORGED, E_BADF, "names what was forged");
}

static void
wrong_kinds(void)
{
    for (uint32_t kind = KIND_ACCOUNT; kind < KIND_COUNT; kind++)
        if (field->kind != KIND_ANY && kind != field->kind &&
            !(hidden && kind == hidden->other_kind))
            call_refused(walk_slot_of_kind[kind], E_BADF, "is of another kind");
}

/* Is it enough to hold the child's account in that place? Then it is no foreign one. */
static bool
child_suffices(void)
{
    return exo_boot_page || field->right == RIGHT_DESTROY || shape->number == CALL_account_read ||
           shape->number == CALL_frame_alloc || shape->number == CALL_slice_take ||
           shape->number == CALL_slice_read || !strcmp(field->name, "to");
}

static void
foreign_slot(void)
{
    if (hidden && hidden->foreign)
        call_refused(hidden->foreign, E_PERM, "is another account's");
    if (hidden)
        return;
    if (field->kind == KIND_ACCOUNT && !child_suffices())
        call_refused(FOREIGN_ACCOUNT, 0, "is another account");
    if (field->kind == KIND_SLOTS && shape->number == CALL_env_make)
        call_refused(FOREIGN_SLOTS, E_PERM, "is another account's");
    if (field->kind == KIND_ENV)
        call_refused(FOREIGN_ENV, E_PERM, "is another account's");
    if (shape->number == CALL_transfer_serve)
        call_refused(field->kind == KIND_ENTRY ? FOREIGN_ENTRY : FOREIGN_CONTEXT, E_PERM,
                     "is another account's");
}

static bool
is_a_frame(const struct call_field *f)
{
    static const char *const names[] = {"frame", "first", "root", "table", "child", "companion"};

    for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (f->kind == KIND_NONE && !strcmp(f->name, names[i]) && shape->number != CALL_slice_set)
            return true;
    return false;
}

bool
walk_foreign(uint32_t n, uint64_t *frame)
{
    *frame = n < n_others ? others[n] : 0;
    return n < n_others;
}

static void
foreign_frame(void)
{
    for (uint32_t i = 0; i < n_others; i++)
        if ((i < FOREIGN_FOR_EVER || shape->number != CALL_frame_alloc) && foreign_still(others[i]))
            call_refused(others[i], 0, "is not ours");
}

/* ---- slots that are made for one call ---- */

void
walk_bind(uint64_t slot, uint32_t rights, uint32_t into, uint32_t index)
{
    struct cap cap;

    call_slot_clear(SLOT_SLOTS, into);
    while (call_cap_revoke(WALK_CELLS, index).value == -E_AGAIN)
        ;
    fine(call_cap_grant(slot, WALK_CELLS, index, rights, 0, (uintptr_t)&cap).value, "cap_grant");
    fine(call_cap_bind(SLOT_SLOTS, into, (uintptr_t)&cap).value, "cap_bind");
}

/* For each slot argument one that lacks the right, one of it that was revoked, one with no more. */
static void
slots_derive(void)
{
    for (const struct call_field *f = fields; f->bits; f++) {
        uint32_t n = (uint32_t)(f - fields), rights;
        uint64_t slot = value_of(f);

        if (f->kind == KIND_NONE || !we_hold(f))
            continue;
        rights = rights_of(slot);
        walk_bind(slot, rights & ~(uint32_t)f->right, WALK_WEAK + n, 1 + n);
        walk_bind(slot, rights, WALK_REVOKED + n, 11 + n);
        fine(call_cap_revoke(WALK_CELLS, 11 + n).value, "cap_revoke");
        walk_bind(slot, f->right | (f->kind == KIND_ANY ? RIGHT_READ : 0), WALK_EXACT + n, 21 + n);
    }
}

enum good
walk_prepare(const struct call_shape *of)
{
    enum good good;

    shape = of;
    good = good_call(shape->number, walk_reg);
    for (const struct call_field *f = shape->field; f->name; f++)
        if (f->kind != KIND_NONE && good == GOOD_ROOTS) /* the slot of that kind that we have */
            field_set(f, walk_reg, walk_slot_of_kind[f->kind % KIND_COUNT]);
    state_find();
    state_take();
    return good;
}

/* As the last, with slots of its own. */
static enum good
begin(void)
{
    enum good good = walk_prepare(shape);

    if (hidden && hidden->fill)
        hidden->fill();
    if (in_structure(field))
        *word_of_structure() = hidden->good;
    else if (hidden)
        field_set(field, walk_reg, hidden->good);
    slots_derive();
    state_find();
    state_take();
    return good;
}

static void
walk_field(void)
{
    uint32_t n = (uint32_t)(field - fields);

    if (field->kind == KIND_NONE && is_a_frame(field))
        foreign_frame();
    if (field->kind == KIND_NONE)
        return;
    no_slot();
    wrong_kinds();
    foreign_slot();
    if (!we_hold(field)) {
        call_refused(value_of(field), E_PERM, "lacks the right");
        return;
    }
    call_refused(WALK_WEAK + n, E_PERM, "lacks the right");
    call_refused(WALK_REVOKED + n, E_BADF, "was revoked");
}

/* ---- the twin ---- */

static int64_t
twin_once(void)
{
    for (const struct call_field *f = fields; f->bits; f++) {
        uint32_t exact = WALK_EXACT + (uint32_t)(f - fields);
        if (in_structure(f))
            *word_of_structure() = exact;
        else if (f->kind != KIND_NONE)
            field_set(f, walk_reg, exact);
    }
    return call_with(shape->number, walk_reg).value;
}

/* Others may have been faster (GOOD_IN_TIME): it is made anew, and tried again. */
static void
twin(enum good good)
{
    int64_t value;

    if (good == GOOD_ROOTS || good == GOOD_ENDS || good == GOOD_BY_RAX)
        return;
    value = twin_once();
    for (int i = 0; i < TRIES && (value == -E_AGAIN || value == -E_NOMEM) && good == GOOD_IN_TIME;
         i++) {
        call_yield(SLOT_NOTHING);
        begin();
        value = twin_once();
    }
    if (value < 0)
        fail("%s with good arguments: error %ld", shape->name, (long)-value);
    expect(true, shape->name);
}

/* ---- from outside ---- */

static void
dead_slot(void)
{
    uint64_t frame = frame_new();

    fine(call_events_make(SLOT_ACCOUNT, frame, WALK_DEAD).value, "events_make");
    fine(call_event_read(WALK_DEAD, 0).value, "it lives");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
}

void
walk_begin(void)
{
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), WALK_CELLS).value, "cells_make");
    n_others = foreign_frames(others, FOREIGN_FRAMES);
    dead_slot();
}

/* How many there are of its own. */
static uint32_t
fields_copy(void)
{
    uint32_t n = 0;

    memset(fields, 0, sizeof(fields));
    for (const struct call_field *f = shape->field; f->name; f++)
        fields[n++] = *f;
    return n;
}

void
walk_call(const struct call_shape *of)
{
    enum good good;

    shape = of;
    hidden = NULL;
    fields_copy();
    field = fields;
    good = begin();
    for (; field->name; field++)
        if (reachable())
            walk_field();
    field = fields;
    twin(good);
}

void
walk_hidden(const struct walk_hidden *h)
{
    enum good good;
    uint32_t n;

    shape = call_shape_of(h->number);
    n = fields_copy();
    field = &fields[n];
    fields[n] = (struct call_field){.name = NULL, .bits = 32, .kind = h->kind, .right = h->right};
    for (uint32_t i = 0; h->argument && i < n; i++)
        if (!strcmp(fields[i].name, h->argument)) {
            fields[i].kind = h->kind;
            fields[i].right = h->right;
            field = &fields[i];
        }
    if (h->argument)
        fields[n] = (struct call_field){.bits = 0};
    hidden = h;
    good = begin();
    expect(good == GOOD_SUCCEEDS || good == GOOD_IN_TIME, "the call is one that we can make");
    walk_field();
    twin(good);
    hidden = NULL;
}
