/* SPDX-License-Identifier: MIT */
/*
 * pt.c - the format of page tables, and the kernel's own half of every one.
 *
 * Invariants
 *  P1 no kernel page is writable and executable, in any mapping of it; text and read-only data are
 *     read-only in the direct map too.
 *  P2 the kernel's half is the same in every root: its top-level entries are made here, at boot.
 *     But for one, which is there only where arch_root_show() put it.
 *  P3 exposed pages are the only kernel-half pages that users read; none is writable to them.
 * Source: Intel SDM vol. 3A, chapter 4.
 */
#include "abi/exposed.h"
#include "abi/memory.h"
#include "kernel/arch.h"
#include "kernel/epoch.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "lib/string.h"
#include "plant.h"

#define PTE_NX ((uint64_t)1 << 63)
enum pte_bit {
    PTE_P = 1 << 0,
    PTE_W = 1 << 1,
    PTE_U = 1 << 2,
    PTE_PCD = 1 << 4,
    PTE_A = 1 << 5,
    PTE_D = 1 << 6,
    PTE_PS = 1 << 7,
    PTE_G = 1 << 8,
    PTE_SHARED = 1 << 9, /* of a link */
    PTE_SOFT_SHIFT = 9,
    PTE_KEY_SHIFT = 59,
};
static const uint64_t PTE_ADDRESS = 0x000ffffffffff000;
static const uint64_t LARGE_BYTES = 2 << 20;

extern char kernel_start[], kernel_rodata[], kernel_data[], kernel_end[];
extern const char entry_template[];

static uint64_t *kernel_root;

/* Those of its entries that are used: the same in every root, and from pt_init on no more come. */
static uint16_t kernel_entries[PT_ENTRIES / 2];
static size_t n_kernel_entries;

uint64_t
arch_physical(const void *kernel_pointer)
{
    return (uint64_t)kernel_pointer - DIRECT_BASE;
}

void *
frame_address(uint64_t n)
{
    return (void *)(DIRECT_BASE + (n << FRAME_SHIFT));
}

static void *
direct(uint64_t pa)
{
    return (void *)(DIRECT_BASE + pa);
}

/* The entry for va at `level`, tables above it made on the way. User: for exposed pages. */
static uint64_t *
kernel_entry(uint64_t va, int level, uint64_t user)
{
    uint64_t *table = kernel_root;

    for (int l = 4; l > level; l--) {
        uint64_t *entry = &table[va >> (12 + 9 * (l - 1)) & 511];
        if (!(*entry & PTE_P))
            *entry = arch_physical(plant_unwatched(frame_boot_alloc(1), 1)) | PTE_P | PTE_W | user;
        table = direct(*entry & PTE_ADDRESS);
    }
    return &table[va >> (12 + 9 * (level - 1)) & 511];
}

static void
kernel_map(uint64_t va, uint64_t pa, uint64_t bytes, uint64_t flags)
{
    for (uint64_t at = 0; at < bytes; at += FRAME_BYTES)
        *kernel_entry(va + at, 1, flags & PTE_U) = (pa + at) | flags | PTE_P;
}

/* The rights of the page of the kernel's image at pa, or plain data outside it. */
static uint64_t
image_flags(uint64_t pa)
{
    uint64_t va = pa + KERNEL_BASE;

    if (va < (uint64_t)kernel_start || va >= (uint64_t)kernel_data)
        return PTE_W | (planted(PLANT_DATA_CODE) ? 0 : PTE_NX);
    return va < (uint64_t)kernel_rodata || planted(PLANT_RODATA_CODE) ? 0 : PTE_NX;
}

/*
 * P1: where the image lies the direct map has small pages, and there text is not executable either.
 */
static void
direct_map(uint64_t end)
{
    uint64_t image_end = (uint64_t)kernel_end - KERNEL_BASE;

    for (uint64_t pa = 0; pa < end; pa += LARGE_BYTES) {
        if (pa >= image_end) {
            *kernel_entry(DIRECT_BASE + pa, 2, 0) = pa | PTE_P | PTE_W | PTE_NX | PTE_PS;
            continue;
        }
        for (uint64_t at = pa; at < pa + LARGE_BYTES; at += FRAME_BYTES)
            kernel_map(DIRECT_BASE + at, at, FRAME_BYTES,
                       (planted(PLANT_ALIAS_IMAGE) ? PTE_W : image_flags(at)) | PTE_NX);
    }
}

void
pt_init(uint64_t memory_end)
{
    kernel_root = plant_unwatched(frame_boot_alloc(1), 1);
    for (int i = 256; i < 512; i++)
        if (i == 256 || i == 510 || i == 511)
            kernel_root[i] = arch_physical(plant_unwatched(frame_boot_alloc(1), 1)) | PTE_P |
                             PTE_W | (i == 510 ? PTE_U : 0);
    direct_map(memory_end);
    for (uint64_t va = (uint64_t)kernel_start; va < (uint64_t)kernel_end; va += FRAME_BYTES)
        kernel_map(va, va - KERNEL_BASE, FRAME_BYTES, image_flags(va - KERNEL_BASE));
    for (int i = PT_ENTRIES / 2; i < PT_ENTRIES; i++)
        if (kernel_root[i])
            kernel_entries[n_kernel_entries++] = (uint16_t)i;
    pt_kernel_load();
}

void
pt_kernel_load(void)
{
    __asm__ volatile("mov %0, %%cr3" ::"r"(arch_physical(kernel_root)) : "memory");
}

/* P1: a frame that is to be executed is from now on only read in the direct map. */
static void
direct_protect(uint64_t pa)
{
    uint64_t va = DIRECT_BASE + pa, *large = kernel_entry(va, 2, 0);

    if (*large & PTE_PS) {
        uint64_t *table = plant_unwatched(frame_boot_alloc(1), 1),
                 flags = *large & ~(PTE_ADDRESS | PTE_PS);
        for (uint64_t i = 0; i < PT_ENTRIES; i++)
            table[i] = ((*large & PTE_ADDRESS) + (i << FRAME_SHIFT)) | flags;
        *large = arch_physical(table) | PTE_P | PTE_W;
    }
    *kernel_entry(va, 1, 0) &= ~(uint64_t)PTE_W;
    arch_flush_all();
}

void
pt_map_cpu(uint32_t number)
{
    uint64_t va = cpu_block(number);
    static const uint16_t stack_top[] = {CPU_STACK_TOP,  CPU_STACK_TOP - 4096, CPU_NMI_TOP,
                                         CPU_DOUBLE_TOP, CPU_CHECK_TOP,        CPU_DEBUG_TOP};
    void *code = frame_boot_alloc(1);

    memcpy(code, entry_template, FRAME_BYTES);
    trace_template(code);
    kernel_map(va, arch_physical(code), FRAME_BYTES, 0);
    if (!planted(PLANT_ALIAS_ENTRY))
        direct_protect(arch_physical(code));
    if (planted(PLANT_GUARD))
        kernel_map(va + CPU_STACK - FRAME_BYTES, arch_physical(code), FRAME_BYTES, PTE_NX);
    for (uint64_t at = CPU_STATE; at < CPU_STATE_END; at += FRAME_BYTES)
        kernel_map(va + at, arch_physical(frame_boot_alloc(1)), FRAME_BYTES, PTE_W | PTE_NX);
    for (size_t i = 0; i < sizeof(stack_top) / sizeof(stack_top[0]); i++)
        kernel_map(va + stack_top[i] - 4096, arch_physical(plant_unwatched(frame_boot_alloc(1), 1)),
                   FRAME_BYTES, PTE_W | PTE_NX);
}

void *
arch_mmio_map(uint64_t pa, uint64_t bytes)
{
    static uint64_t next = MMIO_BASE;
    uint64_t offset = pa % FRAME_BYTES;
    uint64_t span = (offset + bytes + FRAME_BYTES - 1) & ~(uint64_t)(FRAME_BYTES - 1);
    uint64_t va = next;

    if (span > MMIO_BASE + MMIO_BYTES - next)
        panic("device memory of %lu bytes at %lx does not fit", bytes, pa);
    next += span;
    kernel_map(va, pa - offset, span, PTE_W | PTE_NX | PTE_PCD);
    return (void *)(va + offset);
}

void
exposed_map(uint64_t va, const void *memory, uint64_t bytes)
{
    kernel_map(va, arch_physical(memory), bytes,
               PTE_U | PTE_NX | (planted(PLANT_EXPOSED) ? PTE_W : 0));
}

const uint64_t *
pt_kernel_half(void)
{
    return kernel_root + PT_ENTRIES / 2;
}

uint64_t
arch_root_kernel_entries(void)
{
    return n_kernel_entries;
}

void
arch_root_init(void *root)
{
    uint64_t *entries = root;

    for (size_t i = 0; i < n_kernel_entries; i++)
        entries[kernel_entries[i]] = kernel_root[kernel_entries[i]];
}

void
arch_root_end(void *root)
{
    uint64_t *entries = root;

    for (size_t i = 0; i < n_kernel_entries; i++)
        entries[kernel_entries[i]] = 0;
    entries_changed++;                                    /* the frame may become another root */
    entries[EXPOSED_FRAMES >> 39 & (PT_ENTRIES - 1)] = 0; /* arch_root_show */
}

/* One entry holds all of it: kernel_root has it, and no root begins with it. */
void
arch_root_show(uint64_t frame, bool on)
{
    uint64_t entry = EXPOSED_FRAMES >> 39 & (PT_ENTRIES - 1), *root = frame_address(frame);

    root[entry] = on ? kernel_root[entry] : 0;
    entries_changed++;
}

/* A processor stands on a root from before it loads it on: who takes rights below it sees that. */
void
arch_root_load(uint64_t frame)
{
    struct cpu_x86 *cpu = cpu_x86_this();

    if (cpu->root == frame << FRAME_SHIFT)
        return;
    cpu->root = frame << FRAME_SHIFT;
    __asm__ volatile("mov %0, %%cr3" ::"r"(tag_root(cpu)) : "memory");
    epoch_flushed(&cpu->cpu);
}

void
arch_root_idle(void)
{
    if (cpu_x86_this()->root)
        arch_root_leave(cpu_x86_this()->root >> FRAME_SHIFT);
}

void
arch_root_leave(uint64_t frame)
{
    struct cpu_x86 *cpu = cpu_x86_this();

    if (cpu->root != frame << FRAME_SHIFT)
        return;
    cpu->root = 0;
    pt_kernel_load();
    epoch_flushed(&cpu->cpu);
}

uint64_t
arch_root_of(const struct cpu *cpu)
{
    return cpu_x86_at(cpu->number)->root >> FRAME_SHIFT;
}

__attribute__((always_inline)) inline uint64_t
arch_root_here(void)
{
    return cpu_x86_this()->root >> FRAME_SHIFT;
}

/*
 * The flags of abi/memory.h are ours, moved: this is how far. Not to execute is a bit that is set,
 * where MAP_EXEC is one that allows.
 */
enum { RECORDED_SHIFT = 2, SOFT_SHIFT = 4, KEY_SHIFT = 51, NX_SHIFT = 61 };
enum { RECORDED = MAP_ACCESSED | MAP_DIRTY, SOFT = 7 << MAP_SOFT_SHIFT, KEY = 15 << MAP_KEY_SHIFT };
_Static_assert((int)MAP_READ == PTE_P && (int)MAP_WRITE == PTE_W, "not moved");
_Static_assert(MAP_ACCESSED << RECORDED_SHIFT == PTE_A && MAP_DIRTY << RECORDED_SHIFT == PTE_D, "");
_Static_assert(MAP_SOFT_SHIFT + SOFT_SHIFT == PTE_SOFT_SHIFT, "software bits");
_Static_assert(MAP_KEY_SHIFT + KEY_SHIFT == PTE_KEY_SHIFT, "key");
_Static_assert((uint64_t)MAP_EXEC << NX_SHIFT == PTE_NX, "NX");

/* The bits of a set of flags, but for MAP_EXEC. */
static inline uint64_t
pte_bits(uint64_t flags)
{
    return (flags & (MAP_READ | MAP_WRITE)) | (flags & RECORDED) << RECORDED_SHIFT |
           (flags & SOFT) << SOFT_SHIFT | (flags & KEY) << KEY_SHIFT;
}

static inline uint64_t
pte_exec(uint64_t flags)
{
    return (flags & MAP_EXEC) << NX_SHIFT;
}

__attribute__((always_inline)) inline uint64_t
arch_pte_encode(uint64_t entry, uint32_t size)
{
    uint64_t pte = (entry & (PTE_ADDRESS | MAP_READ | MAP_WRITE)) | PTE_U;

    if (!(entry & MAP_READ))
        return entry;
    if (__builtin_expect((entry & (RECORDED | SOFT | KEY)) != 0, 0))
        pte |= pte_bits(entry);
    pte |= entry & MAP_EXEC ? 0 : PTE_NX;
    return size ? pte | PTE_PS : pte;
}

uint64_t
arch_pte_decode(uint64_t pte)
{
    if (!(pte & PTE_P))
        return pte;
    return (pte & (PTE_ADDRESS | PTE_P | PTE_W)) | (pte >> RECORDED_SHIFT & RECORDED) |
           (pte >> SOFT_SHIFT & SOFT) | (pte >> KEY_SHIFT & KEY) | (~pte >> NX_SHIFT & MAP_EXEC);
}

__attribute__((always_inline)) inline struct pte_change
arch_pte_change(uint64_t clear, uint64_t set)
{
    uint64_t on = pte_bits(set & ~(uint64_t)MAP_READ) | pte_exec(clear & ~set);

    if (clear == MAP_CHANGEABLE) /* just what is set, most often */
        return (struct pte_change){.keep = ~((uint64_t)(MAP_WRITE | SOFT << SOFT_SHIFT) |
                                             (uint64_t)KEY << KEY_SHIFT | PTE_NX),
                                   .add = on};
    return (struct pte_change){.keep = ~(pte_bits(clear) | pte_exec(set)), .add = on};
}

bool
arch_pte_loses(uint64_t lost, uint64_t got)
{
    return lost & (PTE_W | PTE_A | PTE_D) || got & PTE_NX || (lost | got) >> PTE_KEY_SHIFT & 15;
}

bool
arch_pte_gains(uint64_t from, uint64_t to)
{
    return (~from & to & PTE_W) || (from & ~to & PTE_NX);
}

bool
arch_pte_present(uint64_t pte)
{
    return pte & PTE_P;
}

bool
arch_pte_links(uint64_t pte)
{
    return (pte & (PTE_P | PTE_PS)) == PTE_P;
}

uint64_t
arch_pte_frame(uint64_t pte)
{
    return (pte & PTE_ADDRESS) >> FRAME_SHIFT;
}

uint64_t
arch_link_encode(uint64_t table_frame, uint64_t withheld)
{
    uint64_t pte = table_frame << FRAME_SHIFT | PTE_P | PTE_U;

    pte |= withheld & MAP_WRITE ? 0 : PTE_W;
    pte |= withheld & MAP_EXEC ? PTE_NX : 0;
    return pte;
}

uint64_t
arch_link_share(uint64_t link)
{
    return link | PTE_SHARED;
}

bool
arch_link_shared(uint64_t links)
{
    return links & PTE_SHARED;
}

void
arch_flush_page(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

void
arch_flush_all(void)
{
    uint64_t root;
    __asm__ volatile("mov %%cr3, %0\n\tmov %0, %%cr3" : "=r"(root)::"memory");
}
