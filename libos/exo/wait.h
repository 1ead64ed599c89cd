/* SPDX-License-Identifier: MIT */
/* libos/exo/wait.h - sleeping on the kernel's event counters: the context, or with threads the
 * thread. */
#pragma once
#include "abi/event.h"

/* Sleep until the clause holds, or something else has happened: look again, and come back. */
extern void (*exo_wait)(const struct wait_clause *clause);

/* The context itself sleeps, in any case: in an upcall's handler, say. */
void wait_here(const struct wait_clause *clause);
