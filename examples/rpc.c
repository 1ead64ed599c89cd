/* SPDX-License-Identifier: MIT */
/*
 * rpc.c - a counter that lives in an environment and an account of its own, and is called like a
 * function: once by a caller that trusts it, once by one that does not. Nobody is scheduled, no
 * message is copied: the caller's slice runs the counter's code behind the counter's walls.
 */
#include "abi/cap.h"
#include "libos/exo/child.h"
#include "libos/exo/exo.h"
#include "libos/exo/rpc.h"
#include "call_stubs.h"

enum {
    SLOT_CELLS = 20,
    SLOT_ENTRY,
    SLOT_CALL,
    SLOT_CHILD, /* CHILD_SLOT_COUNT of them */
    CELL_CALL = 1,
    CELL_CHILD,
    LIMIT_FRAMES = 1024,
    ROUNDS = 100000,
};

enum question { ADD, READ, WHO, DIE };

static uint64_t total; /* the counter's; ours stays 0 */

/* ---- the counter ---- */

static void
counter_answer(struct rpc *m)
{
    switch (m->word[0]) {
    case ADD:
        total += m->word[1];
        break;
    case DIE:
        exo_exit(1);
    default:
        break;
    }
    m->word[1] = m->word[0] == WHO ? m->identity : total;
}

static void
counter_main(void)
{
    rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, counter_answer);
}

/* ---- its caller ---- */

static struct child_terms child = {
    .name = 1,
    .limit_frames = LIMIT_FRAMES,
    .slot = {SLOT_CHILD, SLOT_CHILD + 1, SLOT_CHILD + 2, SLOT_CHILD + 3, SLOT_CHILD + 4},
    .entry = SLOT_ENTRY,
    .cells = SLOT_CELLS,
    .first_cell = CELL_CHILD,
    .main = counter_main,
};

/* A slot that may do no more than call: its cell is how the counter knows us. */
static int64_t
call_slot_make(uint32_t *cell)
{
    struct cap cap = {0};
    int64_t r =
        call_cap_grant(SLOT_ENTRY, SLOT_CELLS, CELL_CALL, RIGHT_RUN, 0, (uintptr_t)&cap).value;

    *cell = cap.cell;
    return r < 0 ? r : call_cap_bind(SLOT_SLOTS, SLOT_CALL, (uintptr_t)&cap).value;
}

static int64_t
ask(enum question question, uint64_t argument, struct rpc *m)
{
    *m = (struct rpc){.word = {question, argument}};
    return rpc_call(SLOT_CALL, m);
}

/* ROUNDS calls that add 1; nanoseconds each, or an error. */
static int64_t
rounds(int64_t (*call)(uint32_t slot, struct rpc *m))
{
    uint64_t from = clock_ns();

    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct rpc m = {.word = {ADD, 1}};
        int64_t r = call(SLOT_CALL, &m);
        if (r < 0)
            return r;
    }
    return (int64_t)((clock_ns() - from) / ROUNDS);
}

static int64_t
trusting(uint32_t slot, struct rpc *m)
{
    return rpc_call_trusting(slot, m);
}

static int64_t
untrusting(uint32_t slot, struct rpc *m)
{
    return rpc_call(slot, m);
}

static int
calls(uint32_t cell)
{
    int64_t trusting_ns = rounds(trusting), untrusting_ns = rounds(untrusting);
    struct rpc m;

    if (trusting_ns < 0 || untrusting_ns < 0 || ask(READ, 0, &m) < 0)
        return -1;
    print("%u calls by trust, %ld ns each; %u without, %ld ns each\n", (uint32_t)ROUNDS,
          trusting_ns, (uint32_t)ROUNDS, untrusting_ns);
    print("the counter stands at %lu, ours at %lu\n", m.word[1], total);
    if (ask(WHO, 0, &m) < 0)
        return -1;
    print("it knows us by our cell: %s\n", m.word[1] == cell ? "yes" : "no");
    print("it is told to die: %s\n", ask(DIE, 0, &m) == -E_OWNERDEAD ? "we live on" : "no error");
    print("asked again: %s\n", ask(READ, 0, &m) == -E_NOENT ? "nobody is there" : "no error");
    return 0;
}

int
exo_main(const struct start_page *start)
{
    uint64_t frame;
    uint32_t cell;
    int64_t r;

    (void)start;
    if (print_usage(0, ""))
        return 2;
    r = pool_take(&exo_pool, &frame, 1);
    rpc_begin();
    r = r < 0 ? r : processor_keep(0); /* where the counter serves */
    r = r < 0 ? r : call_cells_make(SLOT_ACCOUNT, frame, SLOT_CELLS).value;
    r = r < 0 ? r : child_make(&child);
    r = r < 0 ? r : call_slot_make(&cell);
    if (r < 0) {
        if (r == -E_DQUOT)
            print("rpc: too little memory: raise the limit (-m)\n");
        else
            print("rpc: the counter cannot be made: error %ld\n", -r);
        return 1;
    }
    if (calls(cell) < 0)
        return 1;
    return child_destroy(&child) < 0;
}
