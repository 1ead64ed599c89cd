/* SPDX-License-Identifier: MIT */
/* work.c - work for others, bounded to a share of a processor (work.h). */
#include "kernel/work.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/channel.h"
#include "kernel/dev/port.h"
#include "kernel/slice.h"
#include "plant.h"

void
work_fired(struct cpu *cpu)
{
    port_mask(); /* I1 */
    cpu->work = true;
    work_do(cpu);
}

void
work_do(struct cpu *cpu)
{
    uint64_t cycles, begin, took;

    if (!cpu->work)
        return;
    cycles = arch_counter();
    begin = clock_now();
    if (cpu->current && begin < cpu->work_ns)
        return;                                   /* I2 */
    cpu->work = channel_work() || !port_unmask(); /* I1 */
    took = clock_now() - begin;
    took = planted(PLANT_WORK_SHARE) ? 0 : took < SLICE_LOST_NS ? took : SLICE_LOST_NS;
    cpu->work_ns = begin + took * WORK_SHARE;
    cycles = arch_counter() - cycles;
    account_root->work_cycles += cycles; /* I3 */
    cpu->counter_mark += cycles;
}

void
work_serve(void)
{
    struct cpu *cpu = cpu_this();

    if (!channel_work() || cpu->work)
        return;
    cpu->work = true; /* what it leaves is others', too */
    slice_poke(cpu);
}
