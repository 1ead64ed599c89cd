/* SPDX-License-Identifier: MIT */
/* pass.S - what a transfer passes beside its message (pass.h). rdpkru and wrpkru want ecx = 0. */
#include "test/boot/keep.inc"

    .macro LOOK to
    vmovups %ymm0, (\to)
    vmovups %ymm15, 32(\to)
    rdfsbase %rax
    mov %rax, 64(\to)
    rdgsbase %rax
    mov %rax, 72(\to)
    xor %ecx, %ecx
    rdpkru
    mov %eax, 80(\to)
    stmxcsr 84(\to)
    fnstcw 88(\to)
    .endm

    .macro SET from
    vmovups (\from), %ymm0
    vmovups 32(\from), %ymm15
    mov 64(\from), %rax
    wrfsbase %rax
    mov 72(\from), %rax
    wrgsbase %rax
    xor %ecx, %ecx
    xor %edx, %edx
    mov 80(\from), %eax
    wrpkru
    ldmxcsr 84(\from)
    fldcw 88(\from)
    .endm

    .text
/* int64_t pass_send(uint64_t word, struct pass *p, uint64_t deed) */
    .globl pass_send
pass_send:
    KEEP
    mov %rdi, %r8
    mov %rsi, %r9
    mov %rdx, %rdi
    sub $104, %rsp
    LOOK %rsp
    push %r9
    SET %r9
    mov %r8, %rax
    syscall
    mov %rax, %r8
    pop %r9
    LOOK %r9
    SET %rsp
    add $104, %rsp
    mov %r8, %rax
    KEPT
    ret

/* void pass_look(struct pass *p) */
    .globl pass_look
pass_look:
    LOOK %rdi
    ret

/* void pass_turn(void) */
    .globl pass_turn
pass_turn:
    sub $104, %rsp
    LOOK %rsp
    notq (%rsp)
    notq 8(%rsp)
    notq 16(%rsp)
    notq 24(%rsp)
    notq 32(%rsp)
    notq 40(%rsp)
    notq 48(%rsp)
    notq 56(%rsp)
    addq $4096, 64(%rsp)
    addq $4096, 72(%rsp)
    xorl $0xf0000000, 80(%rsp)
    xorl $(0x9fc0 ^ 0x1f80), 84(%rsp)
    xorw $(0x37f ^ 0xf7f), 88(%rsp)
    SET %rsp
    add $104, %rsp
    ret
    .section .note.GNU-stack, "", @progbits
