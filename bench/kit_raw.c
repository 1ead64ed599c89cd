/* SPDX-License-Identifier: MIT */
/*
 * kit_raw.c - what the kernel alone does of an upcall: a second context of ours registers an entry
 * that is the handler itself, so that nothing of libos/exo comes before its first instruction. It
 * measures, and ends; it calls nothing that looks at gs.
 */
#include <stddef.h>
#include "abi/cap.h"
#include "bench/kit.h"
#include "bench/spans.h"
#include "libos/exo/exo.h"
#include "call_stubs.h"

enum { SLOT_RAW = 60, STACK_BYTES = 16 << 10 };

void raw_handler(void);
extern uint8_t raw_page[FRAME_BYTES]; /* the context's upcall page */

/* Stamps, steps over the two bytes of ud2, and goes back: the span wants no other register. */
__asm__(".globl raw_handler, raw_page\n"
        "raw_handler:\n\t"
        "rdtsc\n\t"
        "shl $32, %rdx\n\t"
        "or %rdx, %rax\n\t"
        "mov %rax, span_handler_tsc(%rip)\n\t"
        "movl $0, raw_page+4(%rip)\n\t"
        "mov 144(%rdi), %rax\n\t"
        "mov 168(%rdi), %rsp\n\t"
        "add $2, %rax\n\t"
        "jmp *%rax\n\t"
        ".bss\n\t"
        ".balign 4096\n"
        "raw_page: .skip 4096\n\t"
        ".text");
_Static_assert(SPAN_UD2_BYTES == 2, "raw_handler");
_Static_assert(offsetof(struct upcall_page, depth) == 4, "raw_handler");
_Static_assert(offsetof(struct save_area, rip) == 144 && offsetof(struct save_area, rsp) == 168,
               "raw_handler");

static uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));
static uint8_t upcall_stack[STACK_BYTES] __attribute__((aligned(16)));
static uint64_t raw_exception; /* 0: not measured */

static int64_t
raw_upcalls(void)
{
    uint64_t page;
    struct upcall_setup setup = {
        .va = (uintptr_t)raw_page,
        .entry = {[UPCALL_EXCEPTION] = (uintptr_t)raw_handler,
                  [UPCALL_FAULT] = (uintptr_t)raw_handler,
                  [UPCALL_FOREIGN] = (uintptr_t)raw_handler},
        .events_slot = SLOT_NOTHING,
    };

    raw_page[0] = 0; /* it is there */
    if (space_read(&exo_space, setup.va, &page, 1))
        return -1;
    setup.frame = page >> FRAME_SHIFT;
    for (int i = 0; i < UPCALL_DEPTH_MAX; i++)
        setup.stack[i] = (uintptr_t)upcall_stack + STACK_BYTES - 8;
    return call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&setup).value;
}

static void
raw_main(void)
{
    if (raw_upcalls() >= 0)
        raw_exception = span_measure(span_illegal_enter, 0, 0);
    for (;;)
        call_context_exit(0);
}

int
raw_print(void)
{
    struct context_start start = {.rip = (uintptr_t)raw_main,
                                  .rsp = (uintptr_t)stack + STACK_BYTES - 8,
                                  .stop_slot = SLOT_NOTHING};
    uint64_t frame[2];

    if (pool_take_all(&exo_pool, frame, 2) < 0)
        return -1;
    start.vector_frame = frame[1];
    if (call_context_make(SLOT_ENV, frame[0], SLOT_RAW, (uintptr_t)&start).value < 0)
        return -1;
    for (int i = 0; i < SPAN_ROUNDS && !raw_exception; i++)
        if (call_yield(SLOT_RAW).value < 0)
            return -1;
    return raw_exception ? value_print("exception", raw_exception) : -1;
}
