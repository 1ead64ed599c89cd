/* SPDX-License-Identifier: MIT */
/*
 * wall_pass.S - what lies between two accounts (wall.h). As built it returns at once, and each part is jumped
 * over; wall.c takes those two bytes away.
 */
#include "kernel/x86/layout.h"

#define MSR_COMMAND 0x49
#define RETURNS 32

    .macro part name, end
    .globl \name
\name:
    .byte 0xeb, \end - \name - 2 /* jmp, two bytes whatever the distance */
    .endm

    .text
    .globl wall_pass, wall_any
wall_pass:
wall_any:
    ret
    nop
    part wall_branches, 1f
    mov $MSR_COMMAND, %ecx
    mov $1, %eax
    xor %edx, %edx
    wrmsr
1:
    part wall_returns, 4f
    mov $(RETURNS / 2), %ecx
1:  call 2f
    int3 /* speculation ends here */
2:  call 3f
    int3
3:  dec %ecx
    jnz 1b
    add $(8 * RETURNS), %rsp
    lfence
4:
    part wall_buffers, 5f
    push $SEL_KERNEL_DATA
    verw (%rsp)
    add $8, %rsp
5:  ret

    .section .note.GNU-stack, "", @progbits
