/* SPDX-License-Identifier: MIT */
/* kernel/frame.h - the frame table. Units: frame numbers. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/memory.h"

struct account;

/*
 * One entry a frame.
 *  F1 refs == entries and links that name it + objects that stand on it (pins).
 *  F2 type FREE => refs == 0 and owner == 0, and its bit in the free bitmap is set; else clear.
 *  F3 type and owner change only while refs == 0 (but by account_destroy, which breaks them all).
 *  F4 a frame given to an account holds only zeroes.
 *  F5 a frame that was an object becomes plain, and so can be mapped and written, only when nothing
 *     names it any more: tables, contexts and counters are walked without looking at types.
 */
struct frame {
    uint32_t owner; /* frame number of its account; 0: the kernel's or nobody's */
    uint32_t refs;
    uint8_t type; /* enum frame_type */
    uint8_t reserved[3];
};
_Static_assert(sizeof(struct frame) == 12, "frame table entry");

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
 * 0 when frame n may become something else: plain, unreferenced, of account or below; else E_PERM,
 * E_BUSY.
 */
int frame_check_unused(const struct account *account, uint64_t n);
/* Plain -> an object's type. The caller has checked (F3). Returns its address, zeroed. */
void *frame_become(uint64_t n, enum frame_type type);
/* An object's frame -> zeroes, and plain again unless somebody still names it (F5). */
void frame_retire(uint64_t n);
/* Does the exposed bitmap say that frame n, below frame_count, is free? */
bool frame_is_free(uint64_t n);
void frame_ref(uint64_t n);
void frame_unref(uint64_t n);

/* Boot: memory for the kernel itself, zeroed, until frame_init; panics when there is none. */
void *frame_boot_alloc(uint64_t n);
/*
 * Boot: piece i of what is left of that memory, frames first .. last - 1; false: there is none.
 * From the first time on none is given out any more.
 */
bool frame_boot_left(uint32_t i, uint64_t *first, uint64_t *last);
