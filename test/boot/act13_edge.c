/* SPDX-License-Identifier: MIT */
/*
 * act13_edge.c - hostile act 13: `syscall` at the last bytes below the canonical edge, and starts,
 * jumps and resumes to addresses that no library has. The kernel never faults on a library's stack: what
 * comes of it is an upcall, or a refusal.
 */
#include "test/boot/kit.h"

enum { CONTEXT = 100, INSTRUCTION_BYTES = 2 };

static const uint64_t USER_LAST = 0x00007fffffffe000; /* the last page that may be mapped */
static const uint64_t EDGE = 0x0000800000000000;      /* the first address that is not canonical */

static uint64_t number; /* of the call that the edge makes */

/* Calls the `syscall` at va with rax = number; it returns where va ends, which nothing is. */
static void
syscall_at(uint64_t va)
{
    register uint64_t rax __asm__("rax") = number;

    __asm__ volatile("jmp *%1" : "+a"(rax) : "r"(va) : "rcx", "r11", "rdx", "r10", "memory");
}

/* A page of `syscall` instructions at va. */
static int64_t
syscalls_at(uint64_t va)
{
    uint64_t frame = frame_new(), entry = frame << FRAME_SHIFT | MAP_READ | MAP_EXEC;
    uint8_t *page = (uint8_t *)SCRATCH_VA;

    page_at(SCRATCH_VA, frame, MAP_READ | MAP_WRITE);
    for (uint64_t i = 0; i < FRAME_BYTES; i += INSTRUCTION_BYTES) {
        page[i] = 0x0f;
        page[i + 1] = 0x05;
    }
    return space_map(&exo_space, va, &entry, 1, SLOT_ACCOUNT);
}

/*
 * Each kind of call from the last instruction: rcx is USER_TOP, which is canonical and mapped to no
 * one.
 */
static void
last_page(void)
{
    static const uint64_t numbers[] = {CALL_BASE + CALL_null, CALL_BASE + CALL_yield,
                                       CALL_BASE + 255, 39 /* foreign */};

    fine(syscalls_at(USER_LAST), "the last page");
    for (uint32_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct trap t;

        number = numbers[i];
        t = trap_catch(syscall_at, USER_TOP - INSTRUCTION_BYTES);
        hold(t.rip == USER_TOP, "it goes on at USER_TOP");
        hold(t.vector == (number < CALL_BASE ? VECTOR_FOREIGN : VECTOR_PAGE), "with an upcall");
    }
}

static void
page_beyond(void)
{
    if (syscalls_at(USER_TOP) == 0) { /* only where the check is left out */
        number = CALL_BASE + CALL_null;
        trap_catch(syscall_at, EDGE - INSTRUCTION_BYTES);
        breach("a page at USER_TOP can be mapped");
    }
}

static void
wild_jumps(void)
{
    static const uint64_t places[] = {0x0000800000000000, 0xffff7fffffffffff, 0x8000000000000000,
                                      0xffff800000000000, 0xffffff0000000000, 0xffffffff80100000,
                                      0xffffffffc0000000, 0xffffffffffffffff, 0,
                                      0x00007ffffffff000};

    for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct trap t = trap_jump(places[i]);

        hold(t.vector == VECTOR_PAGE || t.vector == VECTOR_PROTECTION, "a jump there faults");
    }
}

static int64_t
start_at(uint64_t rip, uint64_t rsp)
{
    struct context_start start = {.rip = rip, .rsp = rsp, .stop_slot = SLOT_NOTHING};
    uint64_t frame = frame_new();
    int64_t r;

    start.vector_frame = frame_new();
    r = call_context_make(SLOT_ENV, frame, CONTEXT, (uintptr_t)&start).value;
    if (r == 0)
        call_slot_clear(SLOT_SLOTS, CONTEXT);
    return r;
}

static void
wild_starts(void)
{
    static const uint64_t places[] = {0x00007ffffffff000, 0x0000800000000000, 0x8000000000000000,
                                      0xffff800000000000, 0xffffffff80100000, 0xffffffffffffffff};

    for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        refuse(start_at(places[i], 0), E_INVAL, "a start at such an address");
        refuse(start_at(FRAME_BYTES, places[i]), E_INVAL, "a start on such a stack");
    }
    fine(start_at(0x00007fffffffefff, 0x00007fffffffefff), "a start below USER_TOP");
}

static void __attribute__((naked)) trap_at_once(void)
{
    __asm__ volatile("push %rax\n\tud2");
}

/* Goes on with registers that were written, wherever its stack is said to be; it has no upcalls. */
static void
go_on(const struct save_area *regs)
{
    fine(call_context_write(CONTEXT, (uintptr_t)regs).value, "context_write");
    fine(call_context_resume(CONTEXT).value, "context_resume");
    while (context_told(CONTEXT).phase != CONTEXT_STOPPED)
        call_yield(CONTEXT);
    hold(context_told(CONTEXT).cause == CAUSE_DEPTH, "it ends by its own fault");
    hold(context_told(CONTEXT).save.rsp == regs->rsp, "with the stack that it had");
}

/* A resume to addresses that are nobody's: refused, or what happens is the context's own. */
static void
wild_resumes(void)
{
    static const uint64_t places[] = {0x0000800000000000, 0x8000000000000000, 0xffff7fffffffffff,
                                      0xffff800000000000, 0xffffffff80100000, 0xffffffffffffffff};
    struct context_start start = {.rip = FRAME_BYTES, .stop_slot = SLOT_NOTHING};

    for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct save_area good = {.rip = (uintptr_t)trap_at_once, .rsp = FRAME_BYTES}, bad = good;

        start.vector_frame = frame_new();
        fine(call_context_make(SLOT_ENV, frame_new(), CONTEXT, (uintptr_t)&start).value,
             "context_make");
        fine(call_context_stop(CONTEXT).value, "context_stop");
        bad.rip = places[i];
        refuse(call_context_write(CONTEXT, (uintptr_t)&bad).value, E_INVAL, "a resume there");
        bad = good;
        bad.fs_base = bad.gs_base = places[i];
        if (places[i] < KERNEL_DIRECT)
            refuse(call_context_write(CONTEXT, (uintptr_t)&bad).value, E_INVAL, "such a base");
        good.rsp = places[i];
        go_on(&good);
        call_slot_clear(SLOT_SLOTS, CONTEXT);
    }
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    last_page();
    page_beyond();
    wild_jumps();
    wild_starts();
    wild_resumes();
    return done();
}
