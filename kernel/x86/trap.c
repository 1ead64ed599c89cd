/* SPDX-License-Identifier: MIT */
/*
 * trap.c - what entry.S does not settle itself: upcalls out of the ordinary, interrupts, and
 * faults of the kernel, of which only those in a copy from or to a caller are not our bug.
 */
#include "kernel/arch.h"
#include "kernel/context.h"
#include "kernel/epoch.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/slice.h"
#include "kernel/work.h"
#include "kernel/trace.h"
#include "kernel/x86/cpu.h"
#include "plant.h"

enum { GATE_KERNEL = 0x8e, GATE_USER = 0xee, GATES = 256, STUBS = 22 };
enum stack_table { STACK_NONE, STACK_NMI, STACK_DOUBLE, STACK_CHECK, STACK_DEBUG };

struct gate {
    uint16_t offset_low, selector;
    uint8_t stack, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "Intel SDM vol. 3A, 6.14.1");

/* What trap_in_kernel pushes. */
struct kernel_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct fixup {
    uint64_t at, to;
};

extern const char exception_stubs_traced[], int80_traced[];
extern const char exception_stubs[], page_fault[], int80_entry[], debug_entry[], nmi_entry[];
extern const char double_entry[], check_entry[], timer_entry[], console_entry[], request_entry[];
extern const char spurious_entry[];
extern const struct fixup fixup_start[], fixup_end[];

static struct gate gates[GATES];

static void
gate_set(uint32_t vector, const char *entry, enum stack_table stack, uint8_t type)
{
    uint64_t at = (uint64_t)entry;

    gates[vector] = (struct gate){.offset_low = (uint16_t)at,
                                  .selector = SEL_KERNEL_CODE,
                                  .stack = (uint8_t)stack,
                                  .type = planted(PLANT_GATES) ? GATE_USER : type,
                                  .offset_middle = (uint16_t)(at >> 16),
                                  .offset_high = (uint32_t)(at >> 32)};
}

void
trap_init(void)
{
    const char *stubs = trace_on ? exception_stubs_traced : exception_stubs;
    size_t step = trace_on ? TRACED_STUB_BYTES : STUB_BYTES;

    for (uint32_t i = 0; i < STUBS; i++)
        gate_set(i, stubs + i * step, STACK_NONE, GATE_KERNEL);
    gate_set(VECTOR_DEBUG, debug_entry, STACK_DEBUG, GATE_KERNEL);
    gate_set(2, nmi_entry, planted(PLANT_NMI_STACK) ? STACK_DEBUG : STACK_NMI, GATE_KERNEL);
    gate_set(VECTOR_BREAKPOINT, stubs + VECTOR_BREAKPOINT * step, STACK_NONE, GATE_USER);
    gate_set(8, double_entry, STACK_DOUBLE, GATE_KERNEL);
    if (!trace_on)
        gate_set(VECTOR_PAGE, page_fault, STACK_NONE, GATE_KERNEL);
    gate_set(18, check_entry, STACK_CHECK, GATE_KERNEL);
    gate_set(VECTOR_INT80, trace_on ? int80_traced : int80_entry, STACK_NONE, GATE_USER);
    gate_set(IRQ_TIMER, timer_entry, STACK_NONE, GATE_KERNEL);
    gate_set(IRQ_CONSOLE, console_entry, STACK_NONE, GATE_KERNEL);
    gate_set(IRQ_REQUEST, request_entry, STACK_NONE, GATE_KERNEL);
    gate_set(IRQ_SPURIOUS, spurious_entry, STACK_NONE, GATE_KERNEL);
}

void
trap_table_load(void)
{
    struct descriptor_pointer pointer = {.limit = sizeof(gates) - 1, .base = (uint64_t)gates};

    __asm__ volatile("lidt %0" ::"m"(pointer));
}

/* Puts the current context, whose registers are saved, back on the processor. */
static _Noreturn void
trap_return(struct cpu *cpu)
{
    if (cpu->current->due && !context_deliver(cpu->current))
        slice_schedule(cpu);
    arch_resume(cpu->current);
}

static enum upcall
upcall_of_vector(uint64_t vector)
{
    if (vector == VECTOR_PAGE)
        return UPCALL_FAULT;
    return vector == VECTOR_INT80 || vector == VECTOR_FOREIGN ? UPCALL_FOREIGN : UPCALL_EXCEPTION;
}

/* The current context's registers are saved; what interrupted it is an upcall of its own. */
_Noreturn void trap_slow(void);
void
trap_slow(void)
{
    struct cpu *cpu = cpu_this();
    struct save_area *regs = &context_x86(cpu->current)->regs;
    enum context_cause cause;

    kernel_lock();
    if (regs->vector == VECTOR_PAGE)
        __asm__ volatile("mov %%cr2, %0" : "=r"(regs->address));
    else
        regs->address = 0;
    if (!arch_upcall(cpu->current, upcall_of_vector(regs->vector), &cause)) {
        context_end(cpu->current, cause, 0);
        slice_schedule(cpu);
    }
    trap_return(cpu);
}

/* From a library, on a stack of its own: a debug exception is the library's, an NMI is nobody's. */
_Noreturn void trap_own_stack(void);
void
trap_own_stack(void)
{
    struct cpu *cpu = cpu_this();
    uint64_t vector = context_x86(cpu->current)->regs.vector;

    if (vector == 2) {
        if (planted(PLANT_NMI_BASE))
            __asm__ volatile("rdgsbase %0" : "=r"(cpu));
        kernel_lock();
        arch_resume(cpu->current); /* at once: this stack is the next one's, too */
    }
    if (vector != VECTOR_DEBUG)
        panic("machine check or double fault, vector %lu", vector);
    __asm__ volatile("mov %0, %%dr6" ::"r"((uint64_t)0xffff0ff0));
    trap_slow();
}

static void
interrupt_dispatch(struct cpu *cpu, uint64_t vector)
{
    cpu->interrupts++;
    trace(TRACE_INTERRUPT, vector, 0);
    if (vector == IRQ_SPURIOUS)
        return;
    apic_end();
    if (vector == IRQ_REQUEST) {
        cpu->asked = false;
        epoch_meet(cpu);
    }
    if (vector == IRQ_TIMER)
        apic_timer_fired();
    if ((vector == IRQ_TIMER || vector == IRQ_REQUEST) && cpu->current)
        slice_tick(cpu);
    if (vector == IRQ_CONSOLE)
        work_fired(cpu);
}

_Noreturn void trap_interrupt(void);
void
trap_interrupt(void)
{
    struct cpu *cpu = cpu_this();

    kernel_lock();
    interrupt_dispatch(cpu, context_x86(cpu->current)->regs.vector);
    trap_return(cpu);
}

void trap_interrupt_idle(uint64_t vector);
void
trap_interrupt_idle(uint64_t vector)
{
    kernel_lock();
    interrupt_dispatch(cpu_this(), vector);
    kernel_unlock();
}

static void
frame_print(const struct kernel_frame *f)
{
    log_panic("register rip %lx\nregister rsp %lx\nregister rflags %lx\n", f->rip, f->rsp,
              f->rflags);
    log_panic("register rax %lx\nregister rbx %lx\nregister rcx %lx\n", f->rax, f->rbx, f->rcx);
    log_panic("register rdx %lx\nregister rsi %lx\nregister rdi %lx\n", f->rdx, f->rsi, f->rdi);
    log_panic("register rbp %lx\nregister r8 %lx\nregister r9 %lx\n", f->rbp, f->r8, f->r9);
    log_panic("register r10 %lx\nregister r11 %lx\nregister r12 %lx\n", f->r10, f->r11, f->r12);
    log_panic("register r13 %lx\nregister r14 %lx\nregister r15 %lx\n", f->r13, f->r14, f->r15);
}

void trap_kernel(struct kernel_frame *f);
void
trap_kernel(struct kernel_frame *f)
{
    uint64_t address = 0;

    if (f->vector == 2)
        return;
    if (f->vector == VECTOR_DEBUG) { /* a user's breakpoint, deferred into the kernel: it is void */
        __asm__ volatile("mov %0, %%dr7\n\tmov %1, %%dr6" ::"r"((uint64_t)0x400),
                         "r"((uint64_t)0xffff0ff0));
        f->rflags &= ~(uint64_t)0x100;
        return;
    }
    if (f->vector == VECTOR_PAGE) {
        for (const struct fixup *x = fixup_start; x < fixup_end; x++)
            if (x->at == f->rip) {
                f->rip = x->to;
                return;
            }
        __asm__ volatile("mov %%cr2, %0" : "=r"(address));
    }
    log_panic("panic: exception %lu in the kernel, error %lx, address %lx\n", f->vector, f->error,
              address);
    frame_print(f);
    log_panic_end(f->rip, f->rbp);
}

_Noreturn void trap_beyond(void);
void
trap_beyond(void)
{
    panic("a call came from beyond the last user address"); /* E3 */
}
