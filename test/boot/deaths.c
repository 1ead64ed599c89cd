/* SPDX-License-Identifier: MIT */
/*
 * deaths.c - a program that does what no program may, each by name, and is not ready for it: it
 * dies alone, and says where. Every deed is a function of its own, so that the backtrace names it.
 */
#include "test/boot/kit.h"

typedef void deed_fn(void);

static volatile uint64_t sink, text, nowhere = 8, forever = UINT64_MAX;

static void
deed_read_kernel(void)
{
    sink = *(const volatile uint64_t *)KERNEL_IMAGE;
}

static void
deed_read_memory(void)
{
    sink = *(const volatile uint64_t *)KERNEL_DIRECT;
}

static void
deed_write_kernel(void)
{
    *(volatile uint64_t *)(KERNEL_STACK_TOP - 8) = 1;
}

static void
deed_write_exposed(void)
{
    *(volatile uint64_t *)EXPOSED_MACHINE = 1;
}

static void
deed_jump_kernel(void)
{
    ((deed_fn *)KERNEL_IMAGE)();
    sink = 1;
}

static void
deed_jump_exposed(void)
{
    ((deed_fn *)EXPOSED_MACHINE)();
    sink = 1;
}

static void
deed_jump_data(void)
{
    static uint8_t code[] = {0xc3};

    ((deed_fn *)code)();
    sink = 1;
}

static void
deed_write_text(void)
{
    *(volatile uint8_t *)text = 0;
}

static void
deed_null(void)
{
    sink = *(const volatile uint64_t *)nowhere;
}

static void
deed_halt(void)
{
    __asm__ volatile("hlt");
}

static void
deed_interrupts_off(void)
{
    __asm__ volatile("cli");
}

static void
deed_control_register(void)
{
    __asm__ volatile("mov %0, %%cr3" ::"r"(0ull));
}

static void
deed_port(void)
{
    __asm__ volatile("out %0, %1" ::"a"((uint8_t)0), "Nd"((uint16_t)0xf4));
}

static void
deed_undefined(void)
{
    __asm__ volatile("ud2");
}

static void
deed_divide(void)
{
    __asm__ volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" ::: "rax", "rcx", "rdx");
}

static void
deed_foreign(void)
{
    __asm__ volatile("syscall" ::"a"(60), "D"(7) : "rcx", "r11", "memory");
}

/* Runs off its stack, and its upcall stacks lie elsewhere. */
__attribute__((noinline)) static uint64_t
deed_stack_deeper(volatile uint64_t *above)
{
    volatile uint64_t here[512];

    here[0] = *above + 1;
    return here[0] == forever ? 0 : deed_stack_deeper(here) + here[0];
}

static void
deed_stack(void)
{
    volatile uint64_t zero = 0;

    sink = deed_stack_deeper(&zero);
}

/* Its stack pointer is nowhere when the exception comes. */
static void
deed_stack_wild(void)
{
    __asm__ volatile("mov %0, %%rsp\n\tpush %%rax" ::"r"(KERNEL_STACK_TOP) : "memory");
}

static const struct deed {
    const char *name;
    deed_fn *fn;
} deeds[] = {
    {"read_kernel", deed_read_kernel},
    {"read_memory", deed_read_memory},
    {"write_kernel", deed_write_kernel},
    {"write_exposed", deed_write_exposed},
    {"jump_kernel", deed_jump_kernel},
    {"jump_exposed", deed_jump_exposed},
    {"jump_data", deed_jump_data},
    {"write_text", deed_write_text},
    {"null", deed_null},
    {"halt", deed_halt},
    {"interrupts_off", deed_interrupts_off},
    {"control_register", deed_control_register},
    {"port", deed_port},
    {"undefined", deed_undefined},
    {"divide", deed_divide},
    {"foreign", deed_foreign},
    {"stack", deed_stack},
    {"stack_wild", deed_stack_wild},
};

static uint64_t
here(void)
{
    return (uintptr_t)__builtin_return_address(0);
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    text = here();
    for (uint32_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (!strcmp(deeds[i].name, argument(0))) {
            say("now %s", deeds[i].name);
            deeds[i].fn();
            breach("%s went well", deeds[i].name);
        }
    fail("no deed is called %s", argument(0));
}
