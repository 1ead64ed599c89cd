/* SPDX-License-Identifier: MIT */
/* kernel/x86/cpu.h - a processor's state and the instructions that C has no words for. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/context.h"
#include "kernel/context.h"
#include "kernel/slice.h"
#include "kernel/x86/layout.h"

struct tss {
    uint32_t reserved0;
    uint32_t rsp0[2]; /* as words: the table is packed to 4 bytes */
    uint32_t rsp1[2], rsp2[2];
    uint32_t reserved1[2];
    uint32_t ist[7][2];
    uint32_t reserved2[2];
    uint16_t reserved3, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "Intel SDM vol. 3A, 7.7");

/* What lgdt and lidt read. */
struct descriptor_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

/* tag.c: the root that was loaded last under a tag, and what entries_changed was then. */
struct tag {
    uint64_t root, changed;
};

struct cpu_x86 {
    uint64_t root;   /* what is in cr3: a frame's address; 0: the kernel's own */
    uint64_t parked; /* transfer.S: where this processor's activation stands in an entry */
    _Atomic uint32_t
        room; /* transfer.S: how many more calls may nest, times two; odd: not inside */
    uint32_t apic_id;
    uint64_t gdt[8];
    struct cpu cpu;      /* which begins with the current context, for the entry paths */
    uint64_t loaded_run; /* whose vectors and segment bases it holds (struct context) */
    uint32_t account;    /* whose code ran here last: frame (wall.h) */
    uint64_t walls;      /* how often that was another's than before */
    uint64_t timer_ns;   /* what the timer is set for (apic.c) */
    struct tss tss;
    struct tag tag[TAGS]; /* behind each root's number, modulo these: 1 and so on; 0 is nobody's */
};
_Static_assert(offsetof(struct cpu_x86, root) == CPU_ROOT, "transfer.S");
_Static_assert(offsetof(struct cpu_x86, parked) == CPU_PARKED, "transfer.S");
_Static_assert(offsetof(struct cpu_x86, room) == CPU_ROOM, "transfer.S");
_Static_assert(offsetof(struct cpu_x86, gdt) == CPU_GDT, "test/boot/act29_pointers.c");
_Static_assert(offsetof(struct cpu_x86, cpu.current) == CPU_CONTEXT, "entry.S");
_Static_assert(offsetof(struct cpu_x86, tag) == CPU_TAG, "root.S");
_Static_assert(offsetof(struct cpu_x86, cpu.epoch) == CPU_EPOCH, "root.S");
_Static_assert(CPU_STATE + sizeof(struct cpu_x86) <= CPU_STATE_END, "the block's state pages");

/* What is the kernel's for each save area, as far apart as those are: one index serves both. */
struct context_level {
    uint64_t stack;   /* rsp of an upcall */
    uint64_t save_va; /* and its rdi */
    uint64_t reserved[30];
};
_Static_assert(offsetof(struct context_level, save_va) == CONTEXT_SAVE_VA - CONTEXT_STACK,
               "entry.S");
_Static_assert(sizeof(struct context_level) == sizeof(struct save_area), "entry.S");

struct context_x86 {
    struct context context;
    uint8_t gap[CONTEXT_REGS - sizeof(struct context)];
    struct save_area regs;    /* complete while the context is off its processor */
    struct upcall_page *page; /* the kernel's own mapping; a page of depth 4 until upcalls_set */
    uint64_t page_va;
    uint64_t resume_start, resume_bytes;
    uint64_t entry[UPCALL_COUNT];
    uint64_t transfer_rip, transfer_rsp; /* where a call begins, of an activation */
    struct context *_Atomic *home;       /* where it is parked */
    uint64_t cr3;
    uint64_t reserved[16];
    struct context_level level[UPCALL_DEPTH_MAX];
};
_Static_assert(offsetof(struct context_x86, regs) == CONTEXT_REGS, "entry.S");
_Static_assert(offsetof(struct context_x86, page) == CONTEXT_PAGE, "entry.S");
_Static_assert(offsetof(struct context_x86, page_va) == CONTEXT_PAGE_VA, "entry.S");
_Static_assert(offsetof(struct context_x86, resume_start) == CONTEXT_RESUME_START, "entry.S");
_Static_assert(offsetof(struct context_x86, resume_bytes) == CONTEXT_RESUME_BYTES, "entry.S");
_Static_assert(offsetof(struct context_x86, entry) == CONTEXT_ENTRY, "entry.S");
_Static_assert(offsetof(struct context_x86, transfer_rip) == CONTEXT_TRANSFER_RIP, "transfer.S");
_Static_assert(offsetof(struct context_x86, transfer_rsp) == CONTEXT_TRANSFER_RSP, "transfer.S");
_Static_assert(offsetof(struct context_x86, home) == CONTEXT_HOME, "transfer.S");
_Static_assert(offsetof(struct context, slots) == CONTEXT_SLOTS, "transfer.S");
_Static_assert(offsetof(struct context_x86, cr3) == CONTEXT_CR3, "transfer.S");
_Static_assert(offsetof(struct context, caller) == CONTEXT_CALLER, "transfer.S");
_Static_assert(offsetof(struct context, own) == CONTEXT_OWN, "root.S");
_Static_assert(offsetof(struct context, root_word) == CONTEXT_ROOT_WORD, "root.S");
_Static_assert(offsetof(struct context, root_slot) == CONTEXT_ROOT_SLOT, "root.S");
_Static_assert(offsetof(struct context, root_slot_at) == CONTEXT_ROOT_SLOT_AT, "root.S");
_Static_assert(offsetof(struct context, due) == CONTEXT_DUE, "transfer.S");
_Static_assert(offsetof(struct context_x86, level) == CONTEXT_STACK, "entry.S");
_Static_assert(sizeof(struct context_x86) <= 4096, "one frame");
_Static_assert(offsetof(struct upcall_page, depth) == PAGE_DEPTH, "entry.S");
_Static_assert(offsetof(struct upcall_page, save) == PAGE_SAVE, "entry.S");
_Static_assert(offsetof(struct save_area, rip) == SAVE_RIP, "entry.S");
_Static_assert(offsetof(struct save_area, address) == SAVE_ADDRESS, "entry.S");
_Static_assert(offsetof(struct save_area, r15) == SAVE_R15, "entry.S");

static inline struct context_x86 *
context_x86(struct context *context)
{
    return (struct context_x86 *)(void *)context;
}

static inline struct cpu_x86 *
cpu_x86_this(void)
{
    uint64_t rsp;
    __asm__("mov %%rsp, %0" : "=r"(rsp));
    return (struct cpu_x86 *)((rsp & ~(uint64_t)(CPU_BLOCK - 1)) + CPU_STATE);
}

static inline uint64_t
cpu_block(uint32_t number)
{
    return CPU_BASE + (uint64_t)number * CPU_BLOCK;
}

/* number < cpu_count(), or one that is being started. */
static inline struct cpu_x86 *
cpu_x86_at(uint32_t number)
{
    return (struct cpu_x86 *)(cpu_block(number) + CPU_STATE);
}

static inline uint64_t
read_msr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void
write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint64_t
read_counter(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline void
port_out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint8_t
port_in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

struct cpuid {
    uint32_t a, b, c, d;
};

static inline struct cpuid
cpuid(uint32_t leaf, uint32_t sub)
{
    struct cpuid r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}

/* ---- kernel/x86, among itself ---- */
extern uint64_t boot_counter;    /* the cycle counter at the first instruction */
extern uint32_t boot_start_info; /* physical address of what PVH or Multiboot2 tells */
extern uint32_t boot_magic;      /* MULTIBOOT_STARTED, or 0: by PVH */
void cpu_features_check(const char *command_line); /* panics, naming what is missing */
void cpu_prepare(uint32_t number);                 /* boot: the block of a processor */
void cpu_init(uint32_t number); /* this processor's descriptor tables and entry points */
/* On to a stack of the processor's own, from which cpu_this is found. */
_Noreturn void stack_enter(uint64_t top, void (*entry)(void));
/* Boot, while text can still be written: roots are loaded with tags, where the processor has them.
 */
void tags_build(void);
extern bool tags_on;
/* What cr3 takes for the root on which this processor says that it stands. */
uint64_t tag_root(struct cpu_x86 *cpu);
void pt_kernel_load(void); /* this processor onto the kernel's own tables */
uint32_t cpu_vector_bytes(void);
extern bool cpu_has_xsaveopt;
void trap_init(void); /* fills the one interrupt descriptor table */
void trap_table_load(void);
void trace_template(uint8_t *code); /* a processor's copy of the entry paths: events are recorded */
void pt_init(uint64_t memory_end);  /* the kernel's own tables: nothing writable executes */
void pt_map_cpu(uint32_t number);   /* the block of a processor */
const uint64_t *pt_kernel_half(void); /* its entries, 256 of them */

/* ---- what the firmware says: acpi.c ---- */
struct firmware;                  /* lib/firmware.h */
void acpi_init(uint64_t rsdp_pa); /* before pt_init; 0: the address is not told, look for it */
const struct firmware *acpi_told(void);

/* ---- time: calibrate.c, clock.c ---- */
struct clock_rate {
    uint64_t counter_hz;
    uint64_t ns_mult; /* nanoseconds a tick of the counter << 32 */
    uint64_t
        timer_mult; /* ticks of the interrupt timer a nanosecond << 32; 0: counts as the counter */
};
enum kvm_feature { KVM_CLOCK = 3, KVM_PV_END = 6 }; /* bits of kvm_features */
void clock_init(void);
struct clock_rate clock_calibrate(void);
uint32_t kvm_features(void); /* 0 where the hypervisor is not KVM */

/* ---- the local interrupt controller: apic.c ---- */
void apic_init(void);                                /* boot processor, before clock_calibrate */
void apic_timer_init(const struct clock_rate *rate); /* and behind it: the timer works */
void apic_cpu_init(void); /* each other processor, on its own stack: interrupts and timer work */
void apic_end(void);
uint32_t apic_id(void); /* of this processor, as ACPI and apic_send_ipi name it */
void apic_send_ipi(uint32_t to, uint32_t vector);
/*
 * INIT and SIPI to a processor, which begins in real mode at page << 12 (page < 256). Takes 20 us
 * and does not wait for it.
 */
void apic_start_ap(uint32_t to, uint64_t page);
bool apic_has_deadline(void); /* the timer can compare with the cycle counter */
void apic_timer_fired(void);
uint32_t apic_counter(void);
void apic_counter_start(void);
_Noreturn void regs_resume(const struct save_area *regs); /* entry.S */
