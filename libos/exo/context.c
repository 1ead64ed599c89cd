/* SPDX-License-Identifier: MIT */
/*
 * context.c - what the library knows of one of its contexts. gs holds its address: the kernel
 * leaves gs alone but for keeping it with the context.
 */
#include "libos/exo/context.h"

static void
on_preempt(void)
{
}

void (*exo_on_preempt)(void) = on_preempt;

void
context_begin(struct context *c, uint32_t index)
{
    c->self = c;
    c->index = index;
    c->holder = index + 1;
    __asm__ volatile("wrgsbase %0" ::"r"(c));
}
