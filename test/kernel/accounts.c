/* SPDX-License-Identifier: MIT */
/*
 * accounts.c - accounts, what they are charged, asked for and lose, beside a model (accounts.h).
 *
 * The model is the frame table and the slice vectors: what each account uses and holds is counted
 * anew from them after each deed.
 */
#include "test/kernel/accounts.h"
#include <stdbool.h>
#include <string.h>
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/object.h"
#include "kernel/owned.h"
#include "kernel/reap.h"
#include "kernel/revoke.h"
#include "kernel/slice.h"
#include "kernel/bound.h"
#include "test/kernel/fake.h"

enum {
    DEED_BYTES = 4,
    INTO = 5,        /* the slot that new accounts come into */
    POSITIONS = 16,  /* of each processor that are used */
    NAMES = 8,       /* so few that some are taken */
    AMOUNT_MAX = 24, /* of a limit, a reserve, what is asked for */
    HOUR = 1000 * 1000,
    PAUSE = 100 * HOUR,            /* the machine stands still, that is, and is seen to */
    CALLS_MAX = 100 * FAKE_FRAMES, /* to end all there can be */
};

static struct account_play play;

static void
wrong(const char *why)
{
    if (!play.why)
        play.why = why;
}

static bool
is_account(uint64_t n)
{
    return frame_at(n)->type == FRAME_ACCOUNT;
}

/* ---- the model ---- */

enum { KINDS = ACCOUNT_SLICES + 1 }; /* that deeds charge */

static uint64_t used[KINDS][FAKE_FRAMES], held[KINDS][FAKE_FRAMES], given[KINDS][FAKE_FRAMES];
static uint32_t all[FAKE_FRAMES], n_all; /* accounts, all that there are */

static void
charge(enum account_kind kind, uint64_t owner, uint64_t n)
{
    held[kind][owner] += n;
    for (const struct account *a = account_at(owner); a; a = account_parent(a))
        used[kind][frame_of(a)] += n;
}

/* Children before parents: held of each is ready when it is added above. */
static void
roll_up(enum account_kind kind, uint32_t depth)
{
    for (uint32_t i = 0; i < n_all; i++) {
        uint64_t n = all[i];
        const struct account *a = account_at(n), *parent;
        uint64_t reserve;

        if (a->state.depth != depth)
            continue;
        parent = account_parent(a);
        reserve = a->state.count[kind].reserve;
        held[kind][frame_of(parent)] += held[kind][n] > reserve ? held[kind][n] : reserve;
        given[kind][frame_of(parent)] += reserve;
    }
}

static void
model_count(void)
{
    memset(used, 0, sizeof(used));
    memset(held, 0, sizeof(held));
    memset(given, 0, sizeof(given));
    n_all = 0;
    for (uint32_t n = 1; n < FAKE_FRAMES; n++) {
        if (frame_at(n)->owner)
            charge(ACCOUNT_FRAMES, frame_at(n)->owner, 1);
        if (is_account(n))
            all[n_all++] = n;
    }
    for (uint32_t i = 0; i < FAKE_CPUS * POSITIONS; i++) {
        uint32_t owner = cpu_at(i / POSITIONS)->slice[i % POSITIONS].owner;
        if (owner)
            charge(ACCOUNT_SLICES, owner, 1);
    }
    for (int kind = 0; kind <= ACCOUNT_SLICES; kind++)
        for (uint32_t depth = ACCOUNT_DEPTH_MAX - 1; depth > 0; depth--)
            roll_up((enum account_kind)kind, depth);
}

static void
check_count(uint64_t n, enum account_kind kind)
{
    const struct account *a = account_at(n);
    const struct account_count *c = &a->state.count[kind];

    if (c->used != used[kind][n] || c->peak < c->used)
        wrong("used is not what is charged (A1)");
    if (c->held != held[kind][n])
        wrong("held is not what it is to be (A3)");
    if (a->given[kind] != given[kind][n] || c->reserve > c->limit || a->given[kind] > c->reserve)
        wrong("reserves are given that are not there (A4)");
    if (c->wanted && (!a->revoke.next || c->wanted > c->held - c->reserve))
        wrong("more is wanted than there is (A6, V2)");
}

static void
check_page(const struct account *a)
{
    const struct account_page *page = a->page ? frame_address(a->page) : NULL;

    if (page && memcmp((const char *)&page->state, (const char *)&a->state, sizeof(a->state)) != 0)
        wrong("a page shows what is not so");
}

/* Counts the nodes of the tree of names at `node`; they are children of `parent`. */
static uint32_t
names_count(const struct account *parent, uint32_t node)
{
    const struct account *a;

    if (!node)
        return 0;
    a = account_at(node);
    if (!is_account(node) || account_parent(a) != parent)
        wrong("a stranger among the names (A5)");
    return 1 + names_count(parent, a->name_below[0]) + names_count(parent, a->name_below[1]);
}

static void
check_names(const struct account *a)
{
    uint32_t children = 0;

    for (uint64_t n = 1; n < FAKE_FRAMES; n++)
        children += is_account(n) && account_parent(account_at(n)) == a;
    if (names_count(a, a->names) != children)
        wrong("a child is not among the names (A5)");
}

/* From every account's frame one comes by its frames and those of all below it, and by no other. */
static void
check_owned(void)
{
    for (uint64_t n = 1; n < FAKE_FRAMES; n++) {
        uint64_t found = 0;
        if (!is_account(n))
            continue;
        for (uint64_t at = n; (at = owned_after(account_at(n), at)) && found <= FAKE_FRAMES;)
            found++;
        if (found != used[ACCOUNT_FRAMES][n])
            wrong("the walk through an account's frames is not the right one (O2)");
    }
}

static void
check_all(void)
{
    model_count();
    check_owned();
    for (uint32_t i = 0; i < n_all && !play.why; i++) {
        uint64_t n = all[i];
        for (int kind = 0; kind <= ACCOUNT_SLICES; kind++)
            check_count(n, (enum account_kind)kind);
        check_page(account_at(n));
        check_names(account_at(n));
    }
}

/* ---- choosing ---- */

/* The b'th of the frames that fit, in a circle; 0: none does. */
static uint64_t
pick(uint32_t b, bool (*fits)(uint64_t))
{
    for (uint64_t i = 0; i < FAKE_FRAMES; i++) {
        uint64_t n = (b + i) % FAKE_FRAMES;
        if (n && fits(n))
            return n;
    }
    return 0;
}

static bool
is_child(uint64_t n)
{
    return is_account(n) && n != FAKE_ROOT;
}

static bool
is_free(uint64_t n)
{
    return frame_at(n)->type == FRAME_FREE;
}

static bool
is_taken(uint64_t n)
{
    return frame_at(n)->type == FRAME_PLAIN;
}

/* ---- deeds ---- */

static void
deed_make(uint32_t b, uint32_t name, uint32_t amount)
{
    uint64_t parent = pick(b, is_account), frame = pick(b * 7, is_free), page = 0;
    struct account_terms terms = {.name = 1 + name % NAMES,
                                  .limit_frames = amount % AMOUNT_MAX,
                                  .reserve_frames = amount / AMOUNT_MAX % AMOUNT_MAX};
    int64_t r;

    if (!frame || fake_take(parent, frame))
        return;
    if (name & 64)
        page = pick(b * 5, is_free);
    if (page && !fake_take(parent, page)) {
        terms.page_frame = page;
        terms.n_pages = 1;
    }
    (void)slot_clear(frame_address(FAKE_TABLE), INTO);
    r = account_make(account_at(parent), frame, INTO, &terms).value;
    play.refused += r != 0;
    if (r == -E_EXIST && !child_named(account_at(parent), terms.name))
        wrong("a name was refused that is free");
    if (r && terms.page_frame)
        frame_give_back(terms.page_frame);
    if (r)
        frame_give_back(frame);
}

/* What is within every reserve and limit on the way up must not be refused. */
static bool
has_right(const struct account *a, enum account_kind kind)
{
    for (; a; a = account_parent(a)) {
        const struct account_count *c = &a->state.count[kind];
        if (a->state.dying)
            return false;
        if (c->held < c->reserve)
            return !account_dying((uint32_t)frame_of(a));
        if (c->held >= c->limit || c->wanted)
            return false;
    }
    return true;
}

static void
deed_take(uint32_t b)
{
    uint64_t owner = pick(b, is_account), n = pick(b * 7, is_free);
    bool right = has_right(account_at(owner), ACCOUNT_FRAMES);
    int error;

    if (!n)
        return;
    error = fake_take(owner, n);
    if (!error != right)
        wrong(right ? "a frame within the reserve was refused" : "a frame beyond the limit");
    play.refused += error != 0;
}

static void
deed_give(uint32_t b)
{
    uint64_t n = pick(b, is_taken);

    if (n > FAKE_TABLE && frame_at(n)->refs == 0)
        frame_give_back(n);
}

static void
deed_place(uint32_t b, uint32_t position)
{
    uint64_t owner = pick(b, is_account);
    struct slice *slice = &cpu_at(position % FAKE_CPUS)->slice[position / FAKE_CPUS % POSITIONS];
    bool right = has_right(account_at(owner), ACCOUNT_SLICES);
    int error;

    if (slice->owner)
        return;
    error = account_take(account_at(owner), ACCOUNT_SLICES, 1);
    if (!error != right)
        wrong(right ? "a position within the reserve was refused" : "a position beyond the limit");
    play.refused += error != 0;
    slice->owner = error ? 0 : (uint32_t)owner;
}

static void
deed_limit(uint32_t b, uint32_t kind, uint32_t amount)
{
    uint64_t n = pick(b, is_child);
    uint64_t reserve = amount / AMOUNT_MAX % AMOUNT_MAX, limit = amount % AMOUNT_MAX;

    if (n)
        play.refused +=
            account_limit_set(account_at(n), kind % 2, reserve, limit + reserve).value != 0;
}

static void
deed_revoke(uint32_t b, uint32_t kind, uint32_t amount)
{
    uint64_t n = pick(b, is_child);
    struct account *a = account_at(n);
    struct account_count *c;
    uint64_t most;
    int64_t r;

    if (!n)
        return;
    c = &a->state.count[kind % 2];
    most = c->held > c->reserve ? c->held - c->reserve : 0;
    bool free = !c->wanted;
    amount %= AMOUNT_MAX;
    r = account_revoke(a, kind % 2, amount, fake_clock_ns + (uint64_t)amount % 5 * HOUR).value;
    if (r == -E_RANGE && amount <= most)
        wrong("what may be asked for was refused");
    if (r >= 0 && amount && free && amount > most)
        wrong("a reserve was asked back (V2)");
    play.refused += r < 0;
}

static uint64_t
all_taken(void)
{
    uint64_t sum = 0;

    for (uint64_t n = 1; n < FAKE_FRAMES; n++)
        if (is_account(n))
            sum += account_at(n)->state.n_taken;
    return sum;
}

/* Or nearly so. */
static bool
is_overdue(void)
{
    for (uint64_t n = 1; n < FAKE_FRAMES; n++)
        for (uint32_t kind = 0; is_account(n) && kind < KINDS; kind++)
            if (account_at(n)->state.count[kind].wanted &&
                account_at(n)->state.count[kind].due_ns <= fake_clock_ns + 2ul * HOUR)
                return true;
    return false;
}

static void
deed_time(uint32_t b)
{
    uint64_t before = all_taken();
    bool pause = b % 8 == 0 && !is_overdue();

    fake_clock_ns += b % 2 ? 1 : pause ? PAUSE : HOUR;
    revoke_tick(fake_clock_ns);
    if (pause && all_taken() > before)
        wrong("something was taken from who had no chance to give it (V4)");
    if (all_taken() > before)
        play.forced += all_taken() - before;
}

static void
deed_destroy(uint32_t b)
{
    uint64_t n = pick(b, is_child);

    if (!n)
        return;
    if (account_destroy(account_at(n)).value < 0)
        wrong("an account could not be destroyed");
}

static void
deed_free(uint32_t b)
{
    uint64_t n = pick(b, is_child);
    bool empty = n && account_is_empty(account_at(n));
    int error;

    if (!n)
        return;
    error = fake_free(n);
    if (empty ? error && error != E_AGAIN : error != E_BUSY)
        wrong("an account ends when it is empty, and only then");
    if (error)
        return;
    frame_give_back(n);
    play.ended++;
}

static void
deed(const uint8_t *b)
{
    uint32_t amount = b[2] * 256u + b[3];

    switch (b[0] % 16) {
    case 0:
    case 1:
        deed_make(b[1], b[2], amount);
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        deed_take(b[1]);
        break;
    case 6:
        deed_give(b[1]);
        break;
    case 7:
    case 8:
        deed_place(b[1], b[2]);
        break;
    case 9:
    case 10:
        deed_limit(b[1], b[0] / 16, amount);
        break;
    case 11:
        deed_revoke(b[1], b[0] / 16, b[2]);
        break;
    case 12:
        if (b[2] < 64)
            deed_destroy(b[1]);
        else if (b[2] < 80)
            (void)reap_idle(fake_clock_ns, STEPS_MAX);
        break;
    case 13:
        deed_free(b[1]);
        break;
    default:
        deed_time(b[1]);
    }
}

struct account_play
accounts_play(const uint8_t *bytes, size_t n)
{
    play = (struct account_play){0};
    fake_begin();
    for (uint64_t i = FAKE_FIRST_FREE; i < FAKE_FRAMES; i++)
        frame_give_back(i);
    for (; n >= DEED_BYTES && !play.why; n -= DEED_BYTES, bytes += DEED_BYTES) {
        deed(bytes);
        check_all();
        play.deeds++;
    }
    for (uint32_t calls = 0; account_at(FAKE_ROOT)->names && !play.why; calls++) {
        uint64_t child = pick(0, is_child);
        int64_t left = account_destroy(account_at(child)).value;
        if (left == 0 && !fake_free(child))
            frame_give_back(child);
        if (calls == CALLS_MAX)
            wrong("an account does not end, however often it is destroyed");
    }
    check_all();
    revoke_tick(fake_clock_ns + HOUR);
    return play;
}
