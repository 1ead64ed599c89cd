/* SPDX-License-Identifier: MIT */
/*
 * roll.S - to the registers of a dead context, and back from them at the end of its section. There is
 * no red zone below a library's stack pointer (Makefile), so its stack serves for the last step.
 */
#include "libos/exo/layout.h"

    .text
    .globl exo_roll
exo_roll: /* rdi = struct save_area, rsi = the dead one */
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, HERE_ROLLER_RSP(%rsi)
    mov SAVE_GS(%rdi), %rax
    mov SAVE_RSP(%rdi), %rsp
    pushq SAVE_RIP(%rdi)
    pushq SAVE_RFLAGS(%rdi)
    wrgsbase %rax
    mov 8 * 0(%rdi), %rax
    mov 8 * 1(%rdi), %rbx
    mov 8 * 2(%rdi), %rcx
    mov 8 * 3(%rdi), %rdx
    mov 8 * 4(%rdi), %rsi
    mov 8 * 6(%rdi), %rbp
    mov 8 * 7(%rdi), %r8
    mov 8 * 8(%rdi), %r9
    mov 8 * 9(%rdi), %r10
    mov 8 * 10(%rdi), %r11
    mov 8 * 11(%rdi), %r12
    mov 8 * 12(%rdi), %r13
    mov 8 * 13(%rdi), %r14
    mov 8 * 14(%rdi), %r15
    mov 8 * 5(%rdi), %rdi
    popfq
    ret

    .globl exo_roll_return
exo_roll_return: /* rdi = the dead one, which holds no lock any more; its roller goes on */
    mov HERE_ROLLER(%rdi), %rax
    mov HERE_ROLLER_RSP(%rdi), %rsp
    wrgsbase %rax
    movq $0, HERE_ROLLER(%rdi)
    cld
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .section .note.GNU-stack, "", @progbits
