/* SPDX-License-Identifier: MIT */
/*
 * kernel/reverse.h - from a frame to the entries that name it.
 *
 * A page table is numbered by an ordinal, an entry named by ordinal and index, in 32 bits. Every
 * present entry has a place in the table's companion frame: two names, so that all entries of one
 * frame are in a list that begins in the frame table, and any of them leaves it in constant time.
 */
#pragma once
#include <stdint.h>

enum { REVERSE_INDEX_BITS = 9, ORDINALS_MAX = 1 << 23 };

/* The place of an entry in the companion. Names; 0: no more. prev 0: the frame's `first` names it.
 */
struct reverse {
    uint32_t next, prev;
};
_Static_assert((sizeof(struct reverse) << REVERSE_INDEX_BITS) == 4096, "a companion is a frame");

/* By ordinal: the companion's frame; of a free ordinal the next free one. */
extern uint32_t *reverse_companion;

/* Boot: room for n ordinals, of which 0 is none. */
void reverse_init(uint32_t *room, uint32_t n);
/* A free ordinal becomes that of the table with this companion. 0: none is free. */
uint32_t ordinal_take(uint32_t companion);
void ordinal_give(uint32_t ordinal);
/* Ordinals are below it; those of 1 .. that were ever taken name a companion or the next free. */
uint32_t reverse_ordinals(void);

void *frame_address(uint64_t n); /* kernel/arch.h */

static inline uint32_t
reverse_name(uint32_t ordinal, uint64_t index)
{
    return ordinal << REVERSE_INDEX_BITS | (uint32_t)index;
}

static inline uint32_t
reverse_index(uint32_t name)
{
    return name & ((1u << REVERSE_INDEX_BITS) - 1);
}

static inline struct reverse *
reverse_at(uint32_t name)
{
    struct reverse *companion = frame_address(reverse_companion[name >> REVERSE_INDEX_BITS]);

    return companion + reverse_index(name);
}

/* The entry `name`, whose place is `at`, becomes the first of the list. */
static inline void
reverse_add(uint32_t *first, uint32_t name, struct reverse *at)
{
    uint32_t old = *first;

    *at = (struct reverse){.next = old};
    *first = name;
    if (__builtin_expect(old != 0, 1))
        reverse_at(old)->prev = name;
}

/* The entry at this place leaves its list. */
static inline void
reverse_remove(uint32_t *first, const struct reverse *at)
{
    if (__builtin_expect(at->prev != 0, 1))
        reverse_at(at->prev)->next = at->next;
    else
        *first = at->next;
    if (__builtin_expect(at->next != 0, 1))
        reverse_at(at->next)->prev = at->prev;
}
