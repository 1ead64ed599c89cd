/* SPDX-License-Identifier: MIT */
/*
 * tag.c - translations that stay when another root is loaded, where the processor tags them (PCID).
 *
 * Invariants
 *  G1 a root is loaded under a tag of its own on this processor. The translations that it left
 *     are kept only if this processor loaded no other under that tag since, and no entry that was
 *     present has changed anywhere: entries_changed is as it was. Else they are flushed.
 *  G2 a processor says on which root it stands before it reads entries_changed; who changes
 *     entries counts before he looks who stands where (epoch_give). So one of them sees the other.
 *  G3 the kernel's own tables, and transfer.S, which loads roots only where no wall is needed,
 *     have tag 0, which every load flushes.
 * Source: Intel SDM vol. 3A, 4.10 (process-context identifiers).
 */
#include "kernel/epoch.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "plant.h"

#define MODEL_IGNORED 0x60 /* accessed, dirty: the processor writes them itself */
#define KEEP ((uint64_t)1 << 63)
enum { SITE_BYTES = 5, CALL = 0xe8, JUMP = 0xe9 };
_Static_assert(sizeof(struct tag) == 1 << TAG_SHIFT, "root.S");

bool tags_on;

/* root.S: five bytes that load cr3, what is called in their place, and the whole. */
extern uint8_t root_load_site[], context_root_enter_site[];
void root_load_tagged(void);
extern call_entry sys_context_root;

/* In place of what stands there. */
static void
site_write(uint8_t *at, uint8_t opcode, uintptr_t to)
{
    uint64_t distance = to - (uintptr_t)at - SITE_BYTES;

    at[0] = opcode;
    for (uint32_t i = 1; i < SITE_BYTES; i++)
        at[i] = (uint8_t)(distance >> 8 * (i - 1));
}

/* The test build compares what tags would keep; so each load of a root comes to C. */
static bool
modelled(void)
{
    return planted(PLANT_TAG_MODEL) || planted(PLANT_TAG_CONTROL);
}

void
tags_build(void)
{
    tags_on = cpuid(1, 0).c >> 17 & 1;
    if (tags_on)
        site_write(root_load_site, CALL, (uintptr_t)root_load_tagged);
    if (modelled())
        site_write(context_root_enter_site, JUMP, (uintptr_t)sys_context_root);
    if (tags_on)
        log_line("translations are tagged by root");
}

/*
 * ---- a model, for the test build ----
 * No emulator at hand keeps translations by tag. So where they would be kept some of those that the
 * root had when it was loaded last, and could have left, are looked up again.
 */
enum { SAMPLES = 32, MODEL_CPUS = 4 };

static struct sample {
    uint64_t va, pte;
} model[MODEL_CPUS][TAGS][SAMPLES];

/* Adds the first translations below a table to those in s[n ..]; how many there are then. */
static uint64_t
model_look(struct sample *s, uint64_t n, uint64_t table, uint64_t va, uint32_t level)
{
    const uint64_t *entry = (const uint64_t *)(DIRECT_BASE + table);
    uint64_t end = level == 4 ? 256 : 512;

    for (uint64_t i = 0; i < end && n < SAMPLES; i++) {
        uint64_t pte = entry[i] & ~(uint64_t)MODEL_IGNORED, at = va | i << (3 + 9 * level);

        if (arch_pte_links(pte) && level > 1)
            n = model_look(s, n, arch_pte_frame(pte) << 12, at, level - 1);
        else if (arch_pte_present(pte))
            s[n++] = (struct sample){at, pte};
    }
    return n;
}

static uint64_t
model_loaded(uint32_t cpu, uint64_t which, uint64_t root)
{
    uint64_t n = cpu < MODEL_CPUS ? model_look(model[cpu][which], 0, root, 0, 4) : 0;

    for (; n < SAMPLES && cpu < MODEL_CPUS; n++)
        model[cpu][which][n].pte = 0;
    return root;
}

/* The entry for a sample's address now. */
static uint64_t
model_entry(uint64_t table, uint64_t va)
{
    for (uint32_t level = 4;; level--) {
        uint64_t pte = ((const uint64_t *)(DIRECT_BASE + table))[va >> (3 + 9 * level) & 511];

        if (level == 1 || !arch_pte_links(pte))
            return pte & ~(uint64_t)MODEL_IGNORED;
        table = arch_pte_frame(pte) << 12;
    }
}

static uint64_t
model_kept(uint32_t cpu, uint64_t which, uint64_t root)
{
    const struct sample *s = cpu < MODEL_CPUS ? model[cpu][which] : NULL;

    for (uint64_t i = 0; s && i < SAMPLES && s[i].pte; i++)
        if (model_entry(root, s[i].va) != s[i].pte)
            panic("a tag keeps the translation of %lx below root %lx", s[i].va, root);
    return model_loaded(cpu, which, root); /* others may have come */
}

uint64_t
tag_root(struct cpu_x86 *cpu)
{
    uint64_t which = cpu->root >> 12 & (TAGS - 1), changed;
    struct tag *tag = &cpu->tag[which];

    if (!tags_on && !modelled())
        return cpu->root;
    atomic_thread_fence(memory_order_seq_cst); /* G2 */
    changed = entries_changed;
    if (tag->root == cpu->root && (tag->changed == changed || planted(PLANT_TAG_CONTROL)))
        return modelled() ? model_kept(cpu->cpu.number, which, cpu->root)
                          : KEEP | cpu->root | (which + 1);
    *tag = (struct tag){cpu->root, changed};
    return modelled() ? model_loaded(cpu->cpu.number, which, cpu->root) : cpu->root | (which + 1);
}
