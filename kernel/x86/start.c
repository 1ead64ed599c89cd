/* SPDX-License-Identifier: MIT */
/*
 * start.c - what PVH or Multiboot2 tells, handed to boot_main in the kernel's own terms.
 * It lies in memory that the kernel will own: all of it is read here, before frames are given out.
 * Source: Xen public header hvm/start_info.h; lib/multiboot.h.
 */
#include "abi/memory.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/log.h"
#include "kernel/trace.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/wall.h"
#include "lib/multiboot.h"
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

enum { PVH_MAGIC = 0x336ec578, PVH_RAM = 1, LOW_BYTES = 1 << 20 };

extern char kernel_data[], kernel_end[];
static struct boot_info boot_info;

static const void *
start_at(uint64_t pa)
{
    return (const void *)(DIRECT_BASE + pa);
}

/* A range of usable memory. */
static void
start_range(uint64_t pa, uint64_t length)
{
    if (boot_info.n_ranges < BOOT_RANGES_MAX)
        boot_info.range[boot_info.n_ranges++] = (struct boot_range){.pa = pa, .length = length};
}

static void
start_command_line(const char *words)
{
    string_copy(boot_info.command_line, sizeof(boot_info.command_line), words);
}

static void
start_pvh(const struct pvh_start *start)
{
    const struct pvh_memory *range = start_at(start->memory_map_pa);

    if (start->magic != PVH_MAGIC || start->version < 1)
        panic("not started by PVH: magic %x, version %u", start->magic, start->version);
    for (uint32_t i = 0; i < start->n_memory; i++)
        if (range[i].type == PVH_RAM)
            start_range(range[i].pa, range[i].length);
    if (start->command_line_pa)
        start_command_line(start_at(start->command_line_pa));
    if (start->n_modules > 0) {
        const struct pvh_module *module = start_at(start->modules_pa);
        boot_info.bundle_pa = module->pa;
        boot_info.bundle_bytes = module->length;
    }
    boot_info.rsdp_pa = start->rsdp_pa;
}

/* The loader gives a copy of ACPI's root pointer, of which we keep one. */
static void
start_multiboot(uint32_t info_pa)
{
    static uint8_t rsdp[MULTIBOOT_RSDP_MAX];
    struct multiboot_range range;
    struct multiboot m;

    if (multiboot_decode(start_at(info_pa), UINT32_MAX - info_pa, &m))
        panic("what the boot loader tells is malformed");
    for (uint32_t i = 0; multiboot_memory(&m, i, &range); i++)
        if (range.usable)
            start_range(range.pa, range.length);
    start_command_line(m.command_line);
    boot_info.bundle_pa = m.module_pa;
    boot_info.bundle_bytes = m.module_bytes;
    if (m.rsdp) {
        memcpy(rsdp, m.rsdp, m.rsdp_bytes);
        boot_info.rsdp_pa = (uint64_t)rsdp - KERNEL_BASE;
    }
}

/*
 * A loader may put the bundle below 1 MiB, where further processors start: then it moves behind the
 * kernel's image, if memory is there; else frame_boot finds it where it is.
 */
static void
start_bundle_move(uint64_t kernel_end_pa)
{
    uint64_t to = (kernel_end_pa + FRAME_BYTES - 1) & ~(uint64_t)(FRAME_BYTES - 1);
    uint64_t end = to + boot_info.bundle_bytes;

    for (uint32_t i = 0; i < boot_info.n_ranges && boot_info.bundle_pa < LOW_BYTES; i++) {
        const struct boot_range *r = &boot_info.range[i];
        if (r->pa > to || end > r->pa + r->length)
            continue;
        arch_copy((void *)(DIRECT_BASE + to), start_at(boot_info.bundle_pa),
                  boot_info.bundle_bytes);
        boot_info.bundle_pa = to;
    }
}

static void
start_on(void)
{
    clock_init(); /* clock_now and the timer work */
    plant_watch(frame_memory_end(&boot_info) >> 12, (uint64_t)kernel_data - KERNEL_BASE,
                CONTEXT_REGS, sizeof(struct save_area));
    boot_main(&boot_info);
}

void start_main(void);
void
start_main(void)
{
    if (boot_magic == MULTIBOOT_STARTED)
        start_multiboot(boot_start_info);
    else
        start_pvh(start_at(boot_start_info));
    plant_init(boot_info.command_line);
    log_init(boot_info.command_line);
    trace_init(boot_info.command_line);
    cpu_features_check(boot_info.command_line);
    wall_build(); /* what lies between accounts does what this processor asks */
    tags_build();
    acpi_init(boot_info.rsdp_pa); /* processors and timers are known */
    start_bundle_move((uint64_t)kernel_end - KERNEL_BASE);
    frame_boot(&boot_info, (uint64_t)kernel_end - KERNEL_BASE); /* frame_boot_alloc works */
    pt_init(frame_memory_end(&boot_info));                      /* we run on our own tables */
    trap_init();
    cpu_prepare(0);
    cpu_init(0); /* traps, and a stack with a guard page */
    stack_enter(cpu_block(0) + CPU_STACK_TOP, start_on);
}
