/* SPDX-License-Identifier: MIT */
/* work.c - work for others, bounded to a share of a processor (work.h). */
#include "kernel/work.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/dev/channel.h"
#include "kernel/dev/port.h"
#include "kernel/lock.h"
#include "kernel/slice.h"
#include "kernel/steps.h"
#include "plant.h"

enum { WORK_STEPS = STEPS_MAX * 3 / 8 }; /* elementary ones (kernel/bound.h): 64 messages */

uint32_t work_asked;
static enum { MASKED, ARMED, WORKED } source;
static uint64_t served_mark; /* I3: up to where it has been charged; 0: a caller pays */

void
work_fired(struct cpu *cpu)
{
    port_mask(); /* I1 */
    cpu->work |= source != WORKED;
    source = WORKED;
    work_do(cpu, !cpu->current);
    if (cpu->work && cpu->current)
        slice_arm(cpu); /* what is left has its time, though no slice ends here */
}

void
work_ask(void)
{
    if (source != MASKED || !work_asked)
        return;
    source = WORKED;
    cpu_this()->work = true;
    slice_poke(cpu_this());
}

void
work_served(struct account *account)
{
    uint64_t now = arch_counter();

    if (!served_mark)
        return;
    account_worked(planted(PLANT_SERVED) ? account_root : account, now - served_mark);
    served_mark = now;
}

void
work_do(struct cpu *cpu, bool idle)
{
    uint64_t cycles, begin, took;

    if (!cpu->work)
        return;
    if (*lock_steps() < WORK_STEPS) {
        cpu->work_ns += !cpu->work_ns; /* not never: the timer is set for it */
        return;
    }
    cycles = arch_counter();
    begin = clock_now();
    if (work_asked && !idle && begin < cpu->work_ns)
        return; /* I2 */
    served_mark = cycles;
    steps_use(lock_steps(), WORK_STEPS);
    cpu->work = work_asked && (channel_work() || (work_asked && !port_unmask())); /* I1 */
    if (!cpu->work)
        source = work_asked ? ARMED : MASKED;
    took = clock_now() - begin;
    took = planted(PLANT_WORK_SHARE) ? 0 : took < SLICE_LOST_NS ? took : SLICE_LOST_NS;
    cpu->work_ns = begin + took * WORK_SHARE;
    work_served(account_root);
    cpu->counter_mark += served_mark - cycles;
    served_mark = 0;
}

void
work_serve(void)
{
    if (source != ARMED)
        (void)channel_work();
    if (planted(PLANT_SERVE_ARMS))
        (void)port_unmask();
    if (planted(PLANT_SERVE_ENDS))
        cpu_this()->work = false;
}
