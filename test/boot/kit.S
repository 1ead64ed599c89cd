/* SPDX-License-Identifier: MIT */
/*
 * kit.S - running a function so that a trap in it comes back here: kit.c sets rip and rsp of the save
 * area to kit_landing and kit_stack.
 */
#include "test/boot/keep.inc"

    .text
    .globl kit_run, kit_landing
kit_run: /* int kit_run(fn, argument): 0 when it returned, 1 when it trapped */
    KEEP
    mov %rsp, kit_stack(%rip)
    mov %rdi, %rax
    mov %rsi, %rdi
    sub $8, %rsp
    call *%rax
    add $8, %rsp
    xor %eax, %eax
kit_return:
    cld
    KEPT
    ret
kit_landing:
    mov $1, %eax
    jmp kit_return

    .globl kit_jump
kit_jump:
    jmp *%rdi

    .bss
    .balign 8
    .globl kit_stack
kit_stack:
    .skip 8
    .section .note.GNU-stack, "", @progbits
