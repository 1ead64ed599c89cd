/* SPDX-License-Identifier: MIT */
/*
 * begin.c - from the first instruction to exo_main: one state for init and for partitions.
 */
#include "abi/cap.h"
#include "abi/exposed.h"
#include "libos/exo/context.h"
#include "libos/exo/pool.h"
#include "libos/exo/report.h"
#include "libos/exo/space.h"
#include "libos/exo/start.h"
#include "libos/exo/upcall.h"
#include "call_stubs.h"

extern uint8_t exo_stack_guard[]; /* crt0.S */

static struct start_page init_start;

/* Init's start page, out of what the kernel told it. */
static void
start_from_boot(const struct boot_page *boot)
{
    exo_boot_page = boot;
    init_start = (struct start_page){
        .magic = START_MAGIC,
        .abi_version = boot->abi_version,
        .root_frame = boot->root_frame,
        .room_va = ROOM_VA,
        .room_end = LIBRARY_TOP,
        .name = "init",
    };
    exo_start_page = &init_start;
}

/* The page below the stack: whoever runs off it faults, and overwrites nothing. */
static int
stack_guard(void)
{
    return space_release(&exo_space, (uintptr_t)exo_stack_guard, 1);
}

/* Whichever processor is free may run our one context, until others are named there. */
static int64_t
slices_name(void)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;
    const struct start_page *start = exo_start_page;
    int64_t r = 0;

    for (uint32_t cpu = 1; cpu < machine->n_cpus && start->slice_ns && r >= 0; cpu++)
        r = call_slice_set(SLOT_ACCOUNT, cpu, (uint32_t)start->position, SLOT_CONTEXT, SLOT_NOTHING,
                           start->slice_ns)
                .value;
    return r;
}

void
exo_start(const void *page)
{
    const struct boot_page *boot = page;

    context_begin(&exo_context, 0);
    if (boot->magic == BOOT_MAGIC)
        start_from_boot(boot);
    else
        exo_start_page = page;
    exo_on_misuse = exo_fail;
    exo_pool = pool_of(SLOT_ACCOUNT);
    exo_space = (struct space){.pool = &exo_pool, .root = exo_start_page->root_frame};
    if (upcalls_begin() < 0 || stack_guard() < 0 || slices_name() < 0)
        exo_exit(125);
    exo_exit(exo_main(exo_start_page));
}
