/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the clock that counts nanoseconds, made of the cycle counter; calibrated at boot
 * against the programmable interval timer, whose frequency is fixed.
 *
 * Invariant  T1 clock_now never goes back on one processor.
 */
#include "abi/exposed.h"
#include "kernel/arch.h"
#include "kernel/exposed.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"

enum {
    PIT_HZ = 1193182,
    PIT_DATA2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61,
    PIT_SPAN = 2386, /* 2 ms */
    NS_SHIFT = 32,
    CMOS_INDEX = 0x70,
    CMOS_DATA = 0x71,
};

static struct machine_page *machine;
static uint64_t wall_base_ns;

struct sample {
    uint64_t counter;
    uint32_t apic;
    uint16_t pit;
};

/*
 * One look at the three clocks; the narrowest of some, for the machine may be held up in between.
 */
static struct sample
clock_sample(void)
{
    struct sample best = {0};
    uint64_t narrowest = UINT64_MAX;

    for (int i = 0; i < 4; i++) {
        uint64_t before = read_counter();
        port_out8(PIT_COMMAND, 0x80); /* latch channel 2 */
        uint16_t pit = port_in8(PIT_DATA2);
        pit = (uint16_t)(pit | port_in8(PIT_DATA2) << 8);
        uint32_t ticks = apic_counter();
        uint64_t after = read_counter();
        if (after - before < narrowest) {
            narrowest = after - before;
            best = (struct sample){
                .counter = before + (after - before) / 2, .apic = ticks, .pit = pit};
        }
    }
    return best;
}

void
clock_calibrate(uint64_t *counter_hz, uint64_t *apic_hz)
{
    struct sample from, to;
    uint64_t span;

    port_out8(PIT_GATE, (uint8_t)((port_in8(PIT_GATE) & ~2) | 1));
    port_out8(PIT_COMMAND, 0xb4); /* channel 2, both bytes, rate generator: counts down and wraps */
    port_out8(PIT_DATA2, 0xff);
    port_out8(PIT_DATA2, 0xff);
    apic_counter_start();
    from = clock_sample();
    do
        to = clock_sample();
    while ((uint16_t)(from.pit - to.pit) < PIT_SPAN && to.counter - from.counter < (uint64_t)1
                                                                                       << 32);
    span = (uint16_t)(from.pit - to.pit);
    if (span < PIT_SPAN)
        panic("no interval timer to set the clock by");
    *counter_hz = (to.counter - from.counter) * PIT_HZ / span;
    *apic_hz = (uint64_t)(from.apic - to.apic) * PIT_HZ / span;
    if (!*counter_hz || *apic_hz < 1000)
        panic("the cycle counter or the interrupt timer stands still");
    machine->counter_hz = *counter_hz;
    machine->ns_mult = ((uint64_t)1000000000 << NS_SHIFT) / *counter_hz; /* 62 bits */
}

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
    uint64_t seconds;

    machine = frame_boot_alloc(1);
    machine->counter_base = boot_counter;
    machine->boot_counter = boot_counter;
    machine->ns_shift = NS_SHIFT;
    machine->vector_bytes = cpu_vector_bytes();
    exposed_machine = machine;
    apic_init();
    seconds = wall_read();
    wall_base_ns = seconds ? seconds * 1000000000 - clock_now() : 0;
}
