/* SPDX-License-Identifier: MIT */
/*
 * kit_wake.c - a context that sleeps until a time beside another that never gives way, on one
 * processor, each with a slice: it runs on credit. What kit_linux_wake.c is on the other side.
 */
#include "abi/error.h"
#include "abi/event.h"
#include "bench/kit.h"
#include "bench/wake.h"
#include "libos/exo/exo.h"
#include "call_stubs.h"

enum { SLICE_NS = 10 * 1000 * 1000, SECOND_NS = 1000 * 1000 * 1000 };

static uint64_t late[WAKES];

static void
hog(void *argument)
{
    (void)argument;
    for (;;)
        __asm__ volatile("");
}

static uint64_t
in_counter(uint64_t ns)
{
    uint64_t hz = ((const struct machine_page *)EXPOSED_MACHINE)->counter_hz;

    return ns * (hz / 1000) / (SECOND_NS / 1000); /* both fit: some seconds, some GHz */
}

int
kit_wake(void)
{
    struct context *other = context_add(hog, NULL);

    if (!other || context_place(other, 0, SLICE_NS))
        return -1;
    for (uint32_t i = 0; i < WAKES; i++) {
        struct wait_clause clause = {.kind = WAIT_CLOCK, .value = clock_ns() + wake_sleep_ns(i)};
        int64_t woken;
        do /* again where the console has news for this context */
            woken = call_wait((uintptr_t)&clause, 1).value;
        while (woken == -E_INTR);
        if (woken < 0)
            return -1;
        late[i] = clock_ns() - clause.value;
    }
    if (context_stop(other))
        return -1;
    wakes_sort(late);
    if (value_print("wake_p50", in_counter(late[WAKE_P50])))
        return -1;
    return value_print("wake_p999", in_counter(late[WAKE_P999]));
}
