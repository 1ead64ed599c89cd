/* SPDX-License-Identifier: MIT */
/*
 * fault.c - what stands until a library sets its own: a page fault goes to the region that the
 * address lies in; without one it is the end, as any other exception and a foreign call are.
 */
#include "abi/error.h"
#include "abi/memory.h"
#include "libos/exo/region.h"
#include "libos/exo/report.h"
#include "libos/exo/start.h"
#include "libos/exo/upcall.h"

enum { SIGNAL_KILL = 9 };

static uint32_t
need_of(const struct save_area *s)
{
    if (s->error & PAGE_FAULT_FETCH)
        return MAP_EXEC;
    return s->error & PAGE_FAULT_WRITE ? MAP_WRITE : MAP_READ;
}

static void
on_fault(struct save_area *s)
{
    int error = region_touch(s->address, need_of(s));

    if (error == 0)
        return;
    if (error == -E_DQUOT || error == -E_NOMEM) {
        report_memory(&exo_console, SIGNAL_KILL);
        exo_exit(128 + SIGNAL_KILL);
    }
    exo_die_of(s);
}

static void
on_fatal(struct save_area *s)
{
    exo_die_of(s);
}

upcall_handler *exo_on_fault = on_fault;
upcall_handler *exo_on_exception = on_fatal;
upcall_handler *exo_on_foreign = on_fatal;
