/* SPDX-License-Identifier: MIT */
/*
 * kit.c - lengths of the kernel's short paths, in guest instructions, and when it was begun. A
 * library OS on libos/exo. Prints `name value` lines; what kit_linux.c is on the other side.
 *
 * Under -icount shift=0 on one processor rdtsc counts guest instructions. The handlers are set as
 * any library OS sets them, so what libos/exo does before a handler is part of the figure.
 */
#include <stddef.h>
#include "bench/spans.h"
#include "lib/format.h"
#include "libos/exo/exo.h"
#include "libos/exo/invoke.h"

enum { FOREIGN_CALL = 1023 };

/* Written by the assembly below or read by it: the first stamp, and how far the handler steps. */
extern uint64_t kit_begun_tsc, kit_step;
void kit_handler(struct save_area *save);
_Static_assert(offsetof(struct save_area, rip) == 144, "kit_handler adds to it");

/* The entry point, which stamps before all else, and the handler of every upcall. */
__asm__(".globl kit_start\n"
        "kit_start:\n\t"
        "rdtsc\n\t"
        "shl $32, %rdx\n\t"
        "or %rdx, %rax\n\t"
        "mov %rax, kit_begun_tsc(%rip)\n\t"
        "jmp _start\n"
        ".globl kit_handler\n"
        "kit_handler:\n\t"
        "rdtsc\n\t"
        "shl $32, %rdx\n\t"
        "or %rdx, %rax\n\t"
        "mov %rax, span_handler_tsc(%rip)\n\t"
        "mov kit_step(%rip), %rax\n\t"
        "add %rax, 144(%rdi)\n\t"
        "ret\n\t"
        ".data\n\t"
        ".balign 8\n"
        "kit_begun_tsc: .quad 0\n"
        "kit_step: .quad 0\n\t"
        ".globl kit_begun_tsc, kit_step\n\t"
        ".text");

static int
value_print(const char *name, uint64_t value)
{
    char line[80];

    format(line, sizeof line, "%s %lu\n", name, value);
    return console_print(line);
}

static int
path_print(const char *name, uint64_t (*span)(uint64_t), uint64_t argument, uint64_t step)
{
    kit_step = step;
    return value_print(name, span_measure(span, argument, 0));
}

int
exo_main(const struct start_page *start)
{
    uint64_t absent = room_take(1);
    int error = value_print("begun", kit_begun_tsc);

    (void)start;
    exo_on_exception = exo_on_fault = exo_on_foreign = kit_handler;
    error |= path_print("null_call", span_call, CALL_BASE + CALL_null, 0);
    error |= path_print("foreign_call", span_call_enter, FOREIGN_CALL, 0);
    error |= path_print("exception", span_illegal_enter, 0, SPAN_UD2_BYTES);
    error |= path_print("page_fault_enter", span_store_enter, absent, SPAN_STORE_BYTES);
    error |= path_print("page_fault_resume", span_store, absent, SPAN_STORE_BYTES);
    return error < 0;
}
