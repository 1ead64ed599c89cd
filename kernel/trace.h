/* SPDX-License-Identifier: MIT */
/*
 * kernel/trace.h - recording what the kernel does (abi/trace.h).
 *
 * Off, it costs the test of one flag where it is asked for, and nothing on the fast paths: calls
 * are recorded by a table of wrappers, upcalls by leading all traps the long way, both chosen at
 * boot (kernel/x86/trap.c, pt.c).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/trace.h"
#include "kernel/call.h"

struct context;

extern bool trace_on;

/* Boot, in this order: is the word there? - the ring of a processor - clock and names are known. */
void trace_init(const char *command_line);
void trace_cpu(uint32_t number);
void trace_begin(void);

void trace_put(enum trace_event event, uint64_t a, uint64_t b);
void trace_context(const struct context *context); /* it has just been made */

static inline void
trace(enum trace_event event, uint64_t a, uint64_t b)
{
    if (__builtin_expect(trace_on, 0))
        trace_put(event, a, b);
}

/* In place of call_table and of call_saving_table: each records, and calls what stands there. */
extern call_entry *const call_traced_table[CALL_BLOCK];
call_entry call_traced;
call_entry call_enter_saving_traced, call_enter_traced; /* entry.S */
