/* SPDX-License-Identifier: MIT */
/* wait.c - without threads, who sleeps is the context. */
#include "libos/exo/wait.h"
#include "libos/exo/upcall.h"
#include "call_stubs.h"

void
wait_here(const struct wait_clause *clause)
{
    if (call_wait((uintptr_t)clause, 1).value == -E_INTR)
        upcalls_take_pending(); /* or it would end every sleep */
}

void (*exo_wait)(const struct wait_clause *clause) = wait_here;
