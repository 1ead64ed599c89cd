/* SPDX-License-Identifier: MIT */
/* libos/exo/waiters.h - threads that wait for counters of the kernel: for sched.c alone. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/event.h"

/* The running thread waits until the clause holds. */
void waiters_wait(const struct wait_clause *clause);

/* Wake those whose clauses hold. */
void waiters_look(void);

/* Their clauses, for a context that sleeps. False in *all: there are more than max counters. */
uint32_t waiters_clauses(struct wait_clause *out, uint32_t max, bool *all);
