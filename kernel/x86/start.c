/* SPDX-License-Identifier: MIT */
/*
 * start.c - what PVH tells, handed to boot_main in the kernel's own terms.
 * The start info lies in memory that the kernel will own: all of it is read here, before frames
 * are given out. Source: Xen public header hvm/start_info.h.
 */
#include "kernel/boot.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "lib/string.h"
#include "plant.h"

struct pvh_start {
    uint32_t magic, version, flags, n_modules;
    uint64_t modules_pa, command_line_pa, rsdp_pa, memory_map_pa;
    uint32_t n_memory, reserved;
};

struct pvh_module {
    uint64_t pa, length, command_line_pa, reserved;
};

struct pvh_memory {
    uint64_t pa, length;
    uint32_t type, reserved;
};

enum { PVH_MAGIC = 0x336ec578, PVH_RAM = 1 };

extern char kernel_end[];
static struct boot_info boot_info;

static const void *
start_at(uint64_t pa)
{
    return (const void *)(DIRECT_BASE + pa);
}

static void
start_memory(const struct pvh_start *start)
{
    const struct pvh_memory *range = start_at(start->memory_map_pa);

    for (uint32_t i = 0; i < start->n_memory && boot_info.n_ranges < BOOT_RANGES_MAX; i++)
        if (range[i].type == PVH_RAM)
            boot_info.range[boot_info.n_ranges++] =
                (struct boot_range){.pa = range[i].pa, .length = range[i].length};
}

static void
start_on(void)
{
    boot_main(&boot_info);
}

void start_main(void);
void
start_main(void)
{
    const struct pvh_start *start = start_at(boot_start_info);

    if (start->magic != PVH_MAGIC || start->version < 1)
        panic("not started by PVH: magic %x, version %u", start->magic, start->version);
    start_memory(start);
    if (start->command_line_pa)
        string_copy(boot_info.command_line, sizeof(boot_info.command_line),
                    start_at(start->command_line_pa));
    if (start->n_modules > 0) {
        const struct pvh_module *module = start_at(start->modules_pa);
        boot_info.bundle_pa = module->pa;
        boot_info.bundle_bytes = module->length;
    }
    plant_init(boot_info.command_line);
    log_init(boot_info.command_line);
    cpu_features_check();
    frame_boot(&boot_info, (uint64_t)kernel_end - KERNEL_BASE); /* frame_boot_alloc works */
    pt_init(frame_memory_end(&boot_info));                      /* we run on our own tables */
    trap_init();
    cpu_prepare(0);
    cpu_init(0);  /* traps, and a stack with a guard page */
    clock_init(); /* clock_now and the timer work */
    stack_enter(cpu_block(0) + CPU_STACK_TOP, start_on);
}
