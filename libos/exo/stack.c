/* SPDX-License-Identifier: MIT */
/*
 * stack.c - addresses for stacks, in regions of many. A stack that is given back keeps its highest
 * page, where the list of free ones is, and gives up the others.
 */
#include "libos/exo/stack.h"
#include "abi/error.h"
#include "abi/memory.h"
#include "libos/exo/region.h"
#include "libos/exo/space.h"
#include "libos/exo/switch.h"

enum { STACKS = 512, STACK = THREAD_STACK_BYTES, PAGE = FRAME_BYTES };

struct stack_free {
    struct stack_free *next; /* in the last bytes of a stack */
};

static struct stack_free *stacks_free;
static uint64_t stacks_next, stacks_end;

/* A page of a stack. The second is the guard: whoever runs off his stack dies of it. */
static int
on_fault(const struct region *r, uint64_t va, uint32_t need)
{
    return va % STACK / PAGE == 1 ? -E_FAULT : region_bring(r, va, need);
}

uint64_t
stack_take(void)
{
    struct stack_free *s = stacks_free;

    if (s) {
        stacks_free = s->next;
        return (uintptr_t)(s + 1) - STACK;
    }
    if (stacks_next == stacks_end) {
        stacks_next = region_reserve((uint64_t)STACKS * STACK / PAGE, STACK, MAP_READ | MAP_WRITE,
                                     on_fault, NULL);
        stacks_end = stacks_next ? stacks_next + (uint64_t)STACKS * STACK : 0;
    }
    if (!stacks_next)
        return 0;
    stacks_next += STACK;
    return stacks_next - STACK;
}

void
stack_give(uint64_t va)
{
    struct stack_free *s = (struct stack_free *)(va + STACK) - 1;

    if (space_present(va + STACK - (uint64_t)2 * PAGE))
        region_forget(va, va + STACK - PAGE);
    s->next = stacks_free;
    stacks_free = s;
}
