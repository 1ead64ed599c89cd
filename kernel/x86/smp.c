/* SPDX-License-Identifier: MIT */
/*
 * smp.c - the other processors: found in the machine's description, started one after the other,
 * each until it waits for the kernel's lock, which the first holds until the boot is over.
 * Source: Intel SDM vol. 3A, 9.4 (INIT, SIPI).
 */
#include <stdatomic.h>
#include "kernel/arch.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/slice.h"
#include "kernel/frame.h"
#include "kernel/x86/cpu.h"
#include "lib/firmware.h"
#include "lib/string.h"

/* Long: one of 64 on a busy host, or on one that puts the machine aside meanwhile, comes late. */
#define AP_WAIT_NS ((uint64_t)5 * 1000 * 1000 * 1000)

extern const char ap_page[], ap_page_end[];

static uint32_t n_cpus = 1;
static uint32_t ap_number;     /* of the one that is being started */
static _Atomic uint32_t ap_up; /* the last that runs */

uint32_t
cpu_count(void)
{
    return n_cpus;
}

struct cpu *
cpu_at(uint32_t number)
{
    return &cpu_x86_at(number)->cpu;
}

void
arch_interrupt(const struct cpu *cpu)
{
    apic_send_ipi(cpu_x86_at(cpu->number)->apic_id, IRQ_REQUEST);
}

static _Noreturn void
ap_run(void)
{
    apic_cpu_init();
    atomic_store_explicit(&ap_up, ap_number, memory_order_release); /* pairs with processor_start */
    kernel_lock();
    slice_schedule(cpu_this());
}

_Noreturn void smp_main(void);
void
smp_main(void)
{
    uint32_t number = ap_number;

    pt_kernel_load();
    cpu_init(number);
    stack_enter(cpu_block(number) + CPU_STACK_TOP, ap_run);
}

/* False: it does not show, and may yet: its number is not given again. */
static bool
processor_start(uint32_t number, uint32_t apic_id)
{
    uint64_t end;

    cpu_prepare(number);
    cpu_x86_at(number)->apic_id = apic_id;
    ap_number = number;
    apic_start_ap(apic_id, AP_PAGE >> 12);
    end = clock_now() + AP_WAIT_NS;
    while (atomic_load_explicit(&ap_up, memory_order_acquire) != number && clock_now() < end)
        arch_pause();
    return atomic_load_explicit(&ap_up, memory_order_acquire) == number;
}

void
arch_processors_start(void)
{
    const struct firmware *told = acpi_told();
    uint32_t self = apic_id();

    memcpy((char *)DIRECT_BASE + AP_PAGE, ap_page, (size_t)(ap_page_end - ap_page));
    for (uint32_t i = 0; i < told->n_cpus && n_cpus < CPUS_MAX; i++) {
        if (told->apic_id[i] == self)
            continue;
        if (!processor_start(n_cpus, told->apic_id[i])) {
            log_line("the processor with APIC id %u does not start; the rest is left alone",
                     told->apic_id[i]);
            break;
        }
        n_cpus++;
    }
    exposed_machine->n_cpus = n_cpus;
    log_line("%u processor%s", n_cpus, n_cpus == 1 ? "" : "s");
}
