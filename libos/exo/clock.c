/* SPDX-License-Identifier: MIT */
/*
 * clock.c - sleeping until a time.
 *
 * A deadline that passes while we run is an EVENT upcall and is gone. Between asking for it and
 * going to sleep we hold events back: a pending one ends the sleep at once, so that none is lost.
 * It may be another: it is handled, and we go on sleeping.
 */
#include "libos/exo/clock.h"
#include "libos/exo/context.h"
#include "libos/exo/upcall.h"
#include "call_stubs.h"

enum { EVENT = 1 << UPCALL_EVENT };

void
clock_sleep_here(uint64_t ns)
{
    struct context *c = context_here();
    uint32_t *mask = &c->page.mask;

    while (clock_ns() < ns) {
        uint32_t was = __atomic_fetch_or(mask, EVENT, __ATOMIC_SEQ_CST);

        if (clock_ns() < ns) { /* or until the first timer */
            call_deadline_set(c->deadline_ns && c->deadline_ns < ns ? c->deadline_ns : ns);
            call_wait(0, 0);
        }
        if (!(was & EVENT))
            __atomic_fetch_and(mask, ~(uint32_t)EVENT, __ATOMIC_SEQ_CST);
        upcalls_take_pending();
    }
    call_deadline_set(c->deadline_ns);
}

void (*exo_sleep_until)(uint64_t ns) = clock_sleep_here;

void
clock_sleep_until(uint64_t ns)
{
    exo_sleep_until(ns);
}
