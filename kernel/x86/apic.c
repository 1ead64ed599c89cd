/* SPDX-License-Identifier: MIT */
/*
 * apic.c - the local interrupt controller: its one-shot timer, its end of interrupt.
 * Units: nanoseconds of clock_now. Source: Intel SDM vol. 3A, chapter 11.
 */
#include <stdatomic.h>
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"

enum apic_register {
    APIC_ID = 0x20,
    APIC_TASK_PRIORITY = 0x80,
    APIC_END = 0xb0,
    APIC_SPURIOUS = 0xf0,
    APIC_COMMAND = 0x300,
    APIC_COMMAND_TO = 0x310,
    APIC_TIMER = 0x320,
    APIC_INITIAL = 0x380,
    APIC_CURRENT = 0x390,
    APIC_DIVIDE = 0x3e0,
};
enum {
    COMMAND_INIT = 5 << 8,
    COMMAND_START = 6 << 8,
    COMMAND_BUSY = 1 << 12,
    COMMAND_ASSERT = 1 << 14
};
enum { MSR_APIC_BASE = 0x1b, APIC_ENABLE = 0x100, APIC_MASKED = 1 << 16, DIVIDE_BY_1 = 0xb };
static const uint64_t WAIT_MAX_NS = 4000000000; /* and a product below of 64 bits */

static volatile uint32_t *apic;
static uint64_t ticks_per_ms;

static void
apic_write(enum apic_register r, uint32_t value)
{
    apic[r / 4] = value;
}

uint32_t
apic_counter(void)
{
    return apic[APIC_CURRENT / 4];
}

void
apic_counter_start(void)
{
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_TIMER, APIC_MASKED | IRQ_TIMER);
    apic_write(APIC_INITIAL, UINT32_MAX);
}

void
apic_end(void)
{
    apic_write(APIC_END, 0);
}

void
apic_init(void)
{
    uint64_t base = read_msr(MSR_APIC_BASE) & 0x000ffffffffff000;
    uint64_t counter_hz, apic_hz;

    /* the two old controllers, where there are any, say nothing */
    port_out8(0x21, 0xff);
    port_out8(0xa1, 0xff);
    apic = arch_mmio_map(base, 4096);
    apic_write(APIC_SPURIOUS, APIC_ENABLE | IRQ_SPURIOUS);
    apic_write(APIC_TASK_PRIORITY, 0);
    clock_calibrate(&counter_hz, &apic_hz);
    ticks_per_ms = apic_hz / 1000;
    apic_write(APIC_INITIAL, 0);
    apic_write(APIC_TIMER, IRQ_TIMER);
    log_line("counter %lu kHz, interrupt timer %lu kHz", counter_hz / 1000, ticks_per_ms);
}

void
arch_timer_set(uint64_t at_ns)
{
    uint64_t now = clock_now();
    uint64_t wait_ns = at_ns > now ? at_ns - now : 1;
    uint64_t ticks;

    if (!at_ns) {
        apic_write(APIC_INITIAL, 0);
        return;
    }
    if (wait_ns > WAIT_MAX_NS)
        wait_ns = WAIT_MAX_NS; /* an early tick looks again */
    ticks = wait_ns * ticks_per_ms / 1000000 + 1;
    apic_write(APIC_INITIAL, ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
}

/* ---- other processors ---- */

uint32_t
apic_id(void)
{
    return apic[APIC_ID / 4] >> 24;
}

static void
apic_command(uint32_t to, uint32_t command)
{
    apic_write(APIC_COMMAND_TO, to << 24);
    apic_write(APIC_COMMAND, command);
    while (apic[APIC_COMMAND / 4] & COMMAND_BUSY)
        arch_pause();
}

void
apic_send_ipi(uint32_t to, uint32_t vector)
{
    apic_command(to, COMMAND_ASSERT | vector);
}

static void
pause_ns(uint64_t ns)
{
    uint64_t end = clock_now() + ns;

    while (clock_now() < end)
        arch_pause();
}

void
apic_start_ap(uint32_t to, uint64_t page)
{
    apic_command(to, COMMAND_ASSERT | COMMAND_INIT);
    pause_ns((uint64_t)10 * 1000 * 1000);
    apic_command(to, COMMAND_ASSERT | COMMAND_START | (uint32_t)(page >> 12));
    pause_ns((uint64_t)200 * 1000);
    apic_command(to, COMMAND_ASSERT | COMMAND_START | (uint32_t)(page >> 12));
}

void
apic_init_cpu(void)
{
    apic_write(APIC_SPURIOUS, APIC_ENABLE | IRQ_SPURIOUS);
    apic_write(APIC_TASK_PRIORITY, 0);
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_INITIAL, 0);
    apic_write(APIC_TIMER, IRQ_TIMER);
}
