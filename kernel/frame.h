/* SPDX-License-Identifier: MIT */
/* kernel/frame.h - the frame table. Units: frame numbers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/exposed.h"
#include "abi/memory.h"

struct account;

/*
 * One entry a frame.
 *  F1 refs == entries that name it, all in the list that begins at `first` (kernel/reverse.h),
 *     + objects that stand on it. A companion's also counts the present entries of its table.
 *  F2 type FREE => refs, first, other and owner are 0, and its bit in the free bitmap is set;
 *     else clear.
 *  F3 type and owner change only while refs and pins are 0 and the epoch of the last right
 *     taken from the frame has passed (but by account_destroy, which breaks them all).
 *  F4 a STALE frame may hold what another wrote, or the kernel; it is cleared before anybody
 *     but the kernel can read it. All others hold zeroes, or what their account put there.
 *  F5 a frame that was an object becomes plain, and so can be mapped and written, only when
 *     nothing names it any more: tables, contexts and counters are walked without looking at
 *     types.
 *  F6 a frame object of 2 MiB or 1 GiB is its first frame, with the size in flags; the others
 *     are FRAME_PART, of the same owner, and nothing names them.
 *  F7 a free frame, or a stale one, that is marked ZERO holds nothing but zeroes: it was a
 *     table that ended with nothing in it, and so it need not be cleared. Whatever lets it be
 *     written to takes the mark away: frame_ready, and what makes an object of it.
 *  F8 USES in flags counts the descriptors by which a device uses the frame (kernel/flight.h). Who
 *     owns it may unmap it; it becomes another's or something else by no call, and where it is
 *     taken or its account ends it is nobody's at once, IN_FLIGHT, and FREE with the last use.
 */
struct frame {
    uint32_t owner; /* frame number of its account; 0: the kernel's or nobody's */
    uint8_t type;   /* enum frame_type */
    uint8_t flags;  /* set of enum frame_flag */
    uint16_t stamp_high;
    uint32_t refs;
    uint32_t first; /* name of the first entry that names it; of a companion: the ordinal */
    uint32_t other; /* of a table: the companion; of a companion: the table; plain: P1 of pin.h */
    uint32_t stamp; /* epoch of the last right taken from it: 48 bits; of a companion: pt.h */
    uint32_t next, prev; /* of an owned frame, and root's: O1 of owned.h */
};
_Static_assert(sizeof(struct frame) == sizeof(struct exposed_frame) &&
                   offsetof(struct frame, type) == offsetof(struct exposed_frame, type) &&
                   offsetof(struct frame, refs) == offsetof(struct exposed_frame, refs) &&
                   offsetof(struct frame, next) == offsetof(struct exposed_frame, next),
               "abi/exposed.h");

/* Is it plain, of that size, and not stale (nor marked vital: that is looked at apart)? */
static inline bool
frame_is_clean(const struct frame *f, uint32_t size)
{
    return (f->type | (uint32_t)f->flags << 8) == (FRAME_PLAIN | size << 8);
}

enum frame_flag {
    FRAME_SIZE = 3, /* 0: 4 KiB, 1: 2 MiB, 2: 1 GiB */
    FRAME_STALE = 1 << 2,
    FRAME_VITAL = 1 << 3, /* so its owner says: it is never taken singly */
    FRAME_ZERO = 1 << 4,  /* F7; of a companion: its table is, but for its present entries */
    FRAME_USE = 1 << 5,   /* F8: one use in flight */
    FRAME_USES = FRAME_USES_MAX * FRAME_USE,
};

extern struct machine_page *exposed_machine; /* made by the clock, which is the first to need it */
extern struct frame *frame_table;
extern uint64_t frame_count;

/* The entry of a frame number that the caller knows is below frame_count. */
struct frame *frame_at(uint64_t n);
/* The entry of any number: NULL when there is no such frame. The index is masked. */
struct frame *frame_find(uint64_t n);
/* The frame that a kernel object lies in. */
uint64_t frame_of(const void *object);

/* 0 when frame n is of account or one below and of that type, else E_PERM or E_INVAL. */
int frame_check(const struct account *account, uint64_t n, enum frame_type type);
/*
 * 0 when frame n may become something else: plain, 4 KiB, unreferenced, unmarked, of account or
 * below; else
 * E_PERM, E_BUSY, E_AGAIN: its epoch has not passed (epoch_error).
 */
int frame_check_unused(const struct account *account, uint64_t n);
/* 0 when the kernel may look at words of frame n for account, else E_PERM or E_INVAL. Clears it. */
int frame_check_words(const struct account *account, uint64_t n);
/* Plain -> an object's type. The caller has checked (F3). Returns its address, zeroed. */
void *frame_become(uint64_t n, enum frame_type type);
/* The same for an object that is no more than its first bytes: only these are zeroed. */
void *frame_become_part(uint64_t n, enum frame_type type, uint64_t bytes);
/*
 * An object's frame -> plain again, and stale; zeroes while somebody still names it (F5). F7 holds
 * by then.
 */
void frame_retire(uint64_t n);
/* Clears a stale frame (F4), if it is not zero. */
void frame_ready(uint64_t n);
/* A right to it was taken, of which others may be rid at that epoch (epoch_next). */
void frame_stamp(struct frame *f, uint64_t epoch);
static inline uint64_t
frame_stamp_of(const struct frame *f)
{
    return (uint64_t)f->stamp_high << 32 | f->stamp;
}
bool frame_settled(const struct frame *f); /* that epoch has passed */
/* Does the exposed bitmap say that frame n, below frame_count, is free? */
bool frame_is_free(uint64_t n);
/* large.c: the first frame of the object that frame n is of. */
uint64_t frame_head(uint64_t n);
/* An object of 512 parts, which nothing names any more, becomes these. */
void frame_parts(uint64_t first);
/* A frame object of its owner's is marked vital, or no more. */
void frame_mark_set(uint64_t n, bool on);
/* A use in flight has ended. */
void frame_land(uint64_t n);
void frame_ref(uint64_t n);
void frame_unref(uint64_t n);

/* Boot: memory for the kernel itself, zeroed, until frame_init; panics when there is none. */
void *frame_boot_alloc(uint64_t n);
/*
 * Boot: piece i of what is left of that memory, frames first .. last - 1; false: there is none.
 * From the first time on none is given out any more.
 */
bool frame_boot_left(uint32_t i, uint64_t *first, uint64_t *last);
