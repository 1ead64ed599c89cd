/* SPDX-License-Identifier: MIT */
/*
 * kernel/owned.h - from an account to its frames, and to those of all below it, without a search.
 *
 * Invariants
 *  O1 every frame with an owner, and root's own frame, is in one circle through the frame table.
 *  O2 behind the frame that an account lies in stand its frames, and among these, each behind its
 *     account's own frame, those of the accounts below: up to the first that it does not cover.
 *     For that an account lies in a frame of its parent's.
 *  O3 an account that is walked has cursors, which name its own frame or one of those: when that
 *     leaves, they move back by one.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/frame.h"

struct account;

extern uint32_t owned_walks; /* accounts that are walked */

/* Boot: root's own frame, alone. */
void owned_init(uint64_t root);
/* The account is walked from here on, from its beginning; or no more. */
void owned_walk(struct account *account, bool on);
void owned_cursors_move(uint64_t n); /* O3: for owned_leave */
/* The first frame of the account or of one below behind n, which is one or its own; 0: none. */
uint64_t owned_after(const struct account *account, uint64_t n);

/* The n frames from first on have this owner from here on. */
static inline void
owned_enter(uint32_t account, uint64_t first, uint64_t n)
{
    struct frame *f = &frame_table[first], *owner = &frame_table[account];
    uint32_t next = owner->next, last = (uint32_t)(first + n - 1);

    owner->next = (uint32_t)first;
    for (uint32_t before = account, i = (uint32_t)first; i <= last; before = i++, f++) {
        f->owner = account;
        f->prev = before;
        f->next = i + 1;
    }
    frame_table[last].next = next;
    frame_table[next].prev = last;
}

/* Before it loses or changes him. */
static inline void
owned_leave(uint64_t n)
{
    const struct frame *f = &frame_table[n];

    if (owned_walks)
        owned_cursors_move(n);
    frame_table[f->prev].next = f->next;
    frame_table[f->next].prev = f->prev;
}
