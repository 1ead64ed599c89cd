/* SPDX-License-Identifier: MIT */
/*
 * clock.c - sleeping until a time.
 *
 * A deadline that passes while we run is an EVENT upcall and is gone. Between asking for it and
 * going to sleep we hold events back: a pending one ends the sleep at once, so that none is lost.
 */
#include "libos/exo/clock.h"
#include "libos/exo/context.h"
#include "libos/exo/upcall.h"
#include "call_stubs.h"

enum { EVENT = 1 << UPCALL_EVENT };

static void
sleep_here(uint64_t ns)
{
    __atomic_fetch_or(&context_here()->page.mask, EVENT, __ATOMIC_SEQ_CST);
    while (clock_ns() < ns) {
        call_deadline_set(ns);
        call_wait(0, 0);
        upcalls_take_pending();
    }
    call_deadline_set(0);
    __atomic_fetch_and(&context_here()->page.mask, ~(uint32_t)EVENT, __ATOMIC_SEQ_CST);
    upcalls_take_pending();
}

void (*exo_sleep_until)(uint64_t ns) = sleep_here;

void
clock_sleep_until(uint64_t ns)
{
    exo_sleep_until(ns);
}
