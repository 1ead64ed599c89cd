/* SPDX-License-Identifier: MIT */
/*
 * context.c - a context's registers: how it starts, how an upcall reaches it, how it is switched.
 *
 * entry.S brings the common upcalls itself; arch_upcall is the same for a context whose registers
 * lie in its object, and settles the uncommon: the resume sequence, no save area left, masks.
 *
 * Invariants
 *  U1 the upcall page is user memory: each of its words is read once, and bounded before use.
 *  U2 registers that go back to a processor are sanitised: user selectors, IF set, IOPL, NT, VM 0.
 *  U3 vector state and segment bases of a context that is on no processor lie in its frames; a
 *     processor's registers still hold them if the context has not run since (loaded_run).
 *  U4 what one context leaves in ds, es, fs and gs no other sees: selectors are 0 after a switch.
 */
#include <stdatomic.h>
#include "abi/error.h"
#include "abi/memory.h"
#include "abi/transfer.h"
#include "kernel/arch.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/transfer.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/wall.h"
#include "lib/string.h"
#include "kernel/trace.h"
#include "plant.h"

enum {
    FLAGS_USER = 0x240dd5, /* CF PF AF ZF SF TF DF OF AC ID: what a library may set */
    FLAGS_PORTS = 0x3202,
    FLAGS_FIXED = 0x202, /* IF, and the bit that is always 1 */
    SYSCALL_BYTES = 2,
    VECTOR_MXCSR = 24, /* offset in the vector area */
    MXCSR_START = 0x1f80,
    VECTOR_HEADER =
        512, /* and there, for 64 bytes, what of the area counts: Intel SDM vol. 1, 13.4 */
};

static uint64_t register_left; /* where a fault is planted alone */
static uint64_t run_last;      /* runs of contexts on processors are numbered, each once */

/* A context without upcalls of its own: full, so that every upcall comes to arch_upcall. */
static struct upcall_page page_none = {.depth = UPCALL_DEPTH_MAX};

struct context *
arch_context_of(uint64_t frame)
{
    return frame_address(frame);
}

void
arch_context_init(struct context *context, const struct context_start *start)
{
    struct context_x86 *c = context_x86(context);
    uint32_t *vectors = frame_address(start->vector_frame);

    if (!planted(PLANT_VECTOR_HEAD))
        memset(vectors + VECTOR_HEADER / sizeof(*vectors), 0, 64); /* nothing but MXCSR */
    vectors[VECTOR_MXCSR / sizeof(*vectors)] = MXCSR_START;
    c->regs = (struct save_area){.rip = start->rip,
                                 .rsp = start->rsp,
                                 .rdi = start->rdi,
                                 .rflags = FLAGS_FIXED,
                                 .cs = SEL_USER_CODE,
                                 .ss = SEL_USER_DATA};
    memset(&c->page, 0, offsetof(struct context_x86, cr3) - offsetof(struct context_x86, page));
    c->page = &page_none; /* by which `level` is not looked at */
    c->cr3 = (uint64_t)context->root << FRAME_SHIFT;
}

static bool
address_is_users(uint64_t va)
{
    return va < USER_TOP;
}

int
arch_upcalls_set(struct context *context, const struct upcall_setup *setup)
{
    struct context_x86 *c = context_x86(context);
    bool good = address_is_users(setup->va) && setup->va % FRAME_BYTES == 0 &&
                setup->resume_start <= setup->resume_end && address_is_users(setup->resume_end);

    for (int i = 0; i < UPCALL_COUNT; i++)
        good = good && address_is_users(setup->entry[i]);
    for (int i = 0; i < UPCALL_DEPTH_MAX; i++)
        good = good && address_is_users(setup->stack[i]);
    for (int i = 0; i <= UPCALL_FOREIGN; i++)
        good = good && setup->entry[i];
    if (!good && !planted(PLANT_UPCALL_RANGE))
        return E_INVAL;
    memcpy(c->entry, setup->entry, sizeof(c->entry));
    for (uint64_t i = 0; i < UPCALL_DEPTH_MAX; i++)
        c->level[i] = (struct context_level){
            .stack = setup->stack[i],
            .save_va = setup->va + PAGE_SAVE + i * sizeof(struct save_area),
        };
    c->page_va = setup->va;
    c->resume_start = setup->resume_start;
    c->resume_bytes = setup->resume_end - setup->resume_start;
    c->page = frame_address(setup->frame);
    return 0;
}

static void
vectors_save(struct context_x86 *c)
{
    void *area = frame_address(c->context.vector_frame);

    if (cpu_has_xsaveopt) /* what has not changed since its loading is not written again */
        __asm__ volatile("xsaveopt64 (%0)" ::"r"(area), "a"(-1), "d"(-1) : "memory");
    else
        __asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(-1), "d"(-1) : "memory");
    __asm__ volatile("rdfsbase %0" : "=r"(c->regs.fs_base));
    __asm__ volatile("rdgsbase %0" : "=r"(c->regs.gs_base));
}

static void
vectors_load(const struct context_x86 *c)
{
    const void *area = frame_address(c->context.vector_frame);

    if (!planted(PLANT_VECTORS))
        __asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(-1), "d"(-1) : "memory");
    if (!planted(PLANT_SEGMENTS)) /* U4 */
        __asm__ volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %0, %%fs\n\tmov %0, %%gs" ::"r"(0));
    __asm__ volatile("wrfsbase %0" ::"r"(c->regs.fs_base));
    __asm__ volatile("wrgsbase %0" ::"r"(c->regs.gs_base));
}

/* As a structure is that was never cleared. */
static void
padding_keep(struct save_area *out)
{
    uint64_t left[sizeof(out->reserved) / sizeof(uint64_t)];

    __asm__ volatile("" : "=m"(left)); /* whatever lies there */
    memcpy(out->reserved, left, sizeof(left));
}

void
arch_context_registers(const struct context *context, struct save_area *out)
{
    if (context == context_current())
        vectors_save(context_x86(context_current()));
    *out = ((const struct context_x86 *)(const void *)context)->regs;
    if (planted(PLANT_PADDING))
        padding_keep(out);
}

static bool
address_is_canonical(uint64_t va)
{
    return va >> 47 == 0 || va >> 47 == 0x1ffff;
}

int
arch_context_set_registers(struct context *context, const struct save_area *regs)
{
    if ((!address_is_users(regs->rip) && !planted(PLANT_RESUME_RIP)) ||
        !address_is_canonical(regs->fs_base) || !address_is_canonical(regs->gs_base))
        return E_INVAL;
    context_x86(context)->regs = *regs;
    context->run = 0; /* what a processor still holds of it is void */
    return 0;
}

void
arch_context_result(struct context *context, int64_t value, uint64_t detail)
{
    context_x86(context)->regs.rax = (uint64_t)value;
    context_x86(context)->regs.rdx = detail;
}

void
arch_context_restart(struct context *context)
{
    context_x86(context)->regs.rip -= SYSCALL_BYTES;
}

void
arch_context_skip(struct context *context)
{
    context_x86(context)->regs.rip += SYSCALL_BYTES;
}

/* U3: from here on any processor may take it up. */
void
arch_context_leave(struct context *context)
{
    struct cpu_x86 *cpu = cpu_x86_this();

    vectors_save(context_x86(context));
    context->run = cpu->loaded_run = ++run_last; /* a transfer may have brought it here */
    if (planted(PLANT_REGISTER))
        register_left = context_x86(context)->regs.r8;
}

void
arch_context_switch(struct cpu *generic, struct context *to)
{
    struct cpu_x86 *cpu = cpu_x86_this();
    struct context_x86 *next = context_x86(to);

    if (!to->run || cpu->loaded_run != to->run)
        vectors_load(next);
    to->run = cpu->loaded_run = ++run_last;
    arch_root_load(to->root);
    wall_before(to);
    if (planted(PLANT_REGISTER) && !next->regs.vector)
        next->regs.r8 = register_left;
    generic->current = to;
}

/* U2. A rip that no processor takes becomes 0, where the context faults. */
static void
regs_sanitise(struct save_area *regs)
{
    if (planted(PLANT_RESUME_FLAGS))
        return;
    if (regs->rip >> 47 != 0 && regs->rip >> 47 != 0x1ffff)
        regs->rip = 0;
    regs->rflags = (regs->rflags & FLAGS_USER) | (planted(PLANT_PORTS) ? FLAGS_PORTS : FLAGS_FIXED);
    regs->cs = SEL_USER_CODE;
    regs->ss = SEL_USER_DATA;
}

void
arch_resume(struct context *context)
{
    struct context_x86 *c = context_x86(context);

    regs_sanitise(&c->regs);
    kernel_unlock(); /* what is read below is this processor's (X2) */
    regs_resume(&c->regs);
}

/* ---- transfers ---- */

/* What transfer.S looks at in a slot and in an entry. */
_Static_assert(SLOTS_FIRST == offsetof(struct slots, slot), "transfer.S");
_Static_assert(1 << SLOTS_SHIFT == sizeof(struct slot), "transfer.S");
_Static_assert(SLOTS_COUNT == SLOTS_PER_TABLE && SLOTS_COUNT <= 0x7f, "transfer.S");
_Static_assert(SLOT_CELL == offsetof(struct slot, leaf.cell), "transfer.S");
_Static_assert(SLOT_WHAT == offsetof(struct slot, leaf.type), "transfer.S");
_Static_assert(SLOT_WHAT + 1 == offsetof(struct slot, leaf.kind), "transfer.S");
_Static_assert(SLOT_WHAT + 2 == offsetof(struct slot, leaf.rights), "transfer.S");
_Static_assert(SLOT_WHAT_CALLABLE == (LEAF_SLOT | KIND_ENTRY << 8 | RIGHT_RUN << 16), "transfer.S");
_Static_assert(1 << FRAME_ENTRY_SHIFT == sizeof(struct frame), "root.S");
_Static_assert(SLOT_RIGHTS == offsetof(struct slot, leaf.rights), "root.S");
_Static_assert(SLOT_RIGHT_MAP == RIGHT_MAP && RIGHT_MAP <= 0xff, "root.S");
_Static_assert(SLOT_OBJECT == offsetof(struct slot, object), "transfer.S");

void
arch_transfer_set(struct context *context, const struct transfer_setup *setup,
                  struct context *_Atomic *home)
{
    context_x86(context)->transfer_rip = setup->rip;
    context_x86(context)->transfer_rsp = setup->rsp;
    context_x86(context)->home = home;
}

/* Odd; below 0 from every call and return on, so that transfer.S settles none. */
enum { ROOM_NONE = -0x3fffffff };
_Static_assert((uint32_t)ROOM_NONE == ROOM_LOOK, "root.S");

void
arch_transfer_room(struct cpu *generic, uint32_t calls, bool settle)
{
    struct cpu_x86 *cpu = cpu_x86_at(generic->number);
    uint32_t room = settle && !wall_parts ? 2 * calls + 1 : (uint32_t)ROOM_NONE;

    cpu->parked = offsetof(struct entry, parked) + generic->number * sizeof(struct context *);
    atomic_store_explicit(&cpu->room, room, memory_order_relaxed); /* its own */
}

bool
arch_inside(const struct cpu *generic)
{
    const struct cpu_x86 *cpu = cpu_x86_at(generic->number);

    return !(atomic_load_explicit(&cpu->room, memory_order_acquire) &
             1); /* pairs with transfer.S */
}

void
arch_context_root(struct context *context, uint64_t root)
{
    context_x86(context)->cr3 = root << FRAME_SHIFT;
    arch_root_load(root);
}

uint32_t
arch_context_stands(const struct context *context)
{
    return (uint32_t)(((const struct context_x86 *)(const void *)context)->cr3 >> FRAME_SHIFT);
}

/* The message, and what every context has that goes on behind a `syscall`. */
static void
message_copy(struct save_area *to, const struct save_area *from)
{
    uint64_t rip = to->rip, rsp = to->rsp;

    memcpy(to, from, offsetof(struct save_area, address));
    to->rip = rip;
    to->rsp = rsp;
    to->rax = to->rcx = to->r11 = 0;
    to->rflags = FLAGS_FIXED;
    to->cs = SEL_USER_CODE;
    to->ss = SEL_USER_DATA;
}

void
arch_transfer_begin(struct context *callee, const struct context *caller, uint64_t identity)
{
    static const struct save_area nothing;
    struct context_x86 *c = context_x86(callee);
    const struct save_area *from =
        caller ? &((const struct context_x86 *)(const void *)caller)->regs : &nothing;

    message_copy(&c->regs, from);
    c->regs.rip = c->transfer_rip;
    c->regs.rsp = c->transfer_rsp;
    c->regs.rax = planted(PLANT_IDENTITY) ? from->rdi : identity;
}

void
arch_transfer_answer(struct context *caller, const struct context *callee)
{
    message_copy(&context_x86(caller)->regs,
                 &((const struct context_x86 *)(const void *)callee)->regs);
}

void
arch_transfer_fail(struct context *caller, int64_t error)
{
    static const struct save_area nothing;

    message_copy(&context_x86(caller)->regs, &nothing);
    context_x86(caller)->regs.rax = (uint64_t)error;
}

void
arch_transfer_hand(struct cpu *generic, struct context *to)
{
    wall_before(to);
    arch_root_load(to->root);
    generic->current = to;
}

void
arch_transfer_vectors(struct context *to)
{
    if (planted(PLANT_CALL_PASSES))
        return;
    vectors_save(context_x86(to));
    to->run = 0; /* no processor still holds them */
}

bool
arch_upcall_masked(const struct context *context, enum upcall kind)
{
    const struct context_x86 *c = (const struct context_x86 *)(const void *)context;
    const _Atomic uint32_t *mask = (const _Atomic uint32_t *)&c->page->mask;

    return atomic_load_explicit(mask, memory_order_relaxed) >> kind & 1;
}

/* Pairs with the library, which unmasks and then takes pending. */
void
arch_upcall_pend(struct context *context, enum upcall kind)
{
    struct context_x86 *c = context_x86(context);

    if (c->page != &page_none)
        atomic_fetch_or_explicit((_Atomic uint32_t *)&c->page->pending, 1u << kind,
                                 memory_order_seq_cst);
}

uint32_t
arch_upcall_pending(const struct context *context)
{
    const struct context_x86 *c = (const struct context_x86 *)(const void *)context;

    return atomic_load_explicit((const _Atomic uint32_t *)&c->page->pending, memory_order_relaxed);
}

/*
 * Where the next upcall's registers go: a level, or -1 with *cause. *again: on the area in resume.
 */
static int
upcall_level(const struct context_x86 *c, bool *again, enum context_cause *cause)
{
    uint64_t offset = c->regs.rip - c->resume_start;
    uint32_t depth;

    *again = offset < c->resume_bytes;
    if (*again) {
        *cause = CAUSE_RESUME;
        return offset < (uint64_t)UPCALL_DEPTH_MAX * RESUME_BYTES ? (int)(offset / RESUME_BYTES)
                                                                  : -1;
    }
    depth = atomic_load_explicit((const _Atomic uint32_t *)&c->page->depth, memory_order_relaxed);
    *cause = CAUSE_DEPTH;
    return depth < UPCALL_DEPTH_MAX ? (int)depth : -1;
}

static void
trace_upcall(const struct context_x86 *c, enum upcall kind)
{
    uint64_t what = c->regs.vector;

    if (kind == UPCALL_FAULT)
        what = c->regs.address;
    else if (kind == UPCALL_FOREIGN)
        what = c->regs.rax;
    trace(TRACE_UPCALL, kind, what);
}

/*
 * In the resume sequence the area still holds what was being restored: only what happened is
 * written anew. Elsewhere the registers move from the context's object into the area.
 */
bool
arch_upcall(struct context *context, enum upcall kind, enum context_cause *cause)
{
    struct context_x86 *c = context_x86(context);
    bool again;
    int level = upcall_level(c, &again, cause);
    struct save_area *area;

    if (level < 0)
        return false;
    area = &c->page->save[level];
    if (again) {
        area->address = c->regs.address;
        area->vector = c->regs.vector;
        area->error = c->regs.error;
    } else {
        memcpy(area, &c->regs, offsetof(struct save_area, fs_base));
    }
    trace_upcall(c, kind);
    c->page->depth = (uint32_t)level + 1;
    c->regs.rdi = c->page_va + PAGE_SAVE + (uint64_t)level * sizeof(struct save_area);
    c->regs.rip = c->entry[kind];
    c->regs.rsp = c->level[level].stack;
    c->regs.rflags = FLAGS_UPCALL;
    return true;
}

void
arch_charge_show(struct context *context, uint64_t on_since_ns)
{
    struct context_x86 *c = context_x86(context);

    if (c->page == &page_none)
        return;
    c->page->charged_cycles = context->charged_cycles;
    c->page->on_since = on_since_ns;
}

uint64_t
arch_counter(void)
{
    return read_counter();
}
