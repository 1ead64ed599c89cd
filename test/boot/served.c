/* SPDX-License-Identifier: MIT */
/*
 * served.c - what interrupts cost is charged to whom they serve: who reads what the host sends pays
 * for that, in its account's state, and one beside for no more than what opens its console.
 * Arguments: `reads` until the input's end, or `spins` until the clock is so many ms further.
 */
#include "abi/channel.h"
#include "test/boot/kit.h"

static const uint64_t MS = 1000000;

static uint64_t
worked(void)
{
    return account_told(SLOT_ACCOUNT).work_cycles;
}

static void
reads(void)
{
    static char bytes[CHANNEL_PAYLOAD_MAX];
    uint64_t before = worked(), n = 0, cycles;
    int64_t r;

    say("reads");
    while ((r = fine(console_read(&exo_console, (uintptr_t)bytes, sizeof(bytes)).value, "a read")))
        n += (uint64_t)r;
    cycles = worked() - before;
    say("%lu bytes for %lu cycles", n, cycles);
    hold(cycles > n, "who is sent to pays for it");
    hold(account_shown()->state.work_cycles >= before + cycles, "and reads it in its page");
}

static void
spins(uint64_t ms)
{
    uint64_t before = worked();

    for (uint64_t end = clock_ns() + ms * MS; clock_ns() < end;)
        ;
    say("beside that %lu cycles", worked() - before);
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    if (!strcmp(argument(0), "reads"))
        reads();
    else
        spins(argument_number(1, 1));
    return done();
}
