/* SPDX-License-Identifier: MIT */
/*
 * audit.c - for tests: walks the tables that this processor runs on, entry by entry as the
 * processor does, and holds the kernel's half against what pt.c promises. It asks the tables, not
 * their maker.
 *
 *  - no page is writable and executable, and what is executable is writable in no other mapping;
 *  - nothing is executable but the image's text and the processors' copies of the entry page;
 *  - text and read-only data of the image are writable nowhere;
 *  - users see exposed pages only, and only to read;
 *  - below each stack a page is absent.
 * Source: Intel SDM vol. 3A, 4.5.4 and 4.6.
 */
#include "abi/exposed.h"
#include "kernel/arch.h"
#include "kernel/slice.h"
#include "kernel/x86/cpu.h"

#define ENTRY_NX ((uint64_t)1 << 63)
enum entry_bit { ENTRY_P = 1, ENTRY_W = 2, ENTRY_U = 4, ENTRY_LARGE = 0x80 };
enum { ENTRIES = 512, TOP = 4, PAGE = 4096, HALF = 256 };
static const uint64_t ENTRY_ADDRESS = 0x000ffffffffff000;
static const uint64_t SLOT_BYTES = (uint64_t)1 << 39; /* of an entry at the top */

extern char kernel_start[], kernel_rodata[], kernel_data[];

/* A mapping as the processor sees it: rights of all levels together. */
struct mapping {
    uint64_t va, pa, bytes;
    bool writable, executable, user;
};

struct walk {
    void (*visit)(struct walk *walk, const struct mapping *m);
    struct arch_audit *found;
    const struct mapping *about; /* visit's own */
};

static bool
overlaps(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

static void
fault(struct walk *walk, const struct mapping *m, const char *what)
{
    if (!walk->found->fault)
        *walk->found = (struct arch_audit){.n = walk->found->n, .fault = what, .fault_va = m->va};
}

/* What `table` of `level` maps; above: the rights of the levels above. */
static void
table_walk(struct walk *walk, const uint64_t *table, int level, const struct mapping *above)
{
    uint64_t bytes = (uint64_t)PAGE << 9 * (level - 1);

    for (uint64_t i = level == TOP ? HALF : 0; i < ENTRIES; i++) {
        uint64_t entry = table[i];
        struct mapping m = {.va = above->va + i * bytes,
                            .pa = entry & ENTRY_ADDRESS & ~(bytes - 1),
                            .bytes = bytes,
                            .writable = above->writable && entry & ENTRY_W,
                            .executable = above->executable && !(entry & ENTRY_NX),
                            .user = above->user && entry & ENTRY_U};
        if (!(entry & ENTRY_P))
            continue;
        if (level == 1 || (level < TOP && entry & ENTRY_LARGE))
            walk->visit(walk, &m);
        else
            table_walk(walk, (const uint64_t *)(DIRECT_BASE + (entry & ENTRY_ADDRESS)), level - 1,
                       &m);
    }
}

static void
half_walk(struct walk *walk)
{
    const struct mapping all = {.va = 0xffff000000000000, /* so that entry 256 is canonical */
                                .writable = true,
                                .executable = true,
                                .user = true};
    uint64_t root;

    __asm__ volatile("mov %%cr3, %0" : "=r"(root));
    table_walk(walk, (const uint64_t *)(DIRECT_BASE + (root & ENTRY_ADDRESS)), TOP, &all);
}

static void
visit_alias(struct walk *walk, const struct mapping *m)
{
    if (m->writable && overlaps(m->pa, m->bytes, walk->about->pa, walk->about->bytes))
        fault(walk, m, "writable, and executable elsewhere");
}

static void
visit_address(struct walk *walk, const struct mapping *m)
{
    if (overlaps(m->va, m->bytes, walk->about->va, walk->about->bytes))
        fault(walk, m, "present below a stack");
}

/* Is it of the image's text, or a processor's copy of the entry page? */
static bool
is_code(const struct mapping *m)
{
    bool text = m->va >= (uint64_t)kernel_start && m->va + m->bytes <= (uint64_t)kernel_rodata;

    for (uint32_t cpu = 0; cpu < cpu_count() && !text; cpu++)
        text = m->va == cpu_block(cpu) && m->bytes == PAGE;
    return text;
}

static void
visit_rights(struct walk *walk, const struct mapping *m)
{
    uint64_t image = (uint64_t)kernel_start - KERNEL_BASE;
    bool exposed = overlaps(m->va, m->bytes, EXPOSED_FRAMES, 2 * SLOT_BYTES);

    walk->found->n++;
    if (m->writable && m->executable)
        fault(walk, m, "writable and executable");
    if (m->executable && !is_code(m))
        fault(walk, m, "executable, and no code");
    if (m->writable && overlaps(m->pa, m->bytes, image, (uint64_t)(kernel_data - kernel_start)))
        fault(walk, m, "writable, and of the image's text or read-only data");
    if (m->user && (!exposed || m->writable || m->executable))
        fault(walk, m, "the users', and not exposed to be read");
    if (m->executable) {
        struct walk aliases = {visit_alias, walk->found, m};
        half_walk(&aliases);
    }
}

void
arch_tables_audit(struct arch_audit *found)
{
    static const uint16_t guards[] = {CPU_STACK - PAGE, CPU_NMI_TOP - 2 * PAGE,
                                      CPU_DOUBLE_TOP - 2 * PAGE, CPU_CHECK_TOP - 2 * PAGE,
                                      CPU_DEBUG_TOP - 2 * PAGE};
    struct walk rights = {visit_rights, found, NULL};

    *found = (struct arch_audit){.n = 0};
    half_walk(&rights);
    for (uint32_t cpu = 0; cpu < cpu_count(); cpu++)
        for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
            struct mapping guard = {.va = cpu_block(cpu) + guards[i], .bytes = PAGE};
            struct walk addresses = {visit_address, found, &guard};
            half_walk(&addresses);
        }
}
