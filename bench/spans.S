/* SPDX-License-Identifier: MIT */
/*
 * spans.S - the measured spans, the same instructions on both systems (kit.c, kit_linux.c).
 *
 * uint64_t span_x(uint64_t argument): rdtsc, four instructions that bring the argument to rax and
 * the stamp to rbx, then what is measured, then rdtsc: its stamp less the first. span_empty measures
 * nothing, so the difference to it is what is measured alone. A span called _enter ends where the
 * handler of the trap, whose first instruction is rdtsc, stamped span_handler_tsc.
 */
    .text
.macro BEGIN first=0, second=0
    push %rbx
    push %r12
    mov %rdi, %r12
    .ifnc \first, 0
    mov \first, %rdi
    mov \second, %rsi
    .endif
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, %rbx
    mov %r12, %rax
.endm

.macro END_HERE
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    sub %rbx, %rax
    pop %r12
    pop %rbx
    ret
.endm

.macro END_AT_HANDLER
    mov span_handler_tsc(%rip), %rax
    sub %rbx, %rax
    pop %r12
    pop %rbx
    ret
.endm

.macro SPAN name
    .globl \name
    .balign 16
\name:
    BEGIN
.endm

    SPAN span_empty
    END_HERE

/* The argument is the call's number. */
    SPAN span_call
    syscall
    END_HERE

/* The same with two arguments, which lie in span_arguments. */
    .globl span_call_with
    .balign 16
span_call_with:
    BEGIN span_arguments(%rip), span_arguments+8(%rip)
    syscall
    END_HERE

    SPAN span_call_enter
    syscall
    END_AT_HANDLER

/*
 * The argument is a word of abi/transfer.h; the callee begins with transfer_stamp below, in memory of
 * its own, and answers with its stamp. All else comes back as it was.
 */
    SPAN span_transfer_enter
    syscall
    mov %rdi, %rax
    sub %rbx, %rax
    pop %r12
    pop %rbx
    ret

    .globl transfer_stamp
transfer_stamp:
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, %rdi
    mov $0x54000053, %eax /* CALL_BASE + CALL_transfer_return */
    syscall

/* An instruction of two bytes that no processor knows. */
    SPAN span_illegal_enter
    ud2
    END_AT_HANDLER

/* A store of three bytes to the address that is the argument. */
    SPAN span_store
    movb $1, (%rax)
    END_HERE

    SPAN span_store_enter
    movb $1, (%rax)
    END_AT_HANDLER

    .data
    .balign 8
    .globl span_handler_tsc, span_arguments
span_handler_tsc:
    .quad 0
span_arguments:
    .quad 0, 0
    .section .note.GNU-stack, "", @progbits
