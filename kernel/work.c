/* SPDX-License-Identifier: MIT */
/* work.c - work for others, bounded to a share of a processor (work.h). */
#include "kernel/work.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/console.h"
#include "kernel/slice.h"
#include "plant.h"

/* The cycles from `from` on were no context's. */
static void
work_charge(struct cpu *cpu, uint64_t from)
{
    uint64_t cycles = arch_counter() - from;

    account_root->work_cycles += cycles;
    cpu->counter_mark += cycles; /* I3 */
}

void
work_fired(struct cpu *cpu)
{
    console_mask(); /* I1 */
    cpu->work = true;
    work_do(cpu);
}

void
work_do(struct cpu *cpu)
{
    uint64_t from = arch_counter(), begin = clock_now(), took;

    if (!cpu->work || (cpu->current && begin < cpu->work_ns && !planted(PLANT_WORK_SHARE)))
        return; /* I2 */
    cpu->work = console_work();
    took = clock_now() - begin;
    cpu->work_ns = begin + (took < SLICE_LOST_NS ? took : SLICE_LOST_NS) * WORK_SHARE;
    work_charge(cpu, from);
}

uint64_t
work_time(const struct cpu *cpu)
{
    return cpu->work ? cpu->work_ns : 0;
}
