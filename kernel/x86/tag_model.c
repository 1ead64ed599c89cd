/* SPDX-License-Identifier: MIT */
/*
 * tag_model.c - what a processor with tags would keep, in the test build alone (tag_model.h).
 */
#include "kernel/x86/tag_model.h"
#include <stddef.h>
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"

#define MODEL_IGNORED 0x60 /* accessed, dirty: the processor writes them itself */

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

uint64_t
tag_model_loaded(uint32_t cpu, uint64_t which, uint64_t root)
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

uint64_t
tag_model_kept(uint32_t cpu, uint64_t which, uint64_t root)
{
    const struct sample *s = cpu < MODEL_CPUS ? model[cpu][which] : NULL;

    for (uint64_t i = 0; s && i < SAMPLES && s[i].pte; i++)
        if (model_entry(root, s[i].va) != s[i].pte)
            panic("a tag keeps the translation of %lx below root %lx", s[i].va, root);
    return tag_model_loaded(cpu, which, root); /* others may have come */
}
