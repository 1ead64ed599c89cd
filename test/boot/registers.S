/* SPDX-License-Identifier: MIT */
/* registers.S - all general registers before and behind a way into the kernel (registers.h). */
#include "test/boot/keep.inc"
#define CALL_EXIT 0x54000014
#define CALL_RETURN 0x54000053

    .text
    .globl registers_run, registers_doors, registers_back
registers_run:
    KEEP
    mov %rsp, stack(%rip)
    rdgsbase %rax
    mov %rax, gs_base(%rip)
    mov %rdi, door(%rip)
    REGISTERS_LOAD registers_in
    jmp *door(%rip)

registers_doors:
    .macro DOOR name, instruction:vararg
    .globl registers_\name
registers_\name:
    \instruction
    jmp registers_back
    .endm
    DOOR syscall, syscall
    DOOR invalid, ud2
    DOOR fault, movabs 0x0000011000000000, %al
    DOOR int80, int $0x80
    .globl registers_spin
registers_spin:
    cmpl $0, registers_over(%rip)
    je registers_spin

registers_back:
    REGISTERS_STORE registers_out
    mov stack(%rip), %rsp
    pushfq
    popq registers_flags(%rip)
    cld
    mov gs_base(%rip), %rax /* lost where a callee dies */
    wrgsbase %rax
    KEPT
    ret

    .globl registers_begin
registers_begin:
    REGISTERS_STORE registers_begun
    jmp registers_began

    .globl registers_serve
registers_serve:
    REGISTERS_STORE registers_arrived
    incq registers_arrivals(%rip)
    mov %rdi, door(%rip)
    REGISTERS_LOAD registers_in
    cmpq $0, door(%rip)
    je 1f
    mov $CALL_RETURN, %eax
    syscall
    ud2
1:  mov $CALL_EXIT, %eax
    syscall
    ud2

    .bss
    .balign 8
    .macro WORDS name, n
    .globl \name
\name:
    .skip 8 * \n
    .endm
    WORDS registers_in, 15
    WORDS registers_out, 15
    WORDS registers_begun, 15
    WORDS registers_arrived, 15
    WORDS registers_flags, 1
    WORDS registers_arrivals, 1
    WORDS registers_over, 1
stack:
    .skip 8
door:
    .skip 8
gs_base:
    .skip 8
    .section .note.GNU-stack, "", @progbits
