/* SPDX-License-Identifier: MIT */
/*
 * clings.c - who maps a frame again faster than the kernel breaks what maps it. A child of ours that is asked for
 * frames maps the first that would be taken as fast as it can: it loses others, or ends. A child that is
 * destroyed has a frame which we map all the time, out of what was mapped before: it ends all the same; and
 * nobody sleeps on a word of its meanwhile.
 */
#include "abi/event.h"
#include "abi/slice.h"
#include "libos/exo/rpc.h"
#include "test/boot/kin.h"

enum {
    KIN = 20,       /* KIN_SLOTS of them */
    POSITION = 600, /* the child's */
    MANY = 384,     /* entries: more than a call breaks */
    ASKED = 32,
    CALLS_MAX = 500, /* to end an account of some hundred frames */
};
static const uint64_t SLICE_NS = 1000000, SOON_NS = 1000000, PATIENCE_NS = 4000000000;

static struct child_terms kin;
static uint64_t dear; /* the child's frame */
static uint64_t entries[PT_ENTRIES];

/* A table of pages that hangs nowhere. */
static uint64_t
table_of(struct pool *pool)
{
    uint64_t table, links;

    fine(pool_take_run(pool, 1, &table), "a frame");
    fine(pool_take_run(pool, 1, &links), "a frame");
    fine(call_pt_make(SLOT_ACCOUNT, table, 1, links).value, "pt_make");
    return table;
}

static void
entries_name(uint64_t frame)
{
    for (uint64_t i = 0; i < PT_ENTRIES; i++)
        entries[i] = frame << FRAME_SHIFT | MAP_READ;
}

/* ---- the child ---- */

static void
answer(struct rpc *m)
{
    m->word[0] = dear;
}

static void
child_main(void)
{
    struct pool pool = pool_of(SLOT_ACCOUNT);
    uint64_t table = table_of(&pool);

    fine(pool_take_run(&pool, 1, &dear), "a frame"); /* its last, which comes first */
    entries_name(dear);
    if (rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, answer))
        call_context_exit(0);
    for (;;)
        call_pt_map(SLOT_ACCOUNT, table, 1, 0, (uintptr_t)entries, MANY, SLOT_ACCOUNT);
}

/* ---- its parent ---- */

static void
kin_begin(uint64_t name)
{
    struct rpc m = {0};

    kin_make(&kin, name, KIN, 0, child_main);
    fine(rpc_call(kin.entry, &m), "rpc_call");
    dear = m.word[0];
}

static void
asked(void)
{
    uint32_t account;
    uint64_t end;

    kin_begin(1);
    account = kin.slot[CHILD_ACCOUNT];
    fine(call_transfer_withdraw(kin.entry, 0).value, "transfer_withdraw");
    fine(call_slice_take(account, 0, POSITION, 1).value, "slice_take");
    fine(
        call_slice_set(account, 0, POSITION, kin.slot[CHILD_CONTEXT], SLOT_NOTHING, SLICE_NS).value,
        "slice_set");
    while (frame_told(account, dear).refs < MANY)
        call_yield(SLOT_NOTHING);
    hold(call_account_revoke(account, ACCOUNT_FRAMES, ASKED, clock_ns() + SOON_NS).value == ASKED,
         "asking for frames");
    for (end = clock_ns() + PATIENCE_NS;;) {
        struct account_state state = account_told(account);
        if (!state.count[ACCOUNT_FRAMES].wanted || state.dying)
            break;
        hold(clock_ns() < end, "who maps one again and again loses others, or ends");
        call_yield(SLOT_NOTHING);
    }
    fine(child_destroy(&kin), "child_destroy");
}

/* All that one of two tables maps both map then. */
static void
copy_both(const uint64_t table[2])
{
    for (uint64_t i = 0; i < 4; i++) {
        uint64_t n = i % 2 ? PT_ENTRIES - MANY : MANY, va = i % 2 ? MANY * FRAME_BYTES : 0;
        struct copy_request r = {.from = (uint32_t)table[i / 2],
                                 .to = (uint32_t)table[1 - i / 2],
                                 .from_va = va,
                                 .to_va = va,
                                 .level = 1,
                                 .n = (uint32_t)n};
        call_pt_copy(SLOT_ACCOUNT, (uintptr_t)&r);
    }
}

static void
destroyed(void)
{
    struct wait_clause clause[] = {{0, WAIT_WORD, 0, 0}, {0, WAIT_CLOCK, 0, 0}};
    uint64_t table[2] = {table_of(&exo_pool), table_of(&exo_pool)};
    struct frame_state state;
    uint32_t account, calls = 0;

    kin_begin(2);
    account = kin.slot[CHILD_ACCOUNT];
    entries_name(dear);
    fine(call_pt_map(SLOT_ACCOUNT, table[0], 1, 0, (uintptr_t)entries, MANY, account).value,
         "mapping its frame");
    while (call_account_destroy(account).value > 0) {
        copy_both(table);
        hold(++calls < CALLS_MAX, "an account ends though others map its frames again and again");
        if (call_frame_read(account, dear, 1, (uintptr_t)&state).value != 1)
            continue;
        clause[0] = (struct wait_clause){account, WAIT_WORD, dear << FRAME_SHIFT, 0};
        clause[1].value = clock_ns() + SOON_NS;
        refuse(call_wait((uintptr_t)clause, 2).value, E_PERM, "sleeping on what ends");
    }
    say("ended in %u calls", calls);
    fine(child_destroy(&kin), "child_destroy");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    stay_on(0);
    rpc_begin();
    asked();
    destroyed();
    return done();
}
