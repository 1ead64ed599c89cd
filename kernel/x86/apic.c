/* SPDX-License-Identifier: MIT */
/*
 * apic.c - the local interrupt controller: its one-shot timer, its end of interrupt, interrupts to
 * other processors. By model-specific registers (x2APIC) where the processor has them, else in
 * memory.
 *
 * Invariants
 *  I1 the timer of a processor is set anew only for an earlier time; at a later one it fires once
 *     too early, and who is called looks at the clock: that costs less than a write each time.
 *  I2 the timer fires at cpu_x86.timer_ns, or before; 0: not at all.
 * Units  nanoseconds of clock_now.
 * Source Intel SDM vol. 3A, chapter 11; Linux Documentation/virt/kvm/x86/msr.rst.
 */
#include "abi/memory.h"
#include "kernel/arch.h"
#include "kernel/frame.h"
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
    APIC_LINE_1 = 0x360,
    APIC_INITIAL = 0x380,
    APIC_CURRENT = 0x390,
    APIC_DIVIDE = 0x3e0,
};

enum {
    MSR_APIC_BASE = 0x1b,
    MSR_DEADLINE = 0x6e0,
    MSR_X2APIC = 0x800, /* + the register's number / 16 */
    MSR_PV_END = 0x4b564d04,
    APIC_ON = 1 << 11,
    APIC_X2 = 1 << 10,
    APIC_ENABLE = 0x100,
    APIC_MASKED = 1 << 16,
    APIC_DEADLINE = 2 << 17,
    APIC_NMI = 4 << 8,
    DIVIDE_BY_1 = 0xb,
    COMMAND_INIT = 5 << 8,
    COMMAND_START = 6 << 8,
    COMMAND_ASSERT = 1 << 14,
    COMMAND_BUSY = 1 << 12,
    COMMAND_SPINS_MAX = 100000,
    START_WAIT_NS = 10000,
    PV_END_WORDS = 16, /* 64 bytes a processor */
};
/* At most so long, and the tick looks again: the count has 32 bits; a clock that is slow is caught.
 */
static const uint64_t WAIT_MAX_NS = 4000000000, DEADLINE_MAX_NS = 3600000000000;

static volatile uint32_t *apic; /* NULL: x2APIC */
static bool deadline;           /* the timer compares with the cycle counter */
static uint64_t ticks_mult;     /* ticks of the timer a nanosecond << 32 */
/* Bit 0 of a processor's word: the hypervisor asks for no end of interrupt. NULL: it always does.
 */
static uint32_t *pv_end;

static uint32_t
apic_read(enum apic_register r)
{
    return apic ? apic[r / 4] : (uint32_t)read_msr(MSR_X2APIC + r / 16);
}

static void
apic_write(enum apic_register r, uint32_t value)
{
    if (apic)
        apic[r / 4] = value;
    else
        write_msr(MSR_X2APIC + r / 16, value);
}

uint32_t
apic_id(void)
{
    return apic ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID);
}

uint32_t
apic_counter(void)
{
    return apic_read(APIC_CURRENT);
}

void
apic_counter_start(void)
{
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_TIMER, APIC_MASKED | IRQ_TIMER);
    apic_write(APIC_INITIAL, UINT32_MAX);
}

static uint32_t *
pv_end_word(void)
{
    return &pv_end[(size_t)cpu_this()->number * PV_END_WORDS];
}

void
apic_end(void)
{
    bool ended = false;

    /* one instruction: the hypervisor may take its offer back between two */
    if (pv_end)
        __asm__ volatile("btrl $0, %0" : "+m"(*pv_end_word()), "=@ccc"(ended));
    if (!ended)
        apic_write(APIC_END, 0);
}

static void
apic_command(uint32_t to, uint32_t command)
{
    if (!apic) {
        /* what was stored before is seen by whom the interrupt reaches: this write does not wait */
        __asm__ volatile("mfence\n\tlfence" ::: "memory");
        write_msr(MSR_X2APIC + APIC_COMMAND / 16, (uint64_t)to << 32 | command);
        return;
    }
    apic_write(APIC_COMMAND_TO, to << 24);
    apic_write(APIC_COMMAND, command);
    for (int i = 0; i < COMMAND_SPINS_MAX && apic_read(APIC_COMMAND) & COMMAND_BUSY; i++)
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
    for (int i = 0; i < 2; i++) { /* the second finds it running, or was needed */
        pause_ns(START_WAIT_NS);
        apic_command(to, COMMAND_ASSERT | COMMAND_START | (uint32_t)page);
    }
}

static void
controller_on(void)
{
    uint64_t base = read_msr(MSR_APIC_BASE);

    write_msr(MSR_APIC_BASE, base | APIC_ON | (apic ? 0 : APIC_X2));
    apic_write(APIC_SPURIOUS, APIC_ENABLE | IRQ_SPURIOUS);
    apic_write(APIC_TASK_PRIORITY, 0);
    apic_write(APIC_LINE_1, APIC_NMI); /* as PCs wire it; nothing comes of one (trap_own_stack) */
    cpu_x86_this()->apic_id = apic_id();
}

static void
timer_on(void)
{
    if (!deadline) {
        apic_write(APIC_DIVIDE, DIVIDE_BY_1);
        apic_write(APIC_INITIAL, 0);
    }
    apic_write(APIC_TIMER, (deadline ? APIC_DEADLINE : 0) | IRQ_TIMER);
    __asm__ volatile("mfence" ::: "memory"); /* the mode before the first deadline */
    cpu_x86_this()->timer_ns = 0;
}

void
apic_cpu_init(void)
{
    if (cpu_this()->number != 0) /* the first has done so in apic_init */
        controller_on();
    timer_on();
    if (pv_end)
        write_msr(MSR_PV_END, arch_physical(pv_end_word()) | 1);
}

void
apic_init(void)
{
    bool x2 = cpuid(1, 0).c >> 21 & 1;

    /* the two old controllers, where there are any, say nothing */
    port_out8(0x21, 0xff);
    port_out8(0xa1, 0xff);
    if (!x2)
        apic = arch_mmio_map(read_msr(MSR_APIC_BASE) & 0x000ffffffffff000, FRAME_BYTES);
    controller_on();
}

void
apic_timer_init(const struct clock_rate *rate)
{
    deadline = !rate->timer_mult;
    /* (2^32)^2 / ns_mult, the last bits aside */
    ticks_mult = deadline ? UINT64_MAX / rate->ns_mult : rate->timer_mult;
    if (kvm_features() >> KVM_PV_END & 1)
        pv_end = frame_boot_alloc(1);
    apic_cpu_init();
    log_line("interrupts by %s, timer by %s%s", apic ? "xAPIC" : "x2APIC",
             deadline ? "counter deadline" : "initial count",
             pv_end ? ", end of interrupt by memory" : "");
}

bool
apic_has_deadline(void)
{
    return cpuid(1, 0).c >> 24 & 1;
}

void
apic_timer_fired(void)
{
    cpu_x86_this()->timer_ns = 0; /* I2 */
}

static void
timer_write(uint64_t ticks)
{
    if (deadline)
        write_msr(MSR_DEADLINE, ticks ? read_counter() + ticks : 0);
    else
        apic_write(APIC_INITIAL, ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
}

void
arch_timer_set(uint64_t at_ns)
{
    struct cpu_x86 *cpu = cpu_x86_this();
    uint64_t now, wait_ns;

    if (at_ns ? cpu->timer_ns && at_ns >= cpu->timer_ns : !cpu->timer_ns) /* I1 */
        return;
    cpu->timer_ns = at_ns;
    if (!at_ns) {
        timer_write(0);
        return;
    }
    now = clock_now();
    wait_ns = at_ns > now ? at_ns - now : 1;
    if (!deadline && wait_ns > WAIT_MAX_NS)
        wait_ns = WAIT_MAX_NS;
    if (wait_ns > DEADLINE_MAX_NS)
        wait_ns = DEADLINE_MAX_NS;
    timer_write((uint64_t)((unsigned __int128)wait_ns * ticks_mult >> 32) + 1);
}
