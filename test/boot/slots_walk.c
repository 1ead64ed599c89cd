/* SPDX-License-Identifier: MIT */
/*
 * slots_walk.c - the walk of the call table: every call with no capability, one beyond the table, a
 * dead, a weaker, a revoked, a forged, another account's, and one of each other kind, for each slot
 * argument; and with frames that are not ours. Each is refused with an error that the call's page
 * names, and nothing that the kernel tells of us has changed (state.h). Then the same call with
 * slots that have just the right that it asks for succeeds.
 */
#include "test/boot/foreign.h"
#include "test/boot/state.h"
#include "abi/event.h"
#include "abi/slice.h"
#include <stddef.h>

enum {
    EMPTY = 125,
    DEAD = 124,
    FORGED = 123,
    CELLS = 122,
    WEAK = 60, /* + the number of the argument, these three */
    REVOKED = 70,
    EXACT = 80,
    SLOT_FIELDS_MAX = 4,
    FOREIGN_FRAMES = 12,
};

/* A slot of each kind that a partition holds. */
static const uint32_t slot_of_kind[KIND_COUNT] = {
    [KIND_ACCOUNT] = SLOT_ACCOUNT, [KIND_SLOTS] = GOOD_SLOTS,     [KIND_CELLS] = GOOD_CELLS,
    [KIND_ENV] = GOOD_ENV,         [KIND_CONTEXT] = GOOD_CONTEXT, [KIND_EVENTS] = GOOD_EVENTS,
    [KIND_CONSOLE] = SLOT_CONSOLE, [KIND_MACHINE] = SLOT_MACHINE, [KIND_ENTRY] = GOOD_ENTRY,
};

static const struct call_shape *shape;
static const struct call_field *field;
static uint64_t reg[REGISTERS]; /* the call as it is good */
static uint64_t others[FOREIGN_FRAMES];
static uint32_t n_others;

/* The rights that a slot of ours has. */
static uint32_t
rights_of(uint64_t slot)
{
    switch (slot) {
    case SLOT_ACCOUNT:
        return RIGHT_ALLOC | RIGHT_MAP | RIGHT_MAKE | RIGHT_INSPECT | RIGHT_GRANT;
    case SLOT_CONSOLE:
        return RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT;
    case SLOT_MACHINE:
        return RIGHT_CLOCK | RIGHT_GRANT;
    case SLOT_CONTEXT:
        return RIGHT_INSPECT | RIGHT_WRITE | RIGHT_STOP | RIGHT_RUN | RIGHT_GRANT;
    default:
        return RIGHTS_ALL;
    }
}

static bool
we_hold(const struct call_field *f)
{
    return !(f->right & ~rights_of(field_get(f, reg)));
}

/* Do we hold what the slot arguments before this one ask for? Slots are looked at in order. */
static bool
reachable(void)
{
    for (const struct call_field *f = shape->field; f < field; f++)
        if (f->kind != KIND_NONE && !we_hold(f))
            return false;
    return true;
}

/* error 0: any that the page names. */
static void
must_refuse(const uint64_t with[REGISTERS], int error, const char *name, const char *what)
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
call_refused(uint64_t value, int error, const char *what)
{
    uint64_t with[REGISTERS];

    memcpy(with, reg, sizeof(with));
    field_set(field, with, value);
    must_refuse(with, error, field->name, what);
}

/* ---- what is in the place of a slot ---- */

static void
no_slot(void)
{
    static const uint64_t none[] = {EMPTY,      SLOTS_PER_TABLE,  SLOTS_PER_TABLE + 1, 0x7fffffff,
                                    0x80000000, 0xfffffffe,       0xffffffff,          0x100000000,
                                    1ull << 63, (1ull << 63) - 1, UINT64_MAX};

    for (uint32_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        if (field_holds(field, none[i]))
            call_refused(none[i], E_BADF, "names no slot");
    call_refused(DEAD, E_BADF, "names a dead slot");
    call_refused(FORGED, E_BADF, "names what was forged");
}

static void
wrong_kinds(void)
{
    for (uint32_t kind = KIND_ACCOUNT; kind < KIND_COUNT; kind++)
        if (field->kind != KIND_ANY && kind != field->kind)
            call_refused(slot_of_kind[kind], E_BADF, "is of another kind");
}

/* Is it enough to hold the child's account in that place? Then it is no foreign one. */
static bool
child_suffices(void)
{
    return field->right == RIGHT_DESTROY || shape->number == CALL_account_read ||
           shape->number == CALL_frame_alloc || shape->number == CALL_slice_take ||
           shape->number == CALL_slice_read || !strcmp(field->name, "to");
}

static void
foreign_slot(void)
{
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

static void
foreign_frame(void)
{
    for (uint32_t i = 0; i < n_others; i++)
        if (i < FOREIGN_FOR_EVER || (shape->number != CALL_frame_alloc && foreign_still(others[i])))
            call_refused(others[i], 0, "is not ours");
}

/* ---- slots that are made for one call ---- */

/* A child of `slot` with these rights, in `into`, of cell `index` of ours. */
static void
child_bind(uint64_t slot, uint32_t rights, uint32_t into, uint32_t index)
{
    struct cap cap;

    call_slot_clear(SLOT_SLOTS, into);
    while (call_cap_revoke(CELLS, index).value == -E_AGAIN)
        ;
    fine(call_cap_grant(slot, CELLS, index, rights, 0, (uintptr_t)&cap).value, "cap_grant");
    fine(call_cap_bind(SLOT_SLOTS, into, (uintptr_t)&cap).value, "cap_bind");
}

/* For each slot argument one that lacks the right, one of it that was revoked, one with no more. */
static void
slots_derive(void)
{
    for (const struct call_field *f = shape->field; f->name; f++) {
        uint32_t n = (uint32_t)(f - shape->field), rights;
        uint64_t slot = field_get(f, reg);

        if (f->kind == KIND_NONE || !we_hold(f))
            continue;
        rights = rights_of(slot);
        child_bind(slot, rights & ~(uint32_t)f->right, WEAK + n, 1 + n);
        child_bind(slot, rights, REVOKED + n, 11 + n);
        fine(call_cap_revoke(CELLS, 11 + n).value, "cap_revoke");
        child_bind(slot, f->right | (f->kind == KIND_ANY ? RIGHT_READ : 0), EXACT + n, 21 + n);
    }
}

/* The good call, and what it needs that we cannot have: the slot of that kind that we do have. */
static enum good
begin(void)
{
    enum good good = good_call(shape->number, reg);

    for (const struct call_field *f = shape->field; f->name; f++)
        if (f->kind != KIND_NONE && good == GOOD_NEVER)
            field_set(f, reg, slot_of_kind[f->kind % KIND_COUNT]);
    slots_derive();
    state_find();
    state_take();
    return good;
}

static void
walk_field(void)
{
    uint32_t n = (uint32_t)(field - shape->field);

    if (is_a_frame(field))
        foreign_frame();
    if (field->kind == KIND_NONE)
        return;
    no_slot();
    wrong_kinds();
    foreign_slot();
    if (!we_hold(field)) {
        call_refused(field_get(field, reg), E_PERM, "lacks the right");
        return;
    }
    call_refused(WEAK + n, E_PERM, "lacks the right");
    call_refused(REVOKED + n, E_BADF, "was revoked");
}

static void
twin(enum good good)
{
    int64_t value;

    if (good == GOOD_NEVER || good == GOOD_ENDS)
        return;
    for (const struct call_field *f = shape->field; f->name; f++)
        if (f->kind != KIND_NONE)
            field_set(f, reg, EXACT + (uint64_t)(f - shape->field));
    value = call_with(shape->number, reg).value;
    if (value < 0)
        error_documented(shape, value);
    if (good == GOOD_SUCCEEDS && value < 0)
        fail("%s with good arguments: error %ld", shape->name, (long)-value);
    expect(value != -E_BADF && value != -E_PERM && value != -E_NOSYS, shape->name);
}

static void
unknown_calls(void)
{
    for (uint32_t n = 0; n < CALL_BLOCK; n++)
        if (!call_shape_of(n))
            refuse(call_invoke(n, 0, 0, 0, 0, 0).value, E_NOSYS, "a number that is no call");
}

/* ---- what lies in structures ---- */

/* A word of the structure at good_data that names a frame: not ours, it is refused. */
static void
inner_frame(uint32_t number, uint64_t offset, uint64_t bytes, uint32_t shift, uint64_t flags)
{
    shape = call_shape_of(number);
    begin();
    for (uint32_t i = 0; i < n_others; i++) {
        uint64_t kept, word = others[i] << shift | flags;
        memcpy(&kept, good_data + offset, bytes);
        memcpy(good_data + offset, &word, bytes);
        state_take();
        if (others[i] && foreign_still(others[i])) /* 0 is none */
            must_refuse(reg, 0, "a frame in its structure", "is not ours");
        memcpy(good_data + offset, &kept, bytes);
    }
    fine(call_with(number, reg).value, shape->name);
}

static void
inner_frames(void)
{
    inner_frame(CALL_pt_map, 0, 8, FRAME_SHIFT, MAP_READ);
    inner_frame(CALL_pt_copy, offsetof(struct copy_request, from), 4, 0, 0);
    inner_frame(CALL_pt_copy, offsetof(struct copy_request, to), 4, 0, 0);
    inner_frame(CALL_context_make, offsetof(struct context_start, vector_frame), 8, 0, 0);
}

static void
inner_slots(void)
{
    struct context_start start = {.rip = FRAME_BYTES};
    static const uint32_t none[] = {
        EMPTY,  DEAD,    SLOT_ACCOUNT, SLOTS_PER_TABLE, SLOTS_PER_TABLE + 1,
        FORGED, REVOKED, 0xfffffffe};

    shape = call_shape_of(CALL_event_post);
    begin(); /* REVOKED was events with every right */
    start.vector_frame = frame_new();
    call_slice_take(SLOT_ACCOUNT, 0, GOOD_POSITION, 1);
    for (uint32_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        struct wait_clause clause = {.slot = none[i]};

        start.stop_slot = none[i];
        refuse(call_wait((uintptr_t)&clause, 1).value, E_BADF, "waiting on such a slot");
        refuse(call_context_make(GOOD_ENV, frame_new(), EMPTY, (uintptr_t)&start).value, E_BADF,
               "telling such a slot");
        refuse(call_yield(none[i]).value, E_BADF, "yielding to such a slot");
        refuse(call_slice_set(SLOT_ACCOUNT, 0, GOOD_POSITION, none[i], SLOT_NOTHING, SLICE_MIN_NS)
                   .value,
               E_BADF, "giving such a slot time");
    }
    weaken(GOOD_EVENTS, RIGHT_GRANT, EXACT + 9);
    start.stop_slot = EXACT + 9;
    refuse(call_wait((uintptr_t) & (struct wait_clause){.slot = EXACT + 9}, 1).value, E_PERM,
           "waiting without READ");
    refuse(call_context_make(GOOD_ENV, frame_new(), EMPTY, (uintptr_t)&start).value, E_PERM,
           "telling without POST");
}

/* ---- capabilities themselves ---- */

static struct call_result
bind(const struct cap *cap)
{
    struct call_result r;

    memcpy(good_data, cap, sizeof(*cap));
    while ((r = call_cap_bind(SLOT_SLOTS, FORGED, (uintptr_t)good_data)).value == -E_AGAIN)
        ; /* too many were wrong before */
    return r;
}

/* One of each kind, with one thing in it other than the kernel wrote. */
static void
forgeries(void)
{
    for (uint32_t kind = KIND_ACCOUNT; kind < KIND_COUNT; kind++) {
        struct cap good, cap;
        call_slot_clear(SLOT_SLOTS, FORGED);
        while (call_cap_revoke(CELLS, 31).value == -E_AGAIN)
            ;
        fine(call_cap_grant(slot_of_kind[kind], CELLS, 31, RIGHT_GRANT, 0, (uintptr_t)&good).value,
             "cap_grant");
        for (uint32_t i = 0; i < 7; i++) {
            cap = good;
            cap.object += i == 0;
            cap.cell += i == 1;
            cap.generation += i == 2;
            cap.kind = (uint16_t)(i == 3 ? cap.kind % (KIND_COUNT - 1) + 1 : cap.kind);
            cap.rights |= i == 4 ? RIGHTS_ALL : 0;
            cap.holder = i == 5 ? foreign_holder() : 0;
            cap.tag ^= i == 6;
            refuse(bind(&cap).value, E_KEYREJECTED, "a forged capability");
            refuse(call_cap_grant(FORGED, GOOD_CELLS, 0, 0, 0, 0).value, E_BADF, "its slot");
        }
        fine(bind(&good).value, "the same, not forged");
        fine(call_cap_revoke(CELLS, 31).value, "cap_revoke");
        refuse(bind(&good).value, E_BADF, "a capability that was revoked");
    }
}

/* A capability for another holder, and one for us, in either's table. */
static void
holders(void)
{
    struct cap theirs, ours;

    fine(call_cap_grant(GOOD_EVENTS, CELLS, 32, RIGHT_READ, foreign_holder(), (uintptr_t)&theirs)
             .value,
         "cap_grant");
    fine(call_cap_grant(GOOD_EVENTS, CELLS, 33, RIGHT_READ, object_of_slot(SLOT_ACCOUNT),
                        (uintptr_t)&ours)
             .value,
         "cap_grant");
    shape = call_shape_of(CALL_cap_bind);
    state_find();
    state_take();
    refuse(call_cap_bind(SLOT_SLOTS, FORGED, (uintptr_t)&theirs).value, E_PERM, "what is theirs");
    state_same(shape, "cap", "is another holder's");
    refuse(call_cap_bind(FOREIGN_SLOTS, 1, (uintptr_t)&ours).value, E_PERM, "what is ours, there");
    state_same(shape, "cap", "is another holder's");
    fine(call_cap_bind(FOREIGN_SLOTS, 1, (uintptr_t)&theirs).value, "theirs in their table");
    fine(call_cap_bind(SLOT_SLOTS, FORGED, (uintptr_t)&ours).value, "ours in ours");
    call_slot_clear(SLOT_SLOTS, FORGED);
}

/* What a kernel object holds is not read as a counter. */
static void
objects_unread(void)
{
    for (uint32_t i = 0; i < EVENTS_PER_FRAME; i++) {
        refuse(call_event_read(GOOD_ENV, i).value, E_BADF, "reading an environment as counters");
        refuse(call_event_read(GOOD_CONTEXT, i).value, E_BADF, "reading a context as counters");
        refuse(call_event_read(GOOD_SLOTS, i).value, E_BADF, "reading slots as counters");
    }
}

static void
dead_slot(void)
{
    uint64_t frame = frame_new();

    fine(call_events_make(SLOT_ACCOUNT, frame, DEAD).value, "events_make");
    fine(call_event_read(DEAD, 0).value, "it lives");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    good_begin();
    foreign_begin();
    state_begin();
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), CELLS).value, "cells_make");
    n_others = foreign_frames(others, FOREIGN_FRAMES);
    dead_slot();
    objects_unread();
    forgeries();
    holders();
    for (shape = call_shapes; shape < call_shapes + CALL_COUNT; shape++) {
        enum good good;
        expect(shape == call_shapes || shape->number > shape[-1].number, "numbers in order");
        good = begin();
        for (field = shape->field; field->name; field++)
            if (reachable())
                walk_field();
        twin(good);
    }
    unknown_calls();
    inner_frames();
    inner_slots();
    return done();
}
