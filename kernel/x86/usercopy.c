/* SPDX-License-Identifier: MIT */
/*
 * usercopy.c - the kernel's only reads and writes of a caller's addresses, and of what lies at an
 * index that a caller chose. An absent page ends a copy with its address; what was copied before it
 * stands.
 */
#include "abi/memory.h"
#include "kernel/arch.h"
#include "plant.h"

uint64_t copy_bytes(void *to, const void *from, uint64_t n); /* entry.S */

/* The first address of the span that no caller may name, or 0. Page 0 is never a caller's. */
static uint64_t
span_refused(uint64_t va, size_t n)
{
    if (planted(PLANT_COPY_RANGE))
        return 0;
    if (va < FRAME_BYTES)
        return va ? va : 1;
    if (va >= USER_TOP)
        return va;
    return n > USER_TOP - va ? USER_TOP : 0;
}

uint64_t
copy_in(void *to, uint64_t from_va, size_t n)
{
    uint64_t refused = span_refused(from_va, n);

    return refused ? refused : copy_bytes(to, (const void *)from_va, n);
}

uint64_t
copy_out(uint64_t to_va, const void *from, size_t n)
{
    uint64_t refused = span_refused(to_va, n);

    return refused ? refused : copy_bytes((void *)to_va, from, n);
}

/* Inlined where it is called, and masked: what is read may name something at once. */
__attribute__((always_inline)) inline bool
copy_in_word(uint64_t *to, uint64_t from_va)
{
    static const uint64_t room = USER_TOP - FRAME_BYTES - sizeof(*to) + 1;
    uint64_t from = from_va - FRAME_BYTES;

    if (from >= room && !planted(PLANT_COPY_RANGE))
        return false;
    if (!planted(PLANT_COPY_RANGE))
        from = index_masked(from, room);
    __asm__ goto("stac\n"
                 "1:\tmov %c2(%1), %0\n\t"
                 "clac\n\t"
                 ".pushsection .fixup, \"a\"\n\t"
                 ".quad 1b, %l3\n\t"
                 ".popsection"
                 : "=r"(*to)
                 : "r"(from), "i"(FRAME_BYTES)
                 :
                 : absent);
    return true;
absent:
    __asm__ volatile("clac");
    return false;
}

uint64_t
index_masked(uint64_t index, uint64_t n)
{
    uint64_t mask; /* all ones where the subtraction borrows */

    __asm__("cmp %2, %1\n\tsbb %0, %0" : "=r"(mask) : "r"(index), "er"(n) : "cc");
    return index & mask;
}
