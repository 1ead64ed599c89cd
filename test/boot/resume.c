/* SPDX-License-Identifier: MIT */
/*
 * resume.c - registers survive whatever hits a library while it resumes: foreign calls, exceptions
 * and page faults by the thousand, with events at odd moments among them. Where an event finds the
 * resume sequence half done, it must come again on the same save area, and nothing be lost.
 */
#include "test/boot/kit.h"

enum {
    ROUNDS = 20000,
    ROUNDS_MAX = 100 * ROUNDS, /* until so many events came */
    EVENTS_MIN = 200,
    AT_RESUME_MIN = 5,
    DEADLINE_MIN_NS = 20000, /* longer than what is tested: no two at once */
    DEADLINE_SPREAD_NS = 50000,
    FLAGS_ALL = 0xcd5, /* carry, parity, adjust, zero, sign, direction, overflow */
    FLAGS_FIXED = 0x202,
    STORE_BYTES = 7,
    UNDEFINED_BYTES = 2,
};

/* In the order of struct save_area. */
enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15, REGISTERS };

uint64_t registers_in[REGISTERS], registers_out[REGISTERS], flags_in, flags_out, stack_in,
    stack_out;

static uint64_t n_events, n_at_resume, resumed_rip;
static bool deadline_stands;
static uint64_t seed = 1;

static uint64_t
draw(void)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return seed >> 20;
}

/*
 * One event at a time, some rounds ahead: asking for it takes the processor's timer, and would set
 * the pace.
 */
static void
deadline_arm(void)
{
    if (deadline_stands)
        return;
    deadline_stands = true;
    call_deadline_set(clock_ns() + DEADLINE_MIN_NS + draw() % DEADLINE_SPREAD_NS);
}

static void
on_event(struct save_area *save)
{
    n_events++;
    deadline_stands = false;
    n_at_resume += save && save->rip == resumed_rip;
}

static void
on_foreign(struct save_area *save)
{
    resumed_rip = save->rip;
    save->rax = ~save->rax;
}

static void
on_undefined(struct save_area *save)
{
    expect(save->vector == VECTOR_INVALID, "the exception is ud2's");
    resumed_rip = save->rip += UNDEFINED_BYTES;
}

static void
on_fault(struct save_area *save)
{
    expect(save->address == 16 && save->error & PAGE_FAULT_WRITE, "the fault is the store's");
    resumed_rip = save->rip += STORE_BYTES;
}

/* All registers from registers_in, one instruction, all registers to registers_out. */
#define ROUND(instruction)                                                                         \
    __asm__ volatile("push %%rbp\n mov %%rsp, stack_in(%%rip)\n"                                   \
                     "push flags_in(%%rip)\n popfq\n"                                              \
                     "mov registers_in+0(%%rip), %%rax\n mov registers_in+8(%%rip), %%rbx\n"       \
                     "mov registers_in+16(%%rip), %%rcx\n mov registers_in+24(%%rip), %%rdx\n"     \
                     "mov registers_in+32(%%rip), %%rsi\n mov registers_in+40(%%rip), %%rdi\n"     \
                     "mov registers_in+48(%%rip), %%rbp\n mov registers_in+56(%%rip), %%r8\n"      \
                     "mov registers_in+64(%%rip), %%r9\n mov registers_in+72(%%rip), %%r10\n"      \
                     "mov registers_in+80(%%rip), %%r11\n mov registers_in+88(%%rip), %%r12\n"     \
                     "mov registers_in+96(%%rip), %%r13\n mov registers_in+104(%%rip), %%r14\n"    \
                     "mov registers_in+112(%%rip), %%r15\n" instruction "\n"                       \
                     "mov %%rax, registers_out+0(%%rip)\n mov %%rbx, registers_out+8(%%rip)\n"     \
                     "mov %%rcx, registers_out+16(%%rip)\n mov %%rdx, registers_out+24(%%rip)\n"   \
                     "mov %%rsi, registers_out+32(%%rip)\n mov %%rdi, registers_out+40(%%rip)\n"   \
                     "mov %%rbp, registers_out+48(%%rip)\n mov %%r8, registers_out+56(%%rip)\n"    \
                     "mov %%r9, registers_out+64(%%rip)\n mov %%r10, registers_out+72(%%rip)\n"    \
                     "mov %%r11, registers_out+80(%%rip)\n mov %%r12, registers_out+88(%%rip)\n"   \
                     "mov %%r13, registers_out+96(%%rip)\n mov %%r14, registers_out+104(%%rip)\n"  \
                     "mov %%r15, registers_out+112(%%rip)\n"                                       \
                     "mov %%rsp, stack_out(%%rip)\n mov stack_in(%%rip), %%rsp\n"                  \
                     "pushfq\n pop flags_out(%%rip)\n cld\n pop %%rbp\n"                           \
                     :                                                                             \
                     :                                                                             \
                     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",  \
                       "r13", "r14", "r15", "memory", "cc")

static void
registers_fill(void)
{
    for (int i = 0; i < REGISTERS; i++)
        registers_in[i] = draw() * 0x9e3779b97f4a7c15;
    registers_in[RAX] &= 0xffff; /* no call of the kernel's */
    flags_in = (draw() & FLAGS_ALL) | FLAGS_FIXED;
}

/* Is all as it was, but for the registers of this set? */
static void
registers_compare(uint64_t lost, const char *what)
{
    for (int i = 0; i < REGISTERS; i++)
        if (!(lost >> i & 1) && registers_out[i] != registers_in[i])
            fail("%s: register %d is %lx, not %lx", what, i, registers_out[i], registers_in[i]);
    if (stack_in != stack_out || flags_in != flags_out)
        fail("%s: rsp %lx, not %lx; flags %lx, not %lx", what, stack_out, stack_in, flags_out,
             flags_in);
}

static bool
enough(void)
{
    return n_events >= EVENTS_MIN && n_at_resume >= AT_RESUME_MIN;
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    exo_on_event = on_event;
    exo_on_foreign = on_foreign;
    exo_on_exception = on_undefined;
    exo_on_fault = on_fault;
    for (int i = 0; i < ROUNDS || (!enough() && i < ROUNDS_MAX); i++) {
        registers_fill();
        deadline_arm();
        ROUND("syscall");
        expect(registers_out[RAX] == ~registers_in[RAX], "the handler's result arrives");
        registers_compare(1 << RAX | 1 << RCX | 1 << R11, "foreign call");
        ROUND("ud2");
        registers_compare(0, "exception");
        ROUND("movb %%al, 16");
        registers_compare(0, "page fault");
    }
    expect(exo_upcall_page.depth == 0, "every upcall has ended");
    say("%lu events, %lu where a resume leads", n_events, n_at_resume);
    expect(enough(), "events came, also there");
    return done();
}
