/* SPDX-License-Identifier: MIT */
/*
 * act27_calls.c - hostile act 27: every argument of every call with 0, +-1, powers of two, page
 * edges and products that overflow, first one at a time and then at random. Whatever has more than
 * 32 bits is refused, with an error that the call's page names, and nothing has changed then
 * (state.h); a batch with a bad entry ends there, and what comes behind is as it was. The kernel's
 * own arithmetic holds (in the test build undefined behaviour panics).
 */
#include "test/boot/foreign.h"
#include "test/boot/state.h"
#include "abi/account.h"
#include "abi/exposed.h"
#include "abi/transfer.h"

enum {
    RANDOM_CALLS = 30000,
    RANDOM_CALLS_MANY = 6000, /* beside other processors, which each must be told */
    OUR_POSITIONS = 64,
    SOON_NS = 300 * 1000,
    LOOK_EVERY = 16, /* of random calls */
};

static const uint64_t edges[] = {
    0,
    1,
    UINT64_MAX,
    2,
    63,
    64,
    65,
    126,
    127,
    128,
    511,
    512,
    513,
    FRAME_BYTES - 1,
    FRAME_BYTES,
    FRAME_BYTES + 1,
    16384,
    16385,
    0x7fffffff,
    0x80000000,
    0xfffffffe,
    0xffffffff,
    0x100000000,
    0x100000001,
    0x0000800000000000 - FRAME_BYTES,
    0x00007ffffffff000 - 1,
    0x0000800000000000,
    0xffff800000000000,
    0xffffffff80000000,
    UINT64_MAX - FRAME_BYTES + 1,
    INT64_MAX,
    (uint64_t)1 << 63,
    ((uint64_t)1 << 61) + 1, /* times 8 wraps to 8 */
    ((uint64_t)1 << 60) + 1, /* times 16 */
    ((uint64_t)1 << 52) + 1, /* times a page */
    ((uint64_t)1 << 57) + 1, /* times a cell's share */
};
enum { EDGES = sizeof(edges) / sizeof(edges[0]) };

/*
 * May the argument have that value of more than 32 bits? A time may have any, an address a
 * library's; at the end of input no address is looked at.
 */
static bool
takes_large(const struct call_shape *shape, const struct call_field *f, uint64_t value)
{
    return shape->number == CALL_deadline_set || shape->number == CALL_console_read ||
           shape->number == CALL_tlb_flush ||
           (shape->number == CALL_account_limit_set && !strcmp(f->name, "limit")) ||
           !strcmp(f->name, "deadline_ns") || (!strcmp(f->name, "va") && value < USER_TOP);
}

/*
 * What would end us or close our own mouth is another test's; slots that we live by are not walked
 * into.
 */
static bool
spared(const struct call_shape *shape, const struct call_field *f, uint64_t value)
{
    if (shape->number == CALL_context_exit)
        return true;
    if (shape->number == CALL_console_close && f->reg == 1 && value < STREAM_COUNT)
        return true;
    if ((shape->number == CALL_slice_give || shape->number == CALL_slice_set) &&
        !strcmp(f->name, "position") && value < OUR_POSITIONS)
        return true; /* where we run ourselves */
    return f->kind != KIND_NONE && value < SLOT_FIRST_FREE && value != SLOT_ACCOUNT;
}

static int64_t
call_soon_over(const struct call_shape *shape, const uint64_t reg[REGISTERS])
{
    call_deadline_set(clock_ns() + SOON_NS); /* a sleep that nothing else would end */
    return call_with(shape->number, reg).value;
}

/* Did it change nothing? These errors say that part of the work was done. */
static bool
refused(int64_t value)
{
    return value < 0 && value != -E_AGAIN && value != -E_INPROGRESS;
}

/* The call as it is good, made anew once one has done something. */
static uint64_t good_reg[REGISTERS];
static bool good_now;

static void
one_edge(const struct call_shape *shape, const struct call_field *f, uint64_t value)
{
    uint64_t reg[REGISTERS];
    int64_t r;

    if (spared(shape, f, value) || !field_holds(f, value))
        return;
    if (!good_now) {
        good_call(shape->number, good_reg);
        state_find();
        state_take();
    }
    memcpy(reg, good_reg, sizeof(reg));
    field_set(f, reg, value);
    r = call_soon_over(shape, reg);
    if (r >= 0 && value > UINT32_MAX && !takes_large(shape, f, value))
        breach("%s: %s = 0x%lx was accepted: %ld", shape->name, f->name, value, (long)r);
    if (r < 0)
        error_documented(shape, r);
    good_now = refused(r);
    if (good_now)
        state_same(shape, f->name, "at an edge");
    expect(true, "an edge");
}

static uint64_t
random_next(void)
{
    static uint64_t x = 88172645463325252u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* Any number of arguments at once. */
static void
random_call(void)
{
    const struct call_shape *shape = &call_shapes[random_next() % CALL_COUNT];
    uint64_t reg[REGISTERS];
    int64_t r;
    bool look;

    if (good_call(shape->number, reg) == GOOD_ENDS)
        return;
    for (const struct call_field *f = shape->field; f->name; f++) {
        uint64_t value = edges[random_next() % EDGES];
        if (random_next() % 3 == 0 && !spared(shape, f, value) && field_holds(f, value))
            field_set(f, reg, value);
    }
    look = random_next() % LOOK_EVERY == 0;
    if (look) {
        state_find();
        state_take();
    }
    r = call_soon_over(shape, reg);
    if (r < 0)
        error_documented(shape, r);
    if (look && refused(r))
        state_same(shape, "all", "at random");
    expect(true, "a random call");
}

/* Structures: each word of each with every edge. */
static void
structure_words(uint32_t number, uint64_t n_words)
{
    const struct call_shape *shape = call_shape_of(number);
    uint64_t reg[REGISTERS], kept;

    good_now = false;
    for (uint64_t word = 0; word < n_words; word++)
        for (uint32_t i = 0; i < EDGES; i++) {
            uint64_t *at = (uint64_t *)good_data + word;
            int64_t r;

            if (!good_now) {
                good_call(number, reg);
                state_find();
            }
            kept = *at;
            *at = edges[i];
            state_take();
            r = call_soon_over(shape, reg);
            if (r < 0)
                error_documented(shape, r);
            good_now = refused(r);
            if (good_now)
                state_same(shape, "its structure", "at an edge");
            *at = kept;
            expect(true, "an edge");
        }
}

int
exo_main(const struct start_page *start)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;
    uint32_t n_random = machine->n_cpus > 1 ? RANDOM_CALLS_MANY : RANDOM_CALLS;

    (void)start;
    exo_upcall_page.mask |=
        1 << UPCALL_EVENT; /* deadlines end sleeps, and are looked at by nobody */
    good_begin();
    foreign_begin();
    state_begin();
    for (uint32_t n = 0; n < CALL_COUNT; n++) {
        good_now = false;
        for (const struct call_field *f = call_shapes[n].field; f->name; f++)
            for (uint32_t i = 0; i < EDGES; i++)
                one_edge(&call_shapes[n], f, edges[i]);
    }
    say("every edge has been at every argument");
    structure_words(CALL_account_make, sizeof(struct account_terms) / 8);
    structure_words(CALL_context_make, sizeof(struct context_start) / 8);
    structure_words(CALL_upcalls_set, sizeof(struct upcall_setup) / 8);
    structure_words(CALL_transfer_serve, sizeof(struct transfer_setup) / 8);
    structure_words(CALL_cap_bind, sizeof(struct cap) / 8);
    structure_words(CALL_pt_map, 1);
    structure_words(CALL_pt_copy, sizeof(struct copy_request) / 8);
    structure_words(CALL_wait, 2);
    for (uint32_t i = 0; i < n_random; i++)
        random_call();
    return done();
}
