/* SPDX-License-Identifier: MIT */
/*
 * init.c - the first environment: module 0 of the bundle, with the root account and every right.
 *
 * It is made of the kernel's own operations on frames that are root's from the start; nothing here
 * runs after boot. What init finds is said in abi/boot.h.
 */
#include "abi/boot.h"
#include "abi/version.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/pt.h"
#include "kernel/slice.h"
#include "lib/bundle.h"
#include "lib/elf.h"
#include "lib/string.h"

enum { INIT_SLICE_NS = 1000 * 1000, CELL_MACHINE = 1 };

/* A frame of root's, the next that is free. */
static uint64_t
init_frame(void)
{
    static uint64_t next;

    while (next < frame_count && frame_at(next)->type != FRAME_FREE)
        next++;
    if (frame_alloc(account_root, next, 1).value != 1)
        panic("too little memory to start init");
    frame_ready(next);
    return next;
}

static void
init_map(uint64_t root, uint64_t va, uint64_t frame, uint64_t flags)
{
    uint64_t level = 0;

    while (pt_enter(account_root, root, va, frame << FRAME_SHIFT | flags, &level) == E_NOENT) {
        uint64_t table = init_frame();
        if (pt_make(account_root, table, level, init_frame()).value ||
            pt_link(account_root, root, va, table, 0).value)
            panic("init's page tables cannot be made");
    }
}

/* Every page of a segment in a frame of its own; the rest of its last page is 0. */
static void
init_load_segment(uint64_t root, const uint8_t *image, const struct elf_segment *s)
{
    uint64_t first = s->va & ~(uint64_t)(FRAME_BYTES - 1);

    for (uint64_t page = first; page < s->va + s->memory_bytes; page += FRAME_BYTES) {
        uint64_t frame = init_frame(), from = page < s->va ? s->va : page;
        uint64_t file_end = s->va + s->file_bytes;
        uint64_t to = page + FRAME_BYTES < file_end ? page + FRAME_BYTES : file_end;
        if (from < to)
            memcpy((uint8_t *)frame_address(frame) + (from - page),
                   image + s->file_offset + (from - s->va), to - from);
        init_map(root, page, frame,
                 MAP_READ | (s->flags & ELF_W ? MAP_WRITE : 0) | (s->flags & ELF_X ? MAP_EXEC : 0));
    }
}

static uint64_t
init_load(uint64_t root, const void *image, uint64_t length)
{
    struct elf_image elf;
    const char *why;

    if (elf_decode(image, length, USER_TOP, &elf, &why))
        panic("init: %s", why);
    for (uint32_t i = 0; i < elf.n_segments; i++)
        init_load_segment(root, image, &elf.segment[i]);
    return elf.entry;
}

static void
init_boot_page(uint64_t root, const struct boot_info *info, const void *bundle)
{
    uint64_t frame = init_frame();
    struct boot_page *page = frame_address(frame);
    struct bundle_module module;

    page->magic = BOOT_MAGIC;
    page->abi_version = ABI_VERSION;
    page->root_frame = root;
    string_copy(page->arguments, sizeof(page->arguments), info->command_line);
    while (!bundle_module(bundle, info->bundle_bytes, page->n_modules, &module)) {
        struct boot_module *m = &page->module[page->n_modules++];
        m->first_frame = (info->bundle_pa + module.offset) >> FRAME_SHIFT;
        m->length = module.length;
        string_copy(m->name, sizeof(m->name), module.name);
    }
    init_map(root, BOOT_PAGE_VA, frame, MAP_READ);
}

static void *
init_object(uint64_t *frame, enum frame_type type, enum cap_kind kind)
{
    struct cell *cell;

    *frame = init_frame();
    cell = frame_become(*frame, type);
    cell_init(cell, *frame, kind);
    return cell;
}

/*
 * The environment with its binding table full of rights, and its context about to start at entry.
 */
static void
init_environment(uint64_t root, uint64_t entry)
{
    uint64_t slots_frame, env_frame, events_frame, cells_frame;
    struct slots *slots = init_object(&slots_frame, FRAME_SLOTS, KIND_SLOTS);
    struct cells *cells = init_object(&cells_frame, FRAME_CELLS, KIND_CELLS);
    struct cell *events = init_object(&events_frame, FRAME_EVENTS, KIND_EVENTS);
    struct env *env = init_object(&env_frame, FRAME_ENV, KIND_ENV);
    struct context_start start = {.rip = entry, .rdi = BOOT_PAGE_VA, .vector_frame = init_frame()};
    struct context *context;

    env_create(env, env_frame, slots_frame, root);
    context = context_create(env, env_frame, init_frame(), &start);
    cell_init(&cells->cell[CELL_MACHINE], 0, KIND_MACHINE);
    slot_install(slots, SLOT_ACCOUNT, &account_root->cell);
    slot_install(slots, SLOT_SLOTS, &slots->cell);
    slot_install(slots, SLOT_ENV, &env->cell);
    slot_install(slots, SLOT_CONTEXT, &context->cell);
    slot_install(slots, SLOT_EVENTS, events);
    slot_install(slots, SLOT_MACHINE, &cells->cell[CELL_MACHINE]);
    slice_first((uint32_t)frame_of(account_root), context, INIT_SLICE_NS);
}

void
init_start(const struct boot_info *info)
{
    const uint8_t *bundle = frame_address(info->bundle_pa >> FRAME_SHIFT);
    struct bundle_module module;
    uint64_t root = init_frame(), entry;

    if (info->bundle_pa % FRAME_BYTES)
        panic("the boot bundle does not start on a frame");
    if (!info->bundle_bytes || bundle_check(bundle, info->bundle_bytes) ||
        bundle_module(bundle, info->bundle_bytes, 0, &module))
        panic("no boot bundle: the kernel is started by the tessera command");
    if (pt_make(account_root, root, PT_LEVELS, init_frame()).value)
        panic("init's root cannot be made");
    entry = init_load(root, bundle + module.offset, module.length);
    init_boot_page(root, info, bundle);
    init_environment(root, entry);
}
