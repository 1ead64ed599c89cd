/* SPDX-License-Identifier: MIT */
/* raw.S - upcalls without libos/exo (raw.h): start, an entry for each kind, the resume sequence. */
#include "test/boot/keep.inc"

    .text
    .globl raw_start
raw_start: /* rdi = start page */
    lea raw_stack_top(%rip), %rsp
    xor %ebp, %ebp
    call raw_enter
    ud2

    .macro entry kind
    .globl raw_entry_\kind
raw_entry_\kind:
    test $0x600, %edi /* the lowest save area lies 0x100 in its page */
    jnz 1f
    REGISTERS_STORE raw_entered
1:
    mov %rdi, %rbx
    mov $\kind, %esi
    xor %ebp, %ebp
    call raw_upcall
    mov %rbx, %rax
    lea raw_page + 256(%rip), %rcx
    sub %rcx, %rax
    lea raw_resume_start(%rip), %rcx
    add %rcx, %rax
    jmp *%rax
    .endm
    entry 0
    entry 1
    entry 2
    entry 3
    entry 4
    entry 5

    /* Level k in the k'th 256 bytes. Only depth is written, and every register is still in the area. */
    .macro resume level
    .balign 256
    .set area, raw_page + 256 + 256 * \level
    decl raw_page + 4(%rip)
    mov area + 8 * 1(%rip), %rbx
    mov area + 8 * 2(%rip), %rcx
    mov area + 8 * 3(%rip), %rdx
    mov area + 8 * 4(%rip), %rsi
    mov area + 8 * 5(%rip), %rdi
    mov area + 8 * 6(%rip), %rbp
    mov area + 8 * 7(%rip), %r8
    mov area + 8 * 8(%rip), %r9
    mov raw_probe(%rip), %rax
    mov (%rax), %al
    mov area + 8 * 9(%rip), %r10
    mov area + 8 * 10(%rip), %r11
    mov area + 8 * 11(%rip), %r12
    mov area + 8 * 12(%rip), %r13
    mov area + 8 * 13(%rip), %r14
    mov area + 8 * 14(%rip), %r15
    mov area + 8 * 0(%rip), %rax
    lea area + 8 * 20(%rip), %rsp
    popfq
    pop %rsp
    jmp *area + 8 * 18(%rip)
    .endm

    .balign 256
    .globl raw_resume_start, raw_resume_end, raw_beyond
raw_resume_start:
    resume 0
    resume 1
    resume 2
    resume 3
    .balign 256
raw_resume_end:
raw_beyond: /* in the sequence only where a test says that it goes on */
    ud2

    .bss
    .balign 4096
    .globl raw_page, raw_stacks, raw_entered
raw_page:
    .skip 4096
    .skip 4096 /* a guard in space: nothing is kept here */
    .skip 32768
raw_stack_top:
raw_stacks: /* one of 8 KiB a level */
    .skip 32768
raw_entered: /* registers as the last upcall at the lowest level brought them, in the order of struct save_area */
    .skip 8 * 15
    .section .note.GNU-stack, "", @progbits
