/* SPDX-License-Identifier: MIT */
/*
 * act16_gates.c - hostile act 16: `int n` for every vector, and every selector in every segment
 * register and far return. Only the two open gates run; only the users' segments load.
 */
#include "test/boot/kit.h"

enum {
    VECTORS = 256,
    OPCODE_INT = 0xcd,
    OPCODE_RET = 0xc3,
    BYTES_EACH = 8,
    ERROR_IDT = 2, /* in an error code: the index is of the interrupt table */
    SELECTOR_USER_DATA = 0x1b,
    SELECTOR_USER_CODE = 0x23,
    LOW_VA = 0x10000000,
    LEFT_NS = 60 * 1000 * 1000,
    SELECTORS = 0x80, /* beyond the table's end, and below it with every privilege */
};

static bool
gate_is_open(uint64_t vector)
{
    return vector == VECTOR_BREAKPOINT || vector == VECTOR_INT80;
}

/* Those that cost the kernel most, were they open, come last. */
static void
interrupts(void)
{
    uint8_t *code = page_new(MAP_READ | MAP_WRITE | MAP_EXEC, NULL);

    for (uint64_t n = 0; n < VECTORS; n++) {
        uint64_t vector = (n + 0x50) % VECTORS;
        struct trap t;

        code[0] = OPCODE_INT;
        code[1] = (uint8_t)vector;
        code[2] = OPCODE_RET;
        t = trap_jump((uintptr_t)code);
        if (gate_is_open(vector)) {
            hold(t.vector == (int64_t)vector, "an open gate is an upcall of its own vector");
            hold(t.rip == (uintptr_t)code + 2, "behind the instruction");
            continue;
        }
        if (t.vector != VECTOR_PROTECTION || !(t.error & ERROR_IDT))
            breach("int 0x%lx ran: vector %ld, error 0x%lx", vector, (long)t.vector, t.error);
        hold(t.rip == (uintptr_t)code, "at the instruction");
    }
}

static void
load_ds(uint64_t selector)
{
    __asm__ volatile("mov %0, %%ds" ::"r"(selector));
}

static void
load_es(uint64_t selector)
{
    __asm__ volatile("mov %0, %%es" ::"r"(selector));
}

static void
load_fs(uint64_t selector)
{
    __asm__ volatile("mov %0, %%fs" ::"r"(selector));
}

/* The base, which goes with the selector, is the library's: it comes back behind. */
static void
load_gs(uint64_t selector)
{
    uint64_t base;

    __asm__ volatile("rdgsbase %0" : "=r"(base));
    __asm__ volatile("mov %0, %%gs\n\twrgsbase %1" ::"r"(selector), "r"(base));
}

static void
load_ss(uint64_t selector)
{
    __asm__ volatile("mov %0, %%ss" ::"r"(selector));
}

static void
load_task(uint64_t selector)
{
    __asm__ volatile("ltr %w0" ::"r"(selector));
}

static void
load_local_table(uint64_t selector)
{
    __asm__ volatile("lldt %w0" ::"r"(selector));
}

/* Calls the `ret` at LOW_VA in the segment of that selector: a far jump has 32 bits of offset. */
static void
jump_far(uint64_t selector)
{
    struct {
        uint32_t offset;
        uint16_t selector;
    } to = {LOW_VA, (uint16_t)selector};

    __asm__ volatile("lea 1f(%%rip), %%rax\n\tpush %%rax\n\tljmpl *%0\n1:" ::"m"(to)
                     : "rax", "memory");
}

/* Which selectors a data register takes: null ones, and the users' two. */
static bool
data_selector_loads(uint64_t selector)
{
    return selector < 4 || (selector | 3) == SELECTOR_USER_DATA ||
           (selector | 3) == SELECTOR_USER_CODE;
}

static void
data_selectors(trap_fn *load, const char *what)
{
    for (uint64_t selector = 0; selector < SELECTORS; selector++) {
        struct trap t = trap_catch(load, selector);

        if ((t.vector == NO_VECTOR) != data_selector_loads(selector))
            breach("selector 0x%lx in %s: vector %ld", selector, what, (long)t.vector);
    }
    trap_catch(load, 0);
}

static void
other_selectors(void)
{
    for (uint64_t selector = 0; selector < SELECTORS; selector++) {
        bool stack = trap_catch(load_ss, selector).vector == NO_VECTOR;
        bool code = trap_catch(jump_far, selector).vector == NO_VECTOR;

        if (stack != (selector == SELECTOR_USER_DATA))
            breach("selector 0x%lx in ss", selector);
        if (code != ((selector | 3) == SELECTOR_USER_CODE)) /* a jump keeps our privilege */
            breach("selector 0x%lx in cs", selector);
        hold(trap_catch(load_task, selector).vector == VECTOR_PROTECTION, "a task");
        hold(trap_catch(load_local_table, selector).vector == VECTOR_PROTECTION, "a local table");
    }
}

/* What we leave in segment registers is nobody else's to see: the victim looks at its own. */
static void
selectors_left(void)
{
    uint64_t end = clock_ns() + LEFT_NS;

    while (clock_ns() < end) {
        load_ds(SELECTOR_USER_DATA);
        load_es(SELECTOR_USER_DATA);
        load_fs(SELECTOR_USER_DATA);
        load_gs(SELECTOR_USER_DATA);
    }
}

int
exo_main(const struct start_page *start)
{
    uint64_t frame;
    uint8_t *page = page_new(MAP_READ | MAP_WRITE, &frame);

    (void)start;
    page[0] = OPCODE_RET;
    page_at(LOW_VA, frame, MAP_READ | MAP_EXEC);
    data_selectors(load_ds, "ds");
    data_selectors(load_es, "es");
    data_selectors(load_fs, "fs");
    data_selectors(load_gs, "gs");
    other_selectors();
    interrupts();
    selectors_left();
    return done();
}
