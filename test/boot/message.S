/* SPDX-License-Identifier: MIT */
/*
 * message.S - a transfer with every register of its message chosen and looked at (message.h). The order
 * of the words is rdi rsi rdx r8 r9 r10 rbx rbp r12 r13 r14 r15.
 */
#include "test/boot/keep.inc"

    .text
/* int64_t message_send(uint64_t word, uint64_t message[12]): rax as it came back. */
    .globl message_send
message_send:
    KEEP
    rdgsbase %rcx /* lost where the callee dies */
    push %rcx
    push %rsi
    mov %rdi, %rax
    mov %rsi, %rcx
    mov 0(%rcx), %rdi
    mov 8(%rcx), %rsi
    mov 16(%rcx), %rdx
    mov 24(%rcx), %r8
    mov 32(%rcx), %r9
    mov 40(%rcx), %r10
    mov 48(%rcx), %rbx
    mov 56(%rcx), %rbp
    mov 64(%rcx), %r12
    mov 72(%rcx), %r13
    mov 80(%rcx), %r14
    mov 88(%rcx), %r15
    syscall
    pushfq
    mov %rcx, message_left(%rip)
    mov %r11, message_left + 8(%rip)
    popq message_left + 16(%rip)
    pop %rcx
    mov %rdi, 0(%rcx)
    mov %rsi, 8(%rcx)
    mov %rdx, 16(%rcx)
    mov %r8, 24(%rcx)
    mov %r9, 32(%rcx)
    mov %r10, 40(%rcx)
    mov %rbx, 48(%rcx)
    mov %rbp, 56(%rcx)
    mov %r12, 64(%rcx)
    mov %r13, 72(%rcx)
    mov %r14, 80(%rcx)
    mov %r15, 88(%rcx)
    pop %rcx
    wrgsbase %rcx
    KEPT
    ret

/* int64_t message_send_all(uint64_t word, uint64_t message[12], uint64_t more[5]): xmm0, xmm15, fs base too. */
    .globl message_send_all
message_send_all:
    push %rbx
    rdfsbase %rax
    push %rax
    push %rdx
    movups (%rdx), %xmm0
    movups 16(%rdx), %xmm15
    mov 32(%rdx), %rax
    wrfsbase %rax
    call message_send
    pop %rdx
    movups %xmm0, (%rdx)
    movups %xmm15, 16(%rdx)
    rdfsbase %rcx
    mov %rcx, 32(%rdx)
    pop %rcx
    wrfsbase %rcx
    pop %rbx
    ret

/* void message_more(void): all bits of xmm0 and xmm15 turned over, fs base 4096 more. */
    .globl message_more
message_more:
    pcmpeqd %xmm1, %xmm1
    pxor %xmm1, %xmm0
    pxor %xmm1, %xmm15
    rdfsbase %rax
    add $4096, %rax
    wrfsbase %rax
    ret

/* Where an activation begins: message_serve(message, identity, flags), then back with the message. */
    .globl message_entry
message_entry:
    pushfq
    pop %rcx
    push %r15
    push %r14
    push %r13
    push %r12
    push %rbp
    push %rbx
    push %r10
    push %r9
    push %r8
    push %rdx
    push %rsi
    push %rdi
    mov %rsp, %rdi
    mov %rax, %rsi
    mov %rcx, %rdx
    mov %rsp, %rbx
    and $-16, %rsp
    call message_serve
    mov %rbx, %rsp
    mov message_return_word(%rip), %rax
    pop %rdi
    pop %rsi
    pop %rdx
    pop %r8
    pop %r9
    pop %r10
    pop %rbx
    pop %rbp
    pop %r12
    pop %r13
    pop %r14
    pop %r15
    syscall
    ud2

    .data
    .balign 8
    .globl message_left
message_left: /* rcx, r11 and flags behind the call */
    .quad 0, 0, 0
    .section .note.GNU-stack, "", @progbits
