/* SPDX-License-Identifier: MIT */
/*
 * start.c - from the first instruction to exo_main: one state for init and for partitions.
 */
#include "libos/exo/start.h"
#include "abi/cap.h"
#include "abi/exposed.h"
#include "abi/version.h"
#include "lib/string.h"
#include "libos/exo/context.h"
#include "libos/exo/pool.h"
#include "libos/exo/space.h"
#include "libos/exo/upcall.h"
#include "call_stubs.h"

/* The mark by which the host command and init know a library OS: a note of owner "Tessera". */
struct library_note {
    uint32_t name_bytes, desc_bytes, type;
    char name[8];
    uint32_t abi_version;
};
extern const struct library_note exo_note;
const struct library_note exo_note
    __attribute__((section(".note.tessera"), aligned(4), used)) = {8, 4, 1, "Tessera", ABI_VERSION};

extern uint8_t exo_stack_guard[]; /* crt0.S */
const struct start_page *exo_start_page;
const struct boot_page *exo_boot_page;

static struct start_page init_start;
static uint64_t room_next;

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
    uint64_t page, va = (uintptr_t)exo_stack_guard;
    int error = space_read(&exo_space, va, &page, 1);

    if (!error)
        error = space_unmap(&exo_space, va, 1);
    return error ? error : pool_give(&exo_pool, page >> FRAME_SHIFT, 1);
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

int64_t
processor_keep(uint32_t cpu)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;
    uint32_t position = (uint32_t)exo_start_page->position;
    int64_t r = cpu < machine->n_cpus ? 0 : -E_INVAL;

    if (r == 0) /* there first: where we are named no more, we run no more */
        r = call_slice_set(SLOT_ACCOUNT, cpu, position, SLOT_CONTEXT, SLOT_NOTHING,
                           exo_start_page->slice_ns)
                .value;
    for (uint32_t i = 0; i < machine->n_cpus && r >= 0; i++)
        if (i != cpu)
            r = call_slice_set(SLOT_ACCOUNT, i, position, SLOT_NOTHING, SLOT_NOTHING,
                               exo_start_page->slice_ns)
                    .value;
    return r < 0 ? r : call_yield(SLOT_NOTHING).value;
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
    room_next = exo_start_page->room_va;
    exo_pool = pool_of(SLOT_ACCOUNT);
    exo_space = (struct space){.pool = &exo_pool, .root = exo_start_page->root_frame};
    if (upcalls_begin() < 0 || stack_guard() < 0 || slices_name() < 0)
        exo_exit(125);
    exo_exit(exo_main(exo_start_page));
}

void
exo_exit(int status)
{
    for (;;)
        call_context_exit((uint64_t)status);
}

uint64_t
room_take(uint64_t n_pages)
{
    uint64_t va = room_next;

    if (n_pages > (exo_start_page->room_end - va) >> FRAME_SHIFT)
        return 0;
    room_next += n_pages << FRAME_SHIFT;
    return va;
}

const volatile struct account_page *
account_shown(void)
{
    return (const volatile struct account_page *)exo_start_page->account_va;
}

const char *
string_next(const char *s)
{
    return s + strlen(s) + 1;
}

const char *
argument_at(uint32_t n)
{
    const char *s = (const char *)exo_start_page->strings_va;

    if (n >= exo_start_page->n_arguments)
        return "";
    while (n-- > 0)
        s = string_next(s);
    return s;
}
