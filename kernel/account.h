/* SPDX-License-Identifier: MIT */
/* kernel/account.h - the one kind of principal. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/account.h"
#include "kernel/cap.h"
#include "kernel/circle.h"

/*
 * Invariants, for each kind
 *  A1 used is what is charged to the account or to one below.
 *  A2 path[depth] is the account itself, path[i] its ancestor at depth i: so dominance is one look.
 *  A3 held = what is charged to the account itself + for each child the greater of its held and its
 *     reserve. held grows only up to the limit; so what is free is at least what is reserved and
 *     not used, for root's limit is all there is.
 *  A4 given = the sum of the children's reserves <= reserve <= limit.
 *  A5 names of children differ; they stand in a tree by the bits of the name (names.c).
 *  A6 wanted > 0: the account is in the list of revoke.c; wanted <= held - reserve.
 *  A7 the frames of its page are its own, and it holds a reference to each.
 *  A8 n_marked = frames of its own that are marked vital. Marks count as long as that is at most
 *     its own part of the reserve.
 */
struct account {
    struct cell cell;
    struct account_state state;
    uint64_t given[ACCOUNT_KINDS];
    uint32_t path[ACCOUNT_DEPTH_MAX];
    uint32_t names;                    /* A5: the tree of its children; frames, 0: none */
    uint32_t name_below[2];            /* its two subtrees in its parent's tree */
    uint32_t page, n_pages;            /* A7: the first frame of its page; 0: none */
    uint32_t strikes_max;              /* a context that has more is stopped; 0: none is */
    uint64_t latency_ns;               /* how long a woken context may run before its turn */
    uint64_t slice_cursor;             /* of slice_reap */
    uint32_t reap_round;               /* enum reap_round */
    uint32_t reap_cursor, force_frame; /* O3: the last frame looked at */
    bool walked;                       /* O3 */
    bool serves;                       /* it, or one below, has had activations */
    struct circle_link dying;          /* the circle of reap.c; frames, 0: not in it */
    uint64_t force_position;           /* the next to look at, to take by force */
    uint32_t force_left;               /* entries that name the frame which is being taken */
    uint64_t n_marked;                 /* A8 */
    uint64_t lost_ns;                  /* V4: by that its deadlines have moved on */
    struct circle_link revoke;         /* A6: the circle of revoke.c; frames, 0: not in it */
    uint64_t rejects_paid_ns; /* the clock up to which wrong tags have been waited for (cap.c) */
    uint32_t n_listeners;
    uint32_t listener[ACCOUNT_LISTENERS_MAX]; /* contexts' frames */
};
_Static_assert(sizeof(struct account) <= 4096, "one frame");

extern struct account *account_root;

/* The account in a frame that is known to be one. */
struct account *account_at(uint64_t frame);
/* NULL: root's. */
struct account *account_parent(const struct account *account);
/* Is `below` the account itself or one under it? below: frame number of an account, or 0. */
bool account_covers(const struct account *account, uint32_t below);

/* Boot: makes the root account in frame n; then, once all frames are known, its limits. */
void account_init(uint64_t n);
void account_totals(void);

extern uint32_t accounts_dying; /* how many are being destroyed */
bool account_dying_above(uint32_t frame);
/*
 * Is the account, or one above it, being destroyed? Then nothing of it runs. frame: of an account.
 */
static inline bool
account_dying(uint32_t frame)
{
    return accounts_dying && account_dying_above(frame);
}

/* Nothing is charged to it, so it has no children, either: its object may end. */
bool account_is_empty(const struct account *account);
uint64_t account_release(struct account *account); /* how many reserves it had */

/* ---- charge.c ---- */
/* Charges n of a kind to the account and those above: 0, or E_DQUOT and nothing is charged. */
int account_take(struct account *account, enum account_kind kind, uint64_t n);
void account_return(struct account *account, enum account_kind kind, uint64_t n);

/* n of a kind go from one account to another: 0, or E_DQUOT and nothing is changed. */
int account_move(struct account *from, struct account *to, enum account_kind kind, uint64_t n);

/* May a child of `parent` whose count this is have that reserve (A3, A4)? 0, or E_DQUOT. */
int reserve_check(const struct account *parent, const struct account_count *count,
                  enum account_kind kind, uint64_t reserve);
void reserve_set(struct account *account, enum account_kind kind, uint64_t reserve);
/* Do n vital frames fit into the account's own part of its reserve? A8 */
bool account_vital_fits(const struct account *account, uint64_t n);

/* ---- shown.c ---- */
/* Shows its state in its page, if it has one; or of that only what has changed. */
void account_show(const struct account *account);
void count_show(const struct account *account, enum account_kind kind);
/* Interrupts have cost it so much. */
void account_worked(struct account *account, uint64_t cycles);
/* A thing was taken from this account by force: counted, and written to its ring. */
void account_lose(struct account *account, struct account_taken taken);
/*
 * May the frames that the terms name become the page of the account in that frame? They are the
 * parent's own, so that nobody's held grows (A3). 0 or an error; then they become it.
 */
int account_page_check(const struct account *parent, const struct account_terms *terms,
                       uint64_t frame);
void account_page_make(struct account *account, const struct account_terms *terms);
/* Its page is one no more: the frames are plain again once nobody maps them. */
void account_page_drop(struct account *account);

/* ---- names.c ---- */
/* Is there a child of that name; a child of a new name enters; one leaves. */
bool child_named(struct account *parent, uint64_t name);
void child_enter(struct account *parent, struct account *child);
void child_leave(struct account *parent, struct account *child);
