/* SPDX-License-Identifier: MIT */
/*
 * fingerprint.c - one number over all that must stay as boot left it: the image's text and
 * read-only data, this processor's copy of the entry page, descriptor tables, control registers,
 * entry points, and the kernel's half of every root.
 */
#include "kernel/arch.h"
#include "kernel/frame.h"
#include "kernel/x86/cpu.h"
#include "lib/siphash.h"

enum { MSRS = 4 };

extern const char kernel_start[], kernel_data[];
static const uint32_t entry_msrs[MSRS] = {0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084};

static uint64_t
add(uint64_t so_far, const void *bytes, uint64_t n)
{
    const uint64_t key[2] = {so_far, n};

    return siphash_2_4(key, bytes, n);
}

static uint64_t
add_number(uint64_t so_far, uint64_t number)
{
    return add(so_far, &number, sizeof(number));
}

uint64_t
arch_fingerprint(void)
{
    const struct cpu_x86 *cpu = cpu_x86_this();
    struct descriptor_pointer interrupts, segments;
    uint64_t cr0, cr4, sum;

    __asm__ volatile("sidt %0" : "=m"(interrupts));
    __asm__ volatile("sgdt %0" : "=m"(segments));
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    sum = add(0, kernel_start, (uint64_t)(kernel_data - kernel_start));
    sum = add(sum, (const char *)cpu - CPU_STATE, FRAME_BYTES);
    sum = add(sum, (const void *)interrupts.base, interrupts.limit + 1u);
    sum = add(sum, (const void *)segments.base, segments.limit + 1u);
    sum = add(sum, &cpu->tss, sizeof(cpu->tss));
    sum = add(sum, pt_kernel_half(), PT_ENTRIES / 2 * sizeof(uint64_t));
    sum = add_number(add_number(add_number(sum, interrupts.base), segments.base), cr0 ^ cr4 << 32);
    for (int i = 0; i < MSRS; i++)
        sum = add_number(sum, read_msr(entry_msrs[i]));
    return sum;
}
