/* SPDX-License-Identifier: MIT */
/*
 * good_root.c - arguments with which those calls succeed that only root has the rights for
 * (good.h). A channel is opened once in the life of a machine, so each console has one of its own.
 * What the host says there is counted in our own events, for it comes at any time.
 */
#include "test/boot/good.h"
#include "abi/channel.h"
#include "abi/event.h"

enum { CHANNEL_FIRST = 2, COUNTER = 9, STATUS = 7, OFF_STATUS = 41 };

static const char line[] = "a line of a test";
static uint64_t pair; /* a frame that is followed by another of ours: a console and its buffer */

static void
pair_renew(void)
{
    for (uint64_t i = 0; pair && i < 2; i++)
        call_frame_free(SLOT_ACCOUNT, pair + i, 1);
    if (!pair || call_frame_alloc(SLOT_ACCOUNT, pair, 2).value != 2)
        fine(pool_take_run(&exo_pool, 2, &pair), "two frames");
}

/* One that nobody has opened: a frame of nobody's is what is wrong with the call then. */
static uint64_t
channel_free(void)
{
    static uint64_t channel = CHANNEL_FIRST;

    while (call_console_make(SLOT_MACHINE, SLOT_ACCOUNT, GOOD_INTO, 0, 1, channel, SLOT_EVENTS,
                             COUNTER)
               .value == -E_EXIST)
        channel++;
    expect(channel < CHANNEL_MAX, "a channel that is not taken");
    return channel;
}

static void
console_put(uint64_t reg[REGISTERS])
{
    reg[0] = SLOT_MACHINE;
    reg[1] = SLOT_ACCOUNT | (uint64_t)GOOD_INTO << 32;
    reg[2] = pair;
    reg[3] = 1 | channel_free() << 32;
    reg[4] = SLOT_EVENTS | (uint64_t)COUNTER << 32;
}

static void
console_open(void)
{
    uint64_t reg[REGISTERS];

    console_put(reg);
    fine(call_with(CALL_console_make, reg).value, "console_make");
}

bool
good_root(uint32_t number, uint64_t reg[REGISTERS])
{
    pair_renew();
    switch (number) {
    case CALL_console_make:
        console_put(reg);
        return true;
    case CALL_console_status:
    case CALL_console_close:
        console_open();
        reg[0] = GOOD_INTO;
        reg[1] = number == CALL_console_close ? STREAM_OUTPUT : STATUS;
        return true;
    case CALL_log_write:
        memcpy(good_data, line, sizeof(line));
        reg[0] = SLOT_MACHINE;
        reg[1] = (uintptr_t)good_data;
        reg[2] = sizeof(line) - 1;
        return true;
    case CALL_power_off:
        reg[0] = SLOT_MACHINE;
        reg[1] = OFF_STATUS;
        return true;
    default:
        return false;
    }
}
