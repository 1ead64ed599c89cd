/* SPDX-License-Identifier: MIT */
/*
 * trace.c - the entry paths of a processor where events are recorded: its copy of the template
 * jumps through call_traced_table, and finds no save area for a foreign call, which so goes to
 * trap_slow. The paths that everybody else takes do not know of it.
 */
#include "kernel/trace.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "lib/string.h"
#include "plant.h"

extern const uint8_t entry_template[], entry_table_site[], entry_depth_site[];

void
trace_template(uint8_t *code)
{
    uint32_t old = (uint32_t)(uintptr_t)call_table, new = (uint32_t)(uintptr_t)call_traced_table;
    uint8_t *table = code + (entry_table_site - entry_template) - sizeof(old);
    uint8_t *depth = code + (entry_depth_site - entry_template) - 1;

    if (!trace_on && !plant_watches())
        return;
    assert(!memcmp(table, &old, sizeof(old)) && *depth == UPCALL_DEPTH_MAX); /* entry.S */
    memcpy(table, &new, sizeof(new));
    *depth = trace_on ? 0 : *depth;
}
