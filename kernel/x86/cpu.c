/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - one processor: what it must have, its block, its descriptor tables, its entry points.
 * Source: Intel SDM vol. 3A, 2.5, 3.4, 5.8, 13.3.
 */
#include "kernel/arch.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/trace.h"
#include "kernel/x86/cpu.h"
#include "lib/string.h"
#include "lib/words.h"
#include "plant.h"

enum msr {
    MSR_EFER = 0xc0000080,
    MSR_STAR = 0xc0000081,
    MSR_LSTAR = 0xc0000082,
    MSR_FMASK = 0xc0000084,
    MSR_CAPABILITIES = 0x10a,
};

enum cr4_bit {
    CR4_PAE = 1 << 5,
    CR4_MCE = 1 << 6,
    CR4_OSFXSR = 1 << 9,
    CR4_OSXMMEXCPT = 1 << 10,
    CR4_UMIP = 1 << 11,
    CR4_FSGSBASE = 1 << 16,
    CR4_PCIDE = 1 << 17,
    CR4_OSXSAVE = 1 << 18,
    CR4_SMEP = 1 << 20,
    CR4_SMAP = 1 << 21,
    CR4_PKE = 1 << 22,
};

enum {
    FLAGS_CLEARED =
        0x257fd5, /* by syscall: all but the fixed bit; interrupts off, AC, DF, NT, TF */
    FLAGS_INTERRUPTS = 0x200,
    CR0_RUN = 0x80050033, /* PG AM WP NE ET MP PE; TS and EM clear */
    CAPABILITY_RDCL_NO = 1,
    VECTOR_STATES = 0x2e7, /* x87, SSE, AVX, AVX-512, protection keys */
};

extern const char entry_template[], entry_template_end[];

struct feature {
    const char *name;
    uint32_t leaf, reg, bit; /* reg: 0 a, 1 b, 2 c, 3 d */
};

/* Besides 64 bits and NX, without which boot.S comes not this far. Intel shows SYSCALL in 64-bit
 * mode only. */
static const struct feature features_needed[] = {
    {"an APIC", 1, 3, 9}, {"XSAVE", 1, 2, 26},   {"SMEP", 7, 1, 7},
    {"SMAP", 7, 1, 20},   {"FSGSBASE", 7, 1, 0}, {"SYSCALL", 0x80000001, 3, 11},
};

static bool
feature_present(const struct feature *f)
{
    struct cpuid r = cpuid(f->leaf, 0);
    uint32_t word[4] = {r.a, r.b, r.c, r.d};

    return f->leaf <= cpuid(f->leaf & 0x80000000, 0).a && word[f->reg] >> f->bit & 1;
}

/*
 * Intel's processors before those that say RDCL_NO let users read what a present entry of the
 * kernel's half maps (Meltdown), or an absent one names (L1TF). The kernel has no tables of its
 * own to hide behind. Source: Intel, deep dive on IA32_ARCH_CAPABILITIES.
 */
static bool
processor_leaks(void)
{
    static const struct feature capabilities = {"", 7, 3, 29};
    const uint32_t intel = 0x756e6547; /* Genu */

    return cpuid(0, 0).b == intel &&
           !(feature_present(&capabilities) && read_msr(MSR_CAPABILITIES) & CAPABILITY_RDCL_NO);
}

void
cpu_features_check(const char *command_line)
{
    if (processor_leaks() && !line_has_word(command_line, "unsafe"))
        panic("users can read the kernel's memory on this processor (Meltdown): run with --unsafe "
              "if nothing here is secret");
    for (size_t i = 0; i < sizeof(features_needed) / sizeof(features_needed[0]); i++)
        if (!feature_present(&features_needed[i]))
            panic("this processor lacks %s, which Tessera needs", features_needed[i].name);
}

bool cpu_has_xsaveopt;

static void
control_registers_set(void)
{
    static const struct feature umip = {"UMIP", 7, 2, 2}, keys = {"protection keys", 7, 2, 3};
    uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE | CR4_OSXSAVE |
                   CR4_SMEP | CR4_SMAP;
    uint32_t low = cpuid(0xd, 0).a & VECTOR_STATES;

    if (feature_present(&umip) && !planted(PLANT_UMIP))
        cr4 |= CR4_UMIP;
    if (tags_on)
        cr4 |= CR4_PCIDE;
    if (feature_present(&keys))
        cr4 |= CR4_PKE;
    else
        low &= ~0x200u;
    __asm__ volatile("mov %0, %%cr0" ::"r"((uint64_t)CR0_RUN));
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4));
    __asm__ volatile("xsetbv" ::"c"(0), "a"(low), "d"(0));
    cpu_has_xsaveopt = cpuid(0xd, 1).a & 1;
    if (cpu_vector_bytes() > 4096)
        panic("vector state of %u bytes does not fit a frame", cpu_vector_bytes());
}

uint32_t
cpu_vector_bytes(void)
{
    return cpuid(0xd, 0).b;
}

static void
tss_set(uint32_t word[2], uint64_t value)
{
    word[0] = (uint32_t)value;
    word[1] = (uint32_t)(value >> 32);
}

static void
descriptors_load(struct cpu_x86 *cpu, uint64_t block)
{
    uint64_t tss = (uint64_t)&cpu->tss;
    struct descriptor_pointer pointer = {.limit = sizeof(cpu->gdt) - 1, .base = (uint64_t)cpu->gdt};

    cpu->gdt[1] = 0x00af9b000000ffff; /* kernel code, 64 bits */
    cpu->gdt[2] = 0x00cf93000000ffff; /* kernel data */
    cpu->gdt[3] = 0x00cff3000000ffff; /* user data; no 32-bit user code exists */
    cpu->gdt[4] = 0x00affb000000ffff; /* user code, 64 bits */
    cpu->gdt[5] = 0x0000890000000067 | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56;
    cpu->gdt[6] = tss >> 32;
    tss_set(cpu->tss.rsp0, block + CPU_STACK_TOP);
    tss_set(cpu->tss.ist[0], block + CPU_NMI_TOP);
    tss_set(cpu->tss.ist[1], block + CPU_DOUBLE_TOP);
    tss_set(cpu->tss.ist[2], block + CPU_CHECK_TOP);
    tss_set(cpu->tss.ist[3], block + CPU_DEBUG_TOP);
    cpu->tss.io_map = sizeof(cpu->tss); /* beyond the limit: no port is the user's */
    __asm__ volatile("lgdt %0\n\t"
                     "push %1\n\tlea 1f(%%rip), %%rax\n\tpush %%rax\n\tlretq\n1:\n\t"
                     "mov %2, %%ds\n\tmov %2, %%es\n\tmov %2, %%ss\n\t"
                     "mov %3, %%fs\n\tmov %3, %%gs\n\tltr %w4" ::"m"(pointer),
                     "i"(SEL_KERNEL_CODE), "r"(SEL_KERNEL_DATA), "r"(0), "r"(SEL_TSS)
                     : "rax", "memory");
    if (planted(PLANT_SELECTORS))
        cpu->gdt[2] |= (uint64_t)3 << 45;
}

void
cpu_prepare(uint32_t number)
{
    trace_cpu(number);
    pt_map_cpu(number);
    cpu_x86_at(number)->cpu.number = number;
    arch_transfer_room(cpu_at(number), 0, false);
    slice_init(&cpu_x86_at(number)->cpu);
}

void
cpu_init(uint32_t number)
{
    uint64_t block = cpu_block(number);

    control_registers_set();
    descriptors_load(cpu_x86_at(number), block);
    trap_table_load();
    write_msr(MSR_STAR, (uint64_t)(SEL_USER_DATA - 8) << 48 | (uint64_t)SEL_KERNEL_CODE << 32);
    write_msr(MSR_LSTAR, block);
    write_msr(MSR_FMASK, planted(PLANT_ENTRY_FLAGS) ? FLAGS_INTERRUPTS : FLAGS_CLEARED);
}

void
stack_enter(uint64_t top, void (*entry)(void))
{
    __asm__ volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tcall *%1" ::"r"(top), "r"(entry));
    __builtin_unreachable();
}

struct cpu *
cpu_this(void)
{
    return &cpu_x86_this()->cpu;
}

/*
 * RDSEED where there is one, else RDRAND; each may fail for a while.
 */
bool
arch_random(uint64_t *out)
{
    static const struct feature seed = {"RDSEED", 7, 1, 18}, random = {"RDRAND", 1, 2, 30};
    uint8_t ok = 0;

    for (int i = 0; i < 100 && !ok && feature_present(&seed); i++)
        __asm__ volatile("rdseed %0\n\tsetc %1" : "=r"(*out), "=qm"(ok)::"cc");
    for (int i = 0; i < 100 && !ok && feature_present(&random); i++)
        __asm__ volatile("rdrand %0\n\tsetc %1" : "=r"(*out), "=qm"(ok)::"cc");
    return ok;
}

void
arch_pause(void)
{
    __asm__ volatile("pause");
}

/* What comes between the unlocking and the halt is pending, and ends the halt. */
void
arch_halt_until_interrupt(void)
{
    kernel_unlock();
    __asm__ volatile("sti\n\thlt\n\tcli" ::: "memory");
    kernel_lock();
}

void
arch_stop(void)
{
    for (;;)
        __asm__ volatile("cli\n\thlt");
}

void
arch_copy(void *to, const void *from, size_t n)
{
    size_t words = n / 8, tail = n % 8;

    __asm__ volatile("rep movsq\n\tmov %3, %2\n\trep movsb"
                     : "+D"(to), "+S"(from), "+c"(words)
                     : "r"(tail)
                     : "memory");
}

void
arch_frame_clear(void *frame)
{
    uint64_t n = 4096 / 8;
    __asm__ volatile("rep stosq" : "+D"(frame), "+c"(n) : "a"(0) : "memory");
}
