/* SPDX-License-Identifier: MIT */
/*
 * act18_storms.c - hostile acts 18 and 19: gs bases in the kernel's half, with calls, exceptions,
 * page faults and debug exceptions as fast as they go, on every processor, while the monitor
 * injects NMIs into all of them. Each trap comes once, with every register; and what was between
 * them is as it was. Ends with the standard input, which the injector holds open.
 */
#include <stdatomic.h>
#include "test/boot/raw.h"
#include "test/boot/workers.h"

enum {
    SLOT_WORKER = 60,
    SPINS = 300,
    SLICE_NS = 1000 * 1000,
    LOAD_BYTES = 2,
    UD2_BYTES = 2,
    FLAG_STEP = 0x100,
    WORKERS = 3
};
static const uint64_t ABSENT_VA = 0x0000011000000000;

static struct worker worker[WORKERS];
static volatile bool over;
static volatile uint64_t n_debug, n_fault, n_invalid, n_other, last_address;
static _Atomic uint64_t rounds;

static const uint64_t bases[] = {0xffffffffc0001000,
                                 0xffffffff80100000,
                                 0xffff800000000000,
                                 0xffffff0000000000,
                                 0xffffffffffffffff,
                                 0xffff800000001000,
                                 0,
                                 0x00007ffffffff000};
enum { BASES = sizeof(bases) / sizeof(bases[0]) };

void
raw_upcall(struct save_area *save, uint64_t kind)
{
    if (kind == UPCALL_FAULT) {
        n_fault++;
        last_address = save->address;
        save->rip += LOAD_BYTES;
    } else if (kind == UPCALL_EXCEPTION && save->vector == VECTOR_DEBUG) {
        n_debug++;
        save->rflags &= ~(uint64_t)FLAG_STEP;
    } else if (kind == UPCALL_EXCEPTION && save->vector == VECTOR_INVALID) {
        n_invalid++;
        save->rip += UD2_BYTES;
    } else if (kind == UPCALL_SLICE_END) {
        call_yield(SLOT_NOTHING);
    } else if (kind <= UPCALL_FOREIGN) {
        n_other++;
    }
}

/* Every register holds the pattern for a while: is it there afterwards? */
static bool
spin(uint64_t pattern)
{
    uint64_t wrong;

    __asm__ volatile(
        "push %%rbp\n\tmov %1, %%rdx\n\tmov %1, %%rsi\n\tmov %1, %%rdi\n\tmov %1, %%r8\n\t"
        "mov %1, %%r9\n\tmov %1, %%r10\n\tmov %1, %%r11\n\tmov %1, %%r12\n\tmov %1, %%r13\n\t"
        "mov %1, %%r14\n\tmov %1, %%r15\n\tmov %1, %%rbp\n\tmov $%c2, %%ecx\n"
        "1:\tdec %%ecx\n\tjnz 1b\n\t"
        "xor %%rax, %%rdx\n\txor %%rax, %%rsi\n\txor %%rax, %%rdi\n\txor %%rax, %%r8\n\t"
        "xor %%rax, %%r9\n\txor %%rax, %%r10\n\txor %%rax, %%r11\n\txor %%rax, %%r12\n\t"
        "xor %%rax, %%r13\n\txor %%rax, %%r14\n\txor %%rax, %%r15\n\txor %%rax, %%rbp\n\t"
        "or %%rdx, %%rsi\n\tor %%rsi, %%rdi\n\tor %%rdi, %%r8\n\tor %%r8, %%r9\n\t"
        "or %%r9, %%r10\n\tor %%r10, %%r11\n\tor %%r11, %%r12\n\tor %%r12, %%r13\n\t"
        "or %%r13, %%r14\n\tor %%r14, %%r15\n\tor %%rbp, %%r15\n\tmov %%r15, %%rcx\n\tpop %%rbp"
        : "=c"(wrong)
        : "a"(pattern), "i"(SPINS)
        : "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory",
          "cc");
    return !wrong;
}

/* With that gs base: a spin, and calls. It comes back behind, and was what it was. */
static bool
with_base(uint64_t base, uint64_t pattern)
{
    uint64_t ours, then;
    bool good;

    __asm__ volatile("rdgsbase %0\n\twrgsbase %1" : "=&r"(ours) : "r"(base));
    good = spin(pattern);
    call_null();
    good = spin(~pattern) && good;
    __asm__ volatile("rdgsbase %0\n\twrgsbase %1" : "=&r"(then) : "r"(ours));
    return good && then == base;
}

static void
work(struct worker *w)
{
    for (uint64_t i = w->number + 1; !over; i++) {
        hold(with_base(bases[i % BASES], i * 0x9e3779b97f4a7c15), "registers on another processor");
        atomic_fetch_add(&rounds, 1);
    }
}

/* The next instruction is a single step: the handler clears the flag. */
#define STEP "pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"

/* Also a debug exception behind `mov ss`, which holds it back over the next instruction. */
static void
storm(uint64_t i)
{
    uint64_t debug = n_debug, fault = n_fault, invalid = n_invalid, ours;

    __asm__ volatile("rdgsbase %0\n\twrgsbase %1" : "=&r"(ours) : "r"(bases[i % BASES]));
    __asm__ volatile(STEP "nop\n\tud2\n\t" STEP "nop\n\tmov (%0), %%al\n\tmov %%ss, %%ecx\n\t" STEP
                          "mov %%ecx, %%ss\n\tnop\n\tud2\n\tmov (%0), %%al"
                     :
                     : "b"(ABSENT_VA)
                     : "rax", "rcx", "memory", "cc");
    __asm__ volatile("wrgsbase %0" ::"r"(ours));
    hold(n_debug == debug + 3, "each debug exception comes once");
    hold(n_fault == fault + 2 && last_address == ABSENT_VA, "so does each page fault");
    hold(n_invalid == invalid + 2 && !n_other, "and each other, and no more");
    hold(raw_page.depth == 0, "and all levels are given back");
}

static bool
input_ended(void)
{
    uint8_t byte;

    return call_console_read(SLOT_CONSOLE, (uintptr_t)&byte, 1).value == 0;
}

int
raw_main(void)
{
    uint32_t n = cpu_count() - 1 < WORKERS ? cpu_count() - 1 : WORKERS;

    stay_on(0);
    raw_begin(0);
    for (uint32_t i = 0; i < n; i++) {
        worker[i].number = i;
        worker_start(&worker[i], SLOT_WORKER + i, 1 + i, SLICE_NS, work);
    }
    say("begun");
    for (uint64_t i = 1; i % 64 || !input_ended(); i++) {
        hold(with_base(bases[i % BASES], i * 0x9e3779b97f4a7c15), "registers are as they were");
        storm(i);
    }
    over = true;
    for (uint32_t i = 0; i < n; i++)
        worker_join(&worker[i], "at the end");
    expect(!n || rounds > 0, "the others worked too");
    say("%lu debug exceptions, %lu page faults", n_debug, n_fault);
    return done();
}
