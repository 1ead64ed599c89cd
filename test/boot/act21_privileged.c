/* SPDX-License-Identifier: MIT */
/*
 * act21_privileged.c - hostile act 21: every privileged and every port instruction. Each is an
 * exception of ours and changes nothing.
 */
#include "test/boot/kit.h"

enum { CODE_MAX = 8, PORTS = 0x10000, LEAF_FEATURES = 7, UMIP = 1 << 2 };

static const struct instruction {
    const char *name;
    uint8_t length, code[CODE_MAX];
} instructions[] = {
    {"hlt", 1, {0xf4}},
    {"cli", 1, {0xfa}},
    {"sti", 1, {0xfb}},
    {"clts", 2, {0x0f, 0x06}},
    {"invd", 2, {0x0f, 0x08}},
    {"wbinvd", 2, {0x0f, 0x09}},
    {"rdmsr", 2, {0x0f, 0x32}},
    {"wrmsr", 2, {0x0f, 0x30}},
    {"rdpmc", 2, {0x0f, 0x33}},
    {"sysretq", 3, {0x48, 0x0f, 0x07}},
    {"sysretl", 2, {0x0f, 0x07}},
    {"sysenter", 2, {0x0f, 0x34}},
    {"sysexit", 3, {0x48, 0x0f, 0x35}},
    {"swapgs", 3, {0x0f, 0x01, 0xf8}},
    {"clac", 3, {0x0f, 0x01, 0xca}},
    {"stac", 3, {0x0f, 0x01, 0xcb}},
    {"xsetbv", 3, {0x0f, 0x01, 0xd1}},
    {"monitor", 3, {0x0f, 0x01, 0xc8}},
    {"mwait", 3, {0x0f, 0x01, 0xc9}},
    {"vmcall", 3, {0x0f, 0x01, 0xc1}},
    {"vmlaunch", 3, {0x0f, 0x01, 0xc2}},
    {"vmrun", 3, {0x0f, 0x01, 0xd8}},
    {"stgi", 3, {0x0f, 0x01, 0xdc}},
    {"clgi", 3, {0x0f, 0x01, 0xdd}},
    {"skinit", 3, {0x0f, 0x01, 0xde}},
    {"invlpga", 3, {0x0f, 0x01, 0xdf}},
    {"rsm", 2, {0x0f, 0xaa}},
    {"getsec", 2, {0x0f, 0x37}},
    {"invlpg (%rdi)", 3, {0x0f, 0x01, 0x3f}},
    {"invpcid (%rdi), %rax", 5, {0x66, 0x0f, 0x38, 0x82, 0x07}},
    {"invept (%rdi), %rax", 5, {0x66, 0x0f, 0x38, 0x80, 0x07}},
    {"lgdt (%rdi)", 3, {0x0f, 0x01, 0x17}},
    {"lidt (%rdi)", 3, {0x0f, 0x01, 0x1f}},
    {"lldt %ax", 3, {0x0f, 0x00, 0xd0}},
    {"ltr %ax", 3, {0x0f, 0x00, 0xd8}},
    {"lmsw %ax", 3, {0x0f, 0x01, 0xf0}},
    {"mov %cr0, %rax", 3, {0x0f, 0x20, 0xc0}},
    {"mov %cr2, %rax", 3, {0x0f, 0x20, 0xd0}},
    {"mov %cr3, %rax", 3, {0x0f, 0x20, 0xd8}},
    {"mov %cr4, %rax", 3, {0x0f, 0x20, 0xe0}},
    {"mov %cr8, %rax", 4, {0x44, 0x0f, 0x20, 0xc0}},
    {"mov %rax, %cr0", 3, {0x0f, 0x22, 0xc0}},
    {"mov %rax, %cr3", 3, {0x0f, 0x22, 0xd8}},
    {"mov %rax, %cr4", 3, {0x0f, 0x22, 0xe0}},
    {"mov %rax, %cr8", 4, {0x44, 0x0f, 0x22, 0xc0}},
    {"mov %dr0, %rax", 3, {0x0f, 0x21, 0xc0}},
    {"mov %dr7, %rax", 3, {0x0f, 0x21, 0xf8}},
    {"mov %rax, %dr0", 3, {0x0f, 0x23, 0xc0}},
    {"mov %rax, %dr7", 3, {0x0f, 0x23, 0xf8}},
    {"xsaves (%rdi)", 4, {0x48, 0x0f, 0xc7, 0x2f}},
    {"xrstors (%rdi)", 4, {0x48, 0x0f, 0xc7, 0x1f}},
    {"in (%dx), %al", 1, {0xec}},
    {"in (%dx), %eax", 1, {0xed}},
    {"in $0x60, %al", 2, {0xe4, 0x60}},
    {"out %al, (%dx)", 1, {0xee}},
    {"out %eax, (%dx)", 1, {0xef}},
    {"out %al, $0xf4", 2, {0xe6, 0xf4}},
    {"insb", 1, {0x6c}},
    {"rep insl", 2, {0xf3, 0x6d}},
    {"outsb", 1, {0x6e}},
    {"rep outsl", 2, {0xf3, 0x6f}},
};

/* These leak where the kernel's tables lie; a processor without UMIP lets everybody ask. */
static const struct instruction askings[] = {
    {"sgdt (%rdi)", 3, {0x0f, 0x01, 0x07}}, {"sidt (%rdi)", 3, {0x0f, 0x01, 0x0f}},
    {"sldt %eax", 3, {0x0f, 0x00, 0xc0}},   {"str %eax", 3, {0x0f, 0x00, 0xc8}},
    {"smsw %eax", 3, {0x0f, 0x01, 0xe0}},
};

static uint8_t *code;

/* Runs what lies at `code` with rdi at a page, and every other register 0 but for the stack's. */
static void
code_run(uint64_t rdi)
{
    __asm__ volatile(
        "xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\txor %%edx, %%edx\n\tcall *%1" ::"D"(rdi), "r"(code)
        : "rax", "rcx", "rdx", "rsi", "r11", "memory", "cc");
}

static void
must_trap(const struct instruction *i, uint64_t page)
{
    struct trap t;

    memcpy(code, i->code, i->length);
    code[i->length] = 0xc3;
    t = trap_catch(code_run, page);
    if (t.vector != VECTOR_PROTECTION && t.vector != VECTOR_INVALID)
        breach("%s: vector %ld", i->name, (long)t.vector);
    hold(t.rip == (uintptr_t)code, i->name);
}

static uint16_t port;

static void
port_read(uint64_t unused)
{
    uint8_t value;

    (void)unused;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port));
}

static void
every_port(void)
{
    for (uint32_t n = 0; n < PORTS; n++) {
        port = (uint16_t)n;
        if (trap_catch(port_read, 0).vector != VECTOR_PROTECTION)
            breach("port 0x%x can be read", n);
    }
}

/* Interrupts cannot be switched off by popf either. */
static void
interrupts_stay_on(uint64_t unused)
{
    uint64_t flags;

    (void)unused;
    __asm__ volatile("push $0x3002\n\tpopfq\n\tpushfq\n\tpop %0" : "=r"(flags)::"cc", "memory");
    hold((flags & 0x3200) == 0x200, "interrupts off, or the privilege of ports");
}

static bool
tables_hidden(void)
{
    uint32_t a = LEAF_FEATURES, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return c & UMIP;
}

int
exo_main(const struct start_page *start)
{
    uint64_t page = (uintptr_t)page_new(MAP_READ | MAP_WRITE, NULL);

    (void)start;
    code = page_new(MAP_READ | MAP_WRITE | MAP_EXEC, NULL);
    for (uint32_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++)
        must_trap(&instructions[i], page);
    for (uint32_t i = 0; tables_hidden() && i < sizeof(askings) / sizeof(askings[0]); i++)
        must_trap(&askings[i], page);
    if (!tables_hidden())
        say("this processor has no UMIP: where the tables lie is not hidden");
    expect(trap_catch(interrupts_stay_on, 0).vector == NO_VECTOR, "popfq is no exception");
    every_port();
    return done();
}
