/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the clock that counts nanoseconds, made of the cycle counter (calibrate.c says how
 * fast that runs), and the wall clock at boot.
 *
 * Invariant  T1 clock_now never goes back on one processor.
 */
#include "abi/exposed.h"
#include "kernel/arch.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"

enum {
    NS_SHIFT = 32,
    CMOS_INDEX = 0x70,
    CMOS_DATA = 0x71,
};

static struct machine_page *machine;
static uint64_t wall_base_ns;

static uint32_t
cmos_read(uint8_t index)
{
    port_out8(CMOS_INDEX, index);
    return port_in8(CMOS_DATA);
}

static uint32_t
cmos_number(uint8_t index, uint32_t binary)
{
    uint32_t v = cmos_read(index);
    return binary ? v : (v & 15) + (v >> 4) * 10;
}

/* Days from 1970-01-01 in the Gregorian calendar; year >= 1970, month 1 .. 12. */
static uint64_t
days_of(uint64_t year, uint64_t month, uint64_t day)
{
    uint64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

/* The machine's battery clock, in whole seconds; 0 where there is none. */
static uint64_t
wall_read(void)
{
    uint32_t binary = cmos_read(0x0b) & 4;
    uint64_t s = cmos_number(0, binary), m = cmos_number(2, binary), h = cmos_number(4, binary);
    uint64_t day = cmos_number(7, binary), month = cmos_number(8, binary);
    uint64_t year = 2000 + cmos_number(9, binary);

    if (s > 59 || m > 59 || h > 23 || day < 1 || day > 31 || month < 1 || month > 12 || year > 2099)
        return 0;
    return ((days_of(year, month, day) * 24 + h) * 60 + m) * 60 + s;
}

uint64_t
clock_now(void)
{
    unsigned __int128 product =
        (unsigned __int128)(read_counter() - machine->counter_base) * machine->ns_mult;

    return (uint64_t)(product >> NS_SHIFT);
}

uint64_t
clock_wall_base(void)
{
    return wall_base_ns;
}

void
clock_init(void)
{
    struct clock_rate rate;
    uint64_t seconds;

    machine = frame_boot_alloc(1);
    machine->counter_base = boot_counter;
    machine->boot_counter = boot_counter;
    machine->ns_shift = NS_SHIFT;
    machine->vector_bytes = cpu_vector_bytes();
    exposed_machine = machine;
    apic_init();
    rate = clock_calibrate();
    machine->counter_hz = rate.counter_hz;
    machine->ns_mult = rate.ns_mult;
    apic_timer_init(&rate);
    seconds = wall_read();
    wall_base_ns = seconds ? seconds * 1000000000 - clock_now() : 0;
}
