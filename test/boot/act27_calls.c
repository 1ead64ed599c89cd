/* SPDX-License-Identifier: MIT */
/*
 * act27_calls.c - hostile act 27: every argument of every call with 0, +-1, powers of two, page
 * edges, its own bounds and products that overflow, first one at a time and then at random. Whatever has more than
 * 32 bits is refused, with an error that the call's page names, and nothing has changed then
 * (state.h); a batch with a bad entry ends there, and what comes behind is as it was. The kernel's
 * own arithmetic holds (in the test build undefined behaviour panics).
 */
#include "test/boot/edges.h"
#include "test/boot/foreign.h"
#include "test/boot/state.h"
#include "abi/account.h"
#include "abi/exposed.h"
#include "abi/transfer.h"

enum {
    RANDOM_CALLS = 30000,
    RANDOM_CALLS_FEW = 1000,
    RANDOM_CALLS_MANY = 6000, /* beside other processors, which each must be told */
    LOOK_EVERY = 16,          /* of random calls */
};

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
        if (random_next() % 3 == 0 && !edge_spared(shape, f, value) && field_holds(f, value))
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
    if (look && call_refused_whole(r))
        state_same(shape, "all", "at random");
    expect(true, "a random call");
}

/* Structures: each word of each with every edge. */
static void
structure_words(uint32_t number, uint64_t n_words)
{
    const struct call_shape *shape = call_shape_of(number);
    uint64_t reg[REGISTERS], kept;
    bool good_now = false;

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
            good_now = call_refused_whole(r);
            if (good_now)
                state_same(shape, "its structure", "at an edge");
            *at = kept;
            expect(true, "an edge");
        }
}

static void
structures(void)
{
    structure_words(CALL_context_write, sizeof(struct save_area) / 8);
    structure_words(CALL_account_make, sizeof(struct account_terms) / 8);
    structure_words(CALL_context_make, sizeof(struct context_start) / 8);
    structure_words(CALL_upcalls_set, sizeof(struct upcall_setup) / 8);
    structure_words(CALL_transfer_serve, sizeof(struct transfer_setup) / 8);
    structure_words(CALL_cap_bind, sizeof(struct cap) / 8);
    structure_words(CALL_pt_map, 1);
    structure_words(CALL_pt_copy, sizeof(struct copy_request) / 8);
    structure_words(CALL_wait, 2);
}

/* The words `same` (state.h) and, behind it, `bounds`: these, and a few calls at random. */
int
exo_main(const struct start_page *start)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;
    uint32_t n_random = machine->n_cpus > 1 ? RANDOM_CALLS_MANY : RANDOM_CALLS;
    bool few = !strcmp(argument(1), "bounds");

    (void)start;
    exo_upcall_page.mask |=
        1 << UPCALL_EVENT; /* deadlines end sleeps, and are looked at by nobody */
    good_begin();
    foreign_begin();
    state_begin();
    for (uint32_t n = 0; n < CALL_COUNT && !few; n++)
        edges_walk(&call_shapes[n]);
    say("every edge has been at every argument");
    for (uint32_t n = 0; n < CALL_COUNT; n++)
        bounds_walk(&call_shapes[n]);
    if (!few)
        structures();
    for (uint32_t i = 0; i < (few ? RANDOM_CALLS_FEW : n_random); i++)
        random_call();
    return done();
}
