/* SPDX-License-Identifier: MIT */
/*
 * transfer.S - protected control transfer and its return. Reached from entry.S through call_table, with
 * the caller's rip and flags on the stack above the return address, its rsp in the processor's block.
 */
#include "kernel/x86/layout.h"

    .text
    .globl transfer_enter
transfer_enter:
    /* All registers of the current context into its own area; the rest is transfer_slow's. */
    mov %rsp, %rcx
    and $-CPU_BLOCK, %rcx
    mov CPU_STATE + CPU_USER_RSP(%rcx), %r11
    mov CPU_STATE + CPU_CONTEXT(%rcx), %rcx
    add $CONTEXT_REGS, %rcx
    mov %r11, SAVE_RSP(%rcx)
    mov %rax, SAVE_RAX(%rcx)
    mov %rbx, SAVE_RBX(%rcx)
    mov %rdx, SAVE_RDX(%rcx)
    mov %rsi, SAVE_RSI(%rcx)
    mov %rdi, SAVE_RDI(%rcx)
    mov %rbp, SAVE_RBP(%rcx)
    mov %r8, SAVE_R8(%rcx)
    mov %r9, SAVE_R9(%rcx)
    mov %r10, SAVE_R10(%rcx)
    mov %r12, SAVE_R12(%rcx)
    mov %r13, SAVE_R13(%rcx)
    mov %r14, SAVE_R14(%rcx)
    mov %r15, SAVE_R15(%rcx)
    add $8, %rsp
    popq SAVE_RFLAGS(%rcx)
    popq SAVE_RIP(%rcx)
    movq $SEL_USER_CODE, SAVE_CS(%rcx)
    movq $SEL_USER_DATA, SAVE_SS(%rcx)
    xor %r11d, %r11d
    mov %r11, SAVE_RCX(%rcx)
    mov %r11, SAVE_R11(%rcx)
    mov %r11, SAVE_VECTOR(%rcx)
    mov %rax, %rdi
    xor %ebp, %ebp
    call transfer_slow

    .section .note.GNU-stack, "", @progbits
