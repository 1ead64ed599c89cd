/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/child.h - a second environment of ours, in an account of its own below ours: it begins
 * with a copy of our image as it is now, and a function of ours. It has no slice of its own: it
 * serves an entry, and whoever calls that pays; or, without an entry, it runs in the time that
 * somebody gives it (yield, slice_set).
 */
#pragma once
#include <stdint.h>

/* The slots that a child begins with, beside SLOT_ACCOUNT to SLOT_EVENTS. */
enum child_slot { CHILD_ENTRY = 8 };

/* Ours to the child's objects. */
enum child_object {
    CHILD_ACCOUNT,
    CHILD_SLOTS,
    CHILD_ENV,
    CHILD_CONTEXT,
    CHILD_EVENTS,
    CHILD_SLOT_COUNT,
};
enum { CHILD_CELLS = CHILD_SLOT_COUNT + 1 };

struct child_terms {
    uint64_t name;                   /* of its account: not 0 */
    uint64_t limit_frames;           /* of its account; its image and tables take some hundred */
    uint64_t reserve_frames;         /* of our reserve; 0: none */
    uint64_t page_frame, n_pages;    /* frames of ours that become its account's page, which it
                                        finds by account_shown; 0: none */
    uint32_t slot[CHILD_SLOT_COUNT]; /* of ours, for the time being */
    uint32_t entry; /* a slot of ours: gets the entry, with every right; SLOT_NOTHING: there is none
                     */
    uint32_t cells; /* a slot of ours with a frame of cells, of which CHILD_CELLS from */
    uint32_t first_cell; /* this one on are empty */
    void (*main)(void);  /* serves CHILD_ENTRY (rpc_serve); without an entry, whatever it does */
};

/*
 * Makes it; not two at once, by two contexts. 0, or an error: what there is of it then goes by child_destroy, which needs
 * slot[CHILD_ACCOUNT] and the cells; the other slots may be cleared.
 */
int child_make(const struct child_terms *t);
/*
 * It serves its entry no more, on that processor, and has a slice there instead: rpc_serve returns
 * 0 in it. position: a free one of the processor's vector. 0, or an error.
 */
int child_run(const struct child_terms *t, uint32_t cpu, uint32_t position, uint64_t slice_ns);
/* In the child: its image is vital from here on, as far as its reserve goes. 0, or an error. */
int child_vital(void);
/*
 * Takes all of it back, until nothing is left of its account, the account's frame among it; slots
 * and cells are empty again. 0, or an error.
 */
int child_destroy(const struct child_terms *t);
