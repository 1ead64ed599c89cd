/* SPDX-License-Identifier: MIT */
/* lock.c - the one word that kernel/lock.h is about: taken from the start, for the boot. */
#include "kernel/lock.h"

struct lock kernel_lock_word = {.next = 1};

void
lock_quiesce(void)
{
    atomic_thread_fence(memory_order_seq_cst); /* pairs with the first step of such a path */
    for (uint32_t i = 0; i < cpu_count(); i++)
        while (arch_inside(cpu_at(i)))
            arch_pause();
}
