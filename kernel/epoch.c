/* SPDX-License-Identifier: MIT */
/*
 * epoch.c - when a right that was taken away is gone from every processor (epoch.h).
 * Source: Tessera's own; like epoch-based reclamation (Fraser, 2004), with translations for
 * readers.
 */
#include "kernel/epoch.h"
#include <stdatomic.h>
#include "kernel/arch.h"
#include "kernel/frame.h"
#include "kernel/slice.h"
#include "kernel/wait.h"
#include "plant.h"

uint64_t epoch_given, entries_changed;

bool
epoch_has_passed(uint64_t epoch)
{
    return epoch <= exposed_machine->epoch_passed || epoch > epoch_given;
}

__attribute__((always_inline)) inline uint64_t
epoch_next(void)
{
    return cpu_count() > 1 ? epoch_given + 1 : 0;
}

/* T3 */
static void
epoch_look(void)
{
    uint64_t least = epoch_given;

    for (uint32_t i = 0; i < cpu_count(); i++) {
        const struct cpu *cpu = cpu_at(i);
        if (arch_root_of(cpu) && cpu->epoch < least)
            least = cpu->epoch;
    }
    if (least <= exposed_machine->epoch_passed)
        return;
    exposed_machine->epoch_passed = least;
    wait_epoch();
}

void
epoch_flushed(struct cpu *cpu)
{
    cpu->epoch = epoch_given;
    if (exposed_machine->epoch_passed != epoch_given)
        epoch_look();
}

uint64_t
epoch_give(uint64_t root, uint32_t owner)
{
    struct cpu *self = cpu_this();
    uint64_t concerned = 0;

    atomic_thread_fence(memory_order_seq_cst);   /* behind the change, before the looks: T4 */
    for (uint32_t i = 0; i < cpu_count(); i++) { /* may it have translations of what hangs there? */
        uint64_t on = cpu_at(i) == self ? 0 : arch_root_of(cpu_at(i));
        if (on && (root ? on == root : !owner || frame_at(on)->owner == owner))
            concerned |= (uint64_t)1 << i;
    }
    if (!concerned || planted(PLANT_EPOCH))
        return 0;
    for (uint32_t i = 0; i < cpu_count();
         i++) /* it does not hold up those that have no part in it */
        if (!(concerned >> i & 1) && cpu_at(i)->epoch == epoch_given)
            cpu_at(i)->epoch++;
    epoch_given++;
    arch_flush_all();
    epoch_flushed(self);
    return epoch_given;
}

void
epoch_meet(struct cpu *cpu)
{
    if (cpu->epoch == epoch_given)
        return;
    arch_flush_all();
    epoch_flushed(cpu);
}

void
epoch_force(uint64_t epoch)
{
    epoch_meet(cpu_this());
    for (uint32_t i = 0; i < cpu_count(); i++) {
        struct cpu *cpu = cpu_at(i);
        if (cpu != cpu_this() && arch_root_of(cpu) && cpu->epoch < epoch)
            slice_ask(cpu);
    }
}

struct result
epoch_error(int error)
{
    if (error != E_AGAIN)
        return result_error(error);
    epoch_force(epoch_given);
    return result_error_at(E_AGAIN, epoch_given);
}

struct result
tlb_flush(uint64_t epoch)
{
    if (epoch_has_passed(epoch))
        return result_ok(0);
    epoch_force(epoch);
    return epoch_has_passed(epoch) ? result_ok(0) : result_error_at(E_AGAIN, epoch);
}
