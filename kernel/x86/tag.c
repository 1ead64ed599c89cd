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
#include "kernel/x86/tag_model.h"
#include "plant.h"

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

/* The test build compares what tags would keep (tag_model.h); so each load of a root comes to C. */
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
        return modelled() ? tag_model_kept(cpu->cpu.number, which, cpu->root)
                          : KEEP | cpu->root | (which + 1);
    *tag = (struct tag){cpu->root, changed};
    return modelled() ? tag_model_loaded(cpu->cpu.number, which, cpu->root)
                      : cpu->root | (which + 1);
}
