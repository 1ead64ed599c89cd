/* SPDX-License-Identifier: MIT */
/*
 * kit.S - running a function so that a trap in it comes back here: kit.c sets rip and rsp of the save
 * area to kit_landing and kit_stack.
 */
    .text
    .globl kit_run, kit_landing
kit_run: /* int kit_run(fn, argument): 0 when it returned, 1 when it trapped */
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, kit_stack(%rip)
    mov %rdi, %rax
    mov %rsi, %rdi
    sub $8, %rsp
    call *%rax
    add $8, %rsp
    xor %eax, %eax
kit_return:
    cld
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
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
