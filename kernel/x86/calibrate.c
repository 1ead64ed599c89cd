/* SPDX-License-Identifier: MIT */
/*
 * calibrate.c - how fast the cycle counter and the interrupt timer run: as KVM's clock or the
 * processor's own leaves say, else measured against a clock whose frequency is known.
 *
 * Invariant  K1 a measured rate is one that two spans, one after the other, agreed on: a virtual
 *               machine may be held up at any moment, longer than the reference takes to wrap.
 * Source     Intel SDM vol. 2A, CPUID 15H and 16H; Linux
 * Documentation/virt/kvm/x86/{cpuid,msr}.rst; Intel 8254; IA-PC HPET 1.0a.
 */
#include "abi/memory.h"
#include "kernel/arch.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "lib/firmware.h"

enum {
    PIT_HZ = 1193182,
    PIT_DATA2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61,
    LOOKS = 4,
    SPAN_PER_SECOND = 1000, /* a span is 1 ms */
    AGREE = 200,            /* two spans differ by less than a part in 200 */
    TRIES_MAX = 100,
    MSR_KVM_CLOCK = 0x4b564d01,
    HPET_PERIOD = 4, /* femtoseconds a tick */
    HPET_CONTROL = 0x10,
    HPET_COUNTER = 0xf0,
    HPET_BYTES = 0x400,
    HPET_PERIOD_MIN = 100000,
    HPET_PERIOD_MAX = 100000000, /* as its specification has it */
    CPUID_HYPERVISOR = 0x40000000,
    CPUID_HYPERVISOR_KHZ = 0x40000010,
};

static const uint64_t FS_PER_SECOND = 1000000000000000;

/* What is measured against. read counts up; its bits above mask are nothing. */
struct reference {
    const char *name;
    uint64_t hz;
    uint32_t mask;
    uint32_t (*read)(void);
};

struct sample {
    uint64_t counter;
    uint32_t timer, reference;
};

struct rates {
    uint64_t counter_hz, timer_hz;
};

/* a * b / c, which fits in 64 bits. */
static uint64_t
multiply_divide(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t high, low;

    __asm__("mulq %3\n\tdivq %4" : "=&a"(low), "=&d"(high) : "0"(a), "r"(b), "r"(c) : "cc");
    return low;
}

/* ---- references ---- */

static uint32_t
pit_read(void)
{
    port_out8(PIT_COMMAND, 0x80); /* latch channel 2 */
    uint32_t low = port_in8(PIT_DATA2);
    return 0u - (low | (uint32_t)port_in8(PIT_DATA2) << 8);
}

static void
pit_start(void)
{
    port_out8(PIT_GATE, (uint8_t)((port_in8(PIT_GATE) & ~2) | 1));
    port_out8(PIT_COMMAND, 0xb4); /* channel 2, both bytes, rate generator: counts down and wraps */
    port_out8(PIT_DATA2, 0);
    port_out8(PIT_DATA2, 0);
}

static volatile uint32_t *hpet;

static uint32_t
hpet_read(void)
{
    return hpet[HPET_COUNTER / sizeof(uint32_t)];
}

/* Starts the high-precision timer that the firmware told of. Its frequency; 0: there is none. */
static uint64_t
hpet_start(void)
{
    uint64_t pa = acpi_told()->hpet_pa;
    uint32_t period_fs;

    if (!pa || pa % FRAME_BYTES + HPET_BYTES > FRAME_BYTES)
        return 0;
    hpet = arch_mmio_map(pa, HPET_BYTES);
    period_fs = hpet[HPET_PERIOD / sizeof(uint32_t)];
    if (period_fs < HPET_PERIOD_MIN || period_fs > HPET_PERIOD_MAX)
        return 0;
    hpet[HPET_CONTROL / sizeof(uint32_t)] |= 1;
    return FS_PER_SECOND / period_fs;
}

static uint32_t
counter_read(void)
{
    return (uint32_t)read_counter();
}

/* ---- measuring ---- */

/* One look at the three clocks; the narrowest of some, for the machine may be held up in between.
 */
static struct sample
sample_take(const struct reference *ref)
{
    struct sample best = {0};
    uint64_t narrowest = UINT64_MAX;

    for (int i = 0; i < LOOKS; i++) {
        uint64_t before = read_counter();
        uint32_t at = ref->read(), timer = apic_counter();
        uint64_t width = read_counter() - before;
        if (width < narrowest) {
            narrowest = width;
            best = (struct sample){
                .counter = before + width / 2, .timer = timer, .reference = at & ref->mask};
        }
    }
    return best;
}

static uint64_t
reference_passed(const struct reference *ref, const struct sample *from, const struct sample *to)
{
    return (to->reference - from->reference) & ref->mask;
}

/* The sample a span later; false: the reference stands still. */
static bool
sample_after(const struct reference *ref, const struct sample *from, struct sample *to)
{
    do
        *to = sample_take(ref);
    while (reference_passed(ref, from, to) < ref->hz / SPAN_PER_SECOND &&
           to->counter - from->counter < (uint64_t)1 << 32);
    return reference_passed(ref, from, to) >= ref->hz / SPAN_PER_SECOND;
}

static struct rates
rates_of(const struct reference *ref, const struct sample *from, const struct sample *to)
{
    uint64_t span = reference_passed(ref, from, to);

    return (struct rates){.counter_hz = multiply_divide(to->counter - from->counter, ref->hz, span),
                          .timer_hz = multiply_divide(from->timer - to->timer, ref->hz, span)};
}

static bool
agree(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) < b / AGREE;
}

/*
 * K1. Where nothing agrees, the slowest rate seen: to be held up makes it look faster.
 * A reference that is the counter itself measures the timer alone.
 */
static struct rates
rates_measure(const struct reference *ref)
{
    struct rates slowest = {UINT64_MAX, UINT64_MAX}, one, two;
    struct sample s[3];

    for (int i = 0; i < TRIES_MAX; i++) {
        apic_counter_start();
        s[0] = sample_take(ref);
        if (!sample_after(ref, &s[0], &s[1]) || !sample_after(ref, &s[1], &s[2]))
            panic("no clock to set this one by: the %s stands still", ref->name);
        one = rates_of(ref, &s[0], &s[1]);
        two = rates_of(ref, &s[1], &s[2]);
        if (agree(one.counter_hz, two.counter_hz) && agree(one.timer_hz, two.timer_hz))
            return rates_of(ref, &s[0], &s[2]);
        if (two.counter_hz < slowest.counter_hz)
            slowest = two;
    }
    log_line("clock: no two measurements agree");
    return slowest;
}

static struct rates
rates_by_reference(const char **by)
{
    struct reference ref = {"high-precision timer", hpet_start(), UINT32_MAX, hpet_read};

    if (!ref.hz) {
        ref = (struct reference){"interval timer", PIT_HZ, UINT16_MAX, pit_read};
        pit_start();
    }
    *by = ref.name;
    return rates_measure(&ref);
}

/* ---- what is told ---- */

static uint32_t
hypervisor_leaf(uint32_t leaf, uint32_t reg)
{
    struct cpuid top = cpuid(CPUID_HYPERVISOR, 0), r;
    bool shown = cpuid(1, 0).c >> 31;

    if (!shown || leaf > (top.a ? top.a : CPUID_HYPERVISOR + 1))
        return 0;
    r = cpuid(leaf, 0);
    return reg == 0 ? r.a : r.b;
}

uint32_t
kvm_features(void)
{
    struct cpuid top = cpuid(CPUID_HYPERVISOR, 0);
    bool kvm = top.b == 0x4b4d564b && top.c == 0x564b4d56 && top.d == 0x4d; /* KVMKVMKVM */

    return kvm ? hypervisor_leaf(CPUID_HYPERVISOR + 1, 0) : 0;
}

/* What KVM writes where MSR_KVM_CLOCK says. */
struct kvm_clock {
    uint32_t version, reserved0;
    uint64_t counter, time_ns;
    uint32_t mult; /* nanoseconds = (counter << shift) * mult >> 32 */
    int8_t shift;
    uint8_t flags, reserved1[2];
};
_Static_assert(sizeof(struct kvm_clock) == 32, "msr.rst");

/* Nanoseconds a tick << 32, of KVM's own clock; 0: it has none. */
static uint64_t
kvm_ns_mult(void)
{
    volatile struct kvm_clock *clock;
    uint64_t mult;

    if (!(kvm_features() >> KVM_CLOCK & 1))
        return 0;
    clock = frame_boot_alloc(1);
    write_msr(MSR_KVM_CLOCK, arch_physical((const void *)(uintptr_t)clock) | 1);
    mult = clock->shift < 0 ? (uint64_t)clock->mult >> -clock->shift
                            : (uint64_t)clock->mult << clock->shift;
    write_msr(MSR_KVM_CLOCK, 0);
    return mult;
}

/* The counter's frequency as the processor or its hypervisor states it; 0: it does not. */
static uint64_t
counter_hz_told(const char **by)
{
    uint32_t leaves = cpuid(0, 0).a, khz = hypervisor_leaf(CPUID_HYPERVISOR_KHZ, 0);
    struct cpuid ratio = leaves >= 0x15 ? cpuid(0x15, 0) : (struct cpuid){0};

    *by = "hypervisor";
    if (khz)
        return (uint64_t)khz * 1000;
    *by = "processor";
    if (ratio.a && ratio.b && ratio.c)
        return (uint64_t)ratio.c * ratio.b / ratio.a;
    /* a crystal whose frequency is not told: then the base frequency is the counter's */
    if (ratio.a && ratio.b && leaves >= 0x16)
        return (uint64_t)(cpuid(0x16, 0).a & 0xffff) * 1000000;
    return 0;
}

static uint64_t
per_ns(uint64_t hz)
{
    return multiply_divide(hz, (uint64_t)1 << 32, 1000000000);
}

static uint64_t
timer_hz_told(void)
{
    return (uint64_t)hypervisor_leaf(CPUID_HYPERVISOR_KHZ, 1) * 1000;
}

struct clock_rate
clock_calibrate(void)
{
    const char *by = "clock of KVM";
    struct clock_rate rate = {.ns_mult = kvm_ns_mult()};
    struct rates r = {0};

    if (rate.ns_mult)
        r.counter_hz = ((uint64_t)1000000000 << 32) / rate.ns_mult;
    else
        r.counter_hz = counter_hz_told(&by);
    if (!r.counter_hz)
        r = rates_by_reference(&by);
    if (!apic_has_deadline() && !r.timer_hz)
        r.timer_hz = timer_hz_told();
    if (!apic_has_deadline() && !r.timer_hz) {
        const struct reference counter = {"cycle counter", r.counter_hz, UINT32_MAX, counter_read};
        r.timer_hz = rates_measure(&counter).timer_hz;
    }
    if (r.counter_hz < 1000000 || (!apic_has_deadline() && r.timer_hz < 1000000))
        panic("the cycle counter or the interrupt timer stands still");
    if (!rate.ns_mult)
        rate.ns_mult = ((uint64_t)1000000000 << 32) / r.counter_hz; /* 62 bits */
    rate.counter_hz = r.counter_hz;
    rate.timer_mult = apic_has_deadline() ? 0 : per_ns(r.timer_hz);
    log_line("clock: by the %s, counter %lu kHz, interrupt timer %lu kHz", by, r.counter_hz / 1000,
             r.timer_hz / 1000);
    return rate;
}
