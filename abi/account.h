/* SPDX-License-Identifier: MIT */
/*
 * abi/account.h - what an account may hold and holds, what is asked back from it, and its page.
 *
 * Of each kind of resource an account has a reserve, which is its own whatever others do, and a
 * limit. Reserves are carved from the parent's; limits may add up to more than there is, and then
 * who has authority asks back (account_revoke).
 */
#pragma once
#include <stdint.h>

enum account_bound {
    ACCOUNT_DEPTH_MAX = 8,
    ACCOUNT_PAGES_MAX = 16,     /* frames of an account's page */
    ACCOUNT_LISTENERS_MAX = 16, /* contexts that take its REVOKE upcalls */
};

enum account_kind {
    ACCOUNT_FRAMES = 0,
    ACCOUNT_SLICES,      /* positions of processors' vectors */
    ACCOUNT_CHANNELS,    /* to the host */
    ACCOUNT_SOURCES,     /* of interrupts */
    ACCOUNT_PINS,        /* lasting uses of frames */
    ACCOUNT_CODE,        /* bytes of downloaded code */
    ACCOUNT_DESCRIPTORS, /* in flight on queues that are shared */
    ACCOUNT_KINDS,
};

static const uint64_t ACCOUNT_NO_LIMIT = UINT64_MAX;

/* What account_make asks for. Other kinds than frames begin without reserve and limit. */
struct account_terms {
    uint64_t name; /* unique below the parent; not 0 */
    uint64_t limit_frames;
    uint64_t reserve_frames;
    uint64_t
        page_frame;   /* the first of n_pages plain frames that become its page; 0: it has none */
    uint64_t n_pages; /* up to ACCOUNT_PAGES_MAX */
};
_Static_assert(sizeof(struct account_terms) == 40, "layout");

/* What an account, with all below it, has of one kind. */
struct account_count {
    uint64_t limit;
    uint64_t used;
    uint64_t peak;    /* the most it ever used */
    uint64_t reserve; /* <= limit */
    uint64_t held;    /* as used, but accounts below count with their reserve, if that is more */
    uint64_t wanted;  /* to be given back, in what is held; 0: nothing. None is taken meanwhile */
    uint64_t due_ns;  /* when the kernel takes what is wanted, on the clock; moves on */
    uint64_t taken;   /* that the kernel has taken by force, ever */
};
_Static_assert(sizeof(struct account_count) == 64, "layout");

/* What account_read tells. */
struct account_state {
    union {
        struct { /* kind ACCOUNT_FRAMES */
            uint64_t limit_frames, used_frames, peak_frames, reserve_frames;
        };
        struct account_count count[ACCOUNT_KINDS];
    };
    uint64_t name;
    uint32_t depth;         /* 0 is root */
    uint32_t dying;         /* 1 once its end has begun */
    uint64_t rejected;      /* binds of capabilities that were not the kernel's */
    uint64_t bind_after_ns; /* for these: none is looked at before, on the clock */
    uint64_t n_taken;       /* entries ever written to the ring of its page */
    uint64_t work_cycles;   /* that interrupts for it have cost, and no context has paid */
};
_Static_assert(sizeof(struct account_state) == 496, "layout");

/*
 * One thing that the kernel took: one of a kind, or who was named at a position that stays. A right
 * to that context was revoked, or it has ended, and is another account's (abi/slice.h).
 */
enum { TAKEN_NAME = ACCOUNT_KINDS };
struct account_taken {
    uint32_t kind;   /* enum account_kind, or TAKEN_NAME */
    uint32_t detail; /* slices, names: the processor */
    uint64_t name;   /* frames: its number; slices, names: the position */
};
_Static_assert(sizeof(struct account_taken) == 16, "layout");

enum { ACCOUNT_PAGE_VERSION = 2, ACCOUNT_PAGE_HEAD = 512 };

/*
 * The page of an account: n_pages frames that the kernel writes and who covers
 * the account maps to read. `state` is as account_read tells. What the kernel takes from this
 * account itself it writes to taken[n_taken % n_ring], then raises n_taken: a reader that has come
 * to m has missed some when n_taken - m is more than n_ring.
 */
struct account_page {
    uint32_t version; /* ACCOUNT_PAGE_VERSION */
    uint32_t n_ring;
    uint64_t account; /* its frame */
    struct account_state state;
    struct account_taken taken[]; /* at ACCOUNT_PAGE_HEAD */
};
_Static_assert(sizeof(struct account_page) == ACCOUNT_PAGE_HEAD, "layout");
