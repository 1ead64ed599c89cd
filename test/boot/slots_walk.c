/* SPDX-License-Identifier: MIT */
/*
 * slots_walk.c - every slot argument of every call, made from the call table: no slot, one beyond
 * the table, a dead one, one of each other kind, and one that lacks the right are refused; the same
 * call with the slot that it asks for succeeds.
 */
#include "test/boot/good.h"
#include "abi/event.h"

enum {
    EMPTY = 125,
    DEAD = 124,
    WEAK = 123,
};

/* A slot of each kind that a partition holds, with all the rights that it has. */
static const uint32_t slot_of_kind[KIND_COUNT] = {
    [KIND_ACCOUNT] = SLOT_ACCOUNT, [KIND_SLOTS] = GOOD_SLOTS,     [KIND_CELLS] = GOOD_CELLS,
    [KIND_ENV] = GOOD_ENV,         [KIND_CONTEXT] = GOOD_CONTEXT, [KIND_EVENTS] = GOOD_EVENTS,
    [KIND_CONSOLE] = SLOT_CONSOLE, [KIND_MACHINE] = SLOT_MACHINE, [KIND_ENTRY] = GOOD_ENTRY,
};
static const uint32_t rights_of_kind[KIND_COUNT] = {
    [KIND_ACCOUNT] = RIGHT_ALLOC | RIGHT_MAP | RIGHT_MAKE | RIGHT_INSPECT | RIGHT_GRANT,
    [KIND_SLOTS] = RIGHTS_ALL,
    [KIND_CELLS] = RIGHTS_ALL,
    [KIND_ENV] = RIGHTS_ALL,
    [KIND_CONTEXT] = RIGHTS_ALL,
    [KIND_EVENTS] = RIGHTS_ALL,
    [KIND_CONSOLE] = RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT,
    [KIND_MACHINE] = RIGHT_CLOCK | RIGHT_GRANT,
    [KIND_ENTRY] = RIGHTS_ALL,
};

static const struct call_shape *shape;
static const struct call_field *field;

/* Do we hold what the slot arguments before this one ask for? Slots are looked at in order. */
static bool
reachable(void)
{
    for (const struct call_field *f = shape->field; f < field; f++)
        if (f->kind != KIND_NONE && f->kind != KIND_ANY && (f->right & ~rights_of_kind[f->kind]))
            return false;
    return true;
}

static void
call_refused(uint64_t slot, int error, const char *what)
{
    uint64_t reg[REGISTERS];
    int64_t value;

    good_call(shape->number, reg);
    for (const struct call_field *f = shape->field; f < field; f++) /* what comes before is good */
        if (f->kind != KIND_NONE && field_get(f, reg) == 0)
            field_set(f, reg, slot_of_kind[f->kind % KIND_COUNT]);
    field_set(field, reg, slot);
    value = call_with(shape->number, reg).value;
    if (value >= 0)
        breach("%s: %s %s: accepted, %ld", shape->name, field->name, what, (long)value);
    if (value != -error)
        fail("%s: %s %s: error %ld, not %d", shape->name, field->name, what, (long)-value, error);
    expect(true, what);
}

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
}

static void
wrong_kinds(void)
{
    for (uint32_t kind = KIND_ACCOUNT; kind < KIND_COUNT; kind++)
        if (field->kind != KIND_ANY && kind != field->kind)
            call_refused(slot_of_kind[kind], E_BADF, "is of another kind");
}

static void
weak_right(void)
{
    uint32_t kind = field->kind == KIND_ANY ? KIND_EVENTS : field->kind;

    call_slot_clear(SLOT_SLOTS, WEAK);
    weaken(slot_of_kind[kind], rights_of_kind[kind] & ~(uint32_t)field->right, WEAK);
    call_refused(WEAK, E_PERM, "lacks the right");
}

static void
twin(void)
{
    uint64_t reg[REGISTERS];
    enum good good = good_call(shape->number, reg);
    int64_t value;

    if (good == GOOD_NEVER || good == GOOD_ENDS)
        return;
    value = call_with(shape->number, reg).value;
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

/* Slots that lie in structures. */
static void
inner_slots(void)
{
    struct context_start start = {.rip = FRAME_BYTES};
    static const uint32_t none[] = {EMPTY, DEAD, SLOT_ACCOUNT, SLOTS_PER_TABLE, 0xfffffffe};

    start.vector_frame = frame_new();
    weaken(GOOD_EVENTS, RIGHT_GRANT, WEAK);
    for (uint32_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        struct wait_clause clause = {.slot = none[i]};

        start.stop_slot = none[i];
        refuse(call_wait((uintptr_t)&clause, 1).value, E_BADF, "waiting on such a slot");
        refuse(call_context_make(GOOD_ENV, frame_new(), EMPTY, (uintptr_t)&start).value, E_BADF,
               "telling such a slot");
    }
    start.stop_slot = WEAK;
    refuse(call_wait((uintptr_t) & (struct wait_clause){.slot = WEAK}, 1).value, E_PERM,
           "waiting without READ");
    refuse(call_context_make(GOOD_ENV, frame_new(), EMPTY, (uintptr_t)&start).value, E_PERM,
           "telling without POST");
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
    dead_slot();
    objects_unread();
    for (shape = call_shapes; shape < call_shapes + CALL_COUNT; shape++) {
        expect(shape == call_shapes || shape->number > shape[-1].number, "numbers in order");
        for (field = shape->field; field->name; field++) {
            if (field->kind == KIND_NONE || !reachable())
                continue;
            no_slot();
            wrong_kinds();
            weak_right();
        }
        twin();
    }
    call_slot_clear(SLOT_SLOTS, WEAK);
    unknown_calls();
    inner_slots();
    return done();
}
