/* SPDX-License-Identifier: MIT */
/*
 * revoke.c - memory pressure, polite and rude. Two libraries keep 64 pages each, in accounts of
 * their own: three of four could be computed again, every fourth could not. Their parent wants some
 * frames back. The polite one hears that and gives what it can do without; the rude one does
 * nothing, and the kernel, which knows no page from another, takes what it comes by. Which, the
 * rude one reads in its account's page.
 * Source: Engler, Kaashoek, O'Toole, SOSP '95: visible revocation, abort protocol, repossession.
 */
#include "abi/account.h"
#include "abi/cap.h"
#include "abi/slice.h"
#include "libos/exo/child.h"
#include "libos/exo/exo.h"
#include "libos/exo/rpc.h"
#include "call_stubs.h"

enum {
    PAGES = 64,
    WORDS = FRAME_BYTES / 8,
    ASKED = 16,
    RESERVE = 100, /* of a child: its image, which it marks vital */
    LIMIT = 400,
    POSITION = 600, /* of the first child; the second has the next */
    SLOT_CELLS = 20,
    SLOT_FIRST, /* SLOTS_EACH of a child */
    SLOTS_EACH = CHILD_SLOT_COUNT + 1,
    CELL_FIRST = 1,
    STACK_BYTES = 16 << 10,
};

static const uint64_t SLICE_NS = 1000000, LONG_NS = 2000000000, SHORT_NS = 20000000;

enum manners { POLITE, RUDE, KINDS };
static const char *const name[KINDS] = {"polite", "rude"};

/* What a child tells: a page of its own, which we map. */
static struct notes {
    volatile uint64_t rounds, wrong, again; /* through all pages; sums; pages computed again */
    volatile uint64_t n_gone, gone[PAGES];  /* pages given, or found to be taken */
    uint64_t rest[WORDS - 4 - PAGES];
} notes __attribute__((aligned(4096)));
_Static_assert(sizeof(notes) == FRAME_BYTES, "a page");

static enum manners manners; /* a child's are those that we have as it is made */

/* ---- a child ---- */

static uint64_t pages_va, sum[PAGES], frame[PAGES];
static bool present[PAGES];
static const volatile struct account_page *account;
static uint64_t n_learnt; /* entries of the ring that it has read */
static volatile bool asked;
static uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));

static bool
can_be_computed(uint64_t i)
{
    return i % 4 != 0;
}

static uint64_t
word_of(uint64_t i, uint64_t w)
{
    return (i * WORDS + w + 1) * 0x9e3779b97f4a7c15;
}

static volatile uint64_t *
page(uint64_t i)
{
    return (volatile uint64_t *)(pages_va + i * FRAME_BYTES);
}

static int
pages_begin(void)
{
    pages_va = room_take(PAGES);
    for (uint64_t i = 0; i < PAGES; i++) {
        uint64_t secret = can_be_computed(i) ? 0 : clock_ns();
        int64_t r = pool_take(&exo_pool, &frame[i], 1);
        r = r < 0 ? r
                  : space_map_run(&exo_space, (uintptr_t)page(i), frame[i], 1, MAP_READ | MAP_WRITE,
                                  SLOT_ACCOUNT);
        if (r < 0)
            return (int)r;
        for (uint64_t w = 0; w < WORDS; w++) {
            page(i)[w] = word_of(i, w) ^ secret;
            sum[i] += word_of(i, w) ^ secret;
        }
        present[i] = true;
    }
    pool_close(&exo_pool); /* it keeps nothing else that could be taken */
    return 0;
}

static void
forget(uint64_t i)
{
    present[i] = false;
    notes.gone[notes.n_gone++] = i;
}

/* The polite one's choice: what can be computed again, the last first. */
static void
give(void)
{
    uint64_t wanted = account->state.count[ACCOUNT_FRAMES].wanted;

    for (uint64_t i = PAGES; i-- > 0 && wanted > 0;)
        if (present[i] && can_be_computed(i) &&
            space_release(&exo_space, (uintptr_t)page(i), 1) == 0) {
            forget(i);
            wanted--;
        }
}

/* Reads what is new in the ring; how much was. */
static uint64_t
learn(void)
{
    uint64_t before = n_learnt;

    for (; n_learnt < account->state.n_taken; n_learnt++) {
        const volatile struct account_taken *taken = &account->taken[n_learnt % account->n_ring];
        for (uint64_t i = 0; i < PAGES; i++)
            if (taken->kind == ACCOUNT_FRAMES && frame[i] == taken->name)
                forget(i);
    }
    return n_learnt - before;
}

static uint64_t
sum_of(uint64_t i)
{
    uint64_t total = 0;

    for (uint64_t w = 0; w < WORDS; w++)
        total += present[i] ? page(i)[w] : word_of(i, w);
    return total;
}

/* All it ever does: adds up its pages, and computes those that it has not. */
static _Noreturn void
work(void)
{
    for (;;) {
        for (uint64_t i = 0; i < PAGES; i++) {
            if (asked) {
                asked = false;
                give();
            }
            if (!present[i] && !can_be_computed(i))
                continue;
            notes.again += !present[i];
            notes.wrong += sum_of(i) != sum[i];
        }
        notes.rounds++;
    }
}

/* A page that the ring names has gone: it leaves all as it is, and begins its round again. */
static void
on_fault(struct save_area *save)
{
    if (!learn())
        exo_die_of(save);
    save->rip = (uintptr_t)work;
    save->rsp = (uintptr_t)stack + STACK_BYTES - 8;
}

/* Any page might be in use just now: work() looks at this between two. */
static void
on_revoke(struct save_area *save)
{
    (void)save;
    asked = true;
}

static void
show_notes(struct rpc *m)
{
    uint64_t entry = 0;

    space_read(&exo_space, (uintptr_t)&notes, &entry, 1);
    m->word[0] = entry >> FRAME_SHIFT;
}

static void
child_main(void)
{
    int64_t r = child_vital();

    account = account_shown();
    r = r < 0 ? r : pages_begin();
    exo_on_fault = on_fault;
    exo_on_revoke = on_revoke;
    if (r == 0 && manners == POLITE)
        r = call_account_listen(SLOT_ACCOUNT, 1).value;
    if (r == 0 && rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, show_notes) == 0)
        work();
}

/* ---- their parent ---- */

static struct child_terms child[KINDS];
static const struct notes *told[KINDS];

static uint32_t
slot_of(enum manners who)
{
    return child[who].slot[CHILD_ACCOUNT];
}

static int64_t
child_begin(enum manners who)
{
    struct child_terms *t = &child[who];
    struct rpc m = {0};
    uint64_t page_frame = 0;
    int64_t r = pool_take(&exo_pool, &page_frame, 1);

    *t = (struct child_terms){.name = 1 + who,
                              .limit_frames = LIMIT,
                              .reserve_frames = RESERVE,
                              .page_frame = page_frame,
                              .n_pages = 1,
                              .entry = SLOT_FIRST + SLOTS_EACH * who + CHILD_SLOT_COUNT,
                              .cells = SLOT_CELLS,
                              .first_cell = CELL_FIRST + CHILD_CELLS * who,
                              .main = child_main};
    for (uint32_t i = 0; i < CHILD_SLOT_COUNT; i++)
        t->slot[i] = SLOT_FIRST + SLOTS_EACH * who + i;
    told[who] = (const struct notes *)room_take(1);
    manners = who;
    r = r < 0 ? r : child_make(t);
    r = r < 0 ? r : rpc_call(t->entry, &m);
    r = r < 0
            ? r
            : space_map_run(&exo_space, (uintptr_t)told[who], m.word[0], 1, MAP_READ, slot_of(who));
    return r < 0 ? r : child_run(t, 0, POSITION + who, SLICE_NS);
}

static struct account_state
state_of(enum manners who)
{
    struct account_state s = {0};

    call_account_read(slot_of(who), (uintptr_t)&s);
    return s;
}

static void
rounds_wait(enum manners who)
{
    for (uint64_t from = told[who]->rounds; told[who]->rounds < from + 2;)
        clock_sleep_until(clock_ns() + SLICE_NS);
}

/* Asks for frames, and waits until they are there. */
static int64_t
squeeze(enum manners who, uint64_t within_ns)
{
    uint64_t from = clock_ns(), n_lost = 0;
    int64_t r = call_account_revoke(slot_of(who), ACCOUNT_FRAMES, ASKED, from + within_ns).value;

    if (r < 0)
        return r;
    while (state_of(who).count[ACCOUNT_FRAMES].wanted)
        clock_sleep_until(clock_ns() + SLICE_NS);
    print("%s: asked for %u frames, within %lu ms: they came after %lu; %lu by force\n", name[who],
          ASKED, within_ns / 1000000, (clock_ns() - from) / 1000000, state_of(who).n_taken);
    rounds_wait(who);
    print("%s: without pages", name[who]);
    for (uint64_t i = 0; i < told[who]->n_gone; i++) {
        print(" %lu", told[who]->gone[i]);
        n_lost += !can_be_computed(told[who]->gone[i]);
    }
    print("\n%s: goes on with %lu pages, computes %lu again, has lost %lu; %lu wrong sums\n",
          name[who], PAGES - told[who]->n_gone, told[who]->n_gone - n_lost, n_lost,
          told[who]->wrong);
    return 0;
}

int
exo_main(const struct start_page *start)
{
    uint64_t cells;
    int64_t r;

    (void)start;
    if (print_usage(0, ""))
        return 2;
    r = pool_take(&exo_pool, &cells, 1);
    rpc_begin();
    r = r < 0 ? r : processor_keep(0); /* where the children are */
    r = r < 0 ? r : call_cells_make(SLOT_ACCOUNT, cells, SLOT_CELLS).value;
    for (enum manners who = POLITE; who < KINDS; who++) {
        r = r < 0 ? r : child_begin(who);
        if (r >= 0)
            rounds_wait(who);
    }
    r = r < 0 ? r : squeeze(POLITE, LONG_NS);
    r = r < 0 ? r : squeeze(RUDE, SHORT_NS);
    if (r == -E_DQUOT)
        print("revoke: too little memory: raise the limit (-m)\n");
    else if (r < 0)
        print("revoke: error %ld\n", -r);
    return r < 0 || child_destroy(&child[POLITE]) < 0 || child_destroy(&child[RUDE]) < 0;
}
