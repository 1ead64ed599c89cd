/* SPDX-License-Identifier: MIT */
/*
 * crt0.S - the first instruction of a library OS, where its upcalls arrive, and how it resumes.
 *
 * Invariants
 *  R1 Between exo_resume_start and exo_resume_end rsp points into the save area being restored, and
 *     nothing there writes to it: an upcall that hits the sequence finds every register still in the
 *     area and is redelivered on it.
 *  R2 depth is lowered only in there. Lowered before, the next upcall would overwrite the area;
 *     an upcall behind it sets depth to this area's level + 1 again.
 * Layout: save_area of abi/x86/save.h, whose offsets libos/exo/upcall.c asserts.
 */
    .text
    .globl _start
_start: /* rdi = boot page or start page */
    lea exo_stack_top(%rip), %rsp
    xor %ebp, %ebp
    call exo_start
    ud2

/* An upcall: rdi = its save area, rsp = the stack of its depth; rbx survives the handler. */
    .macro upcall name, handler
    .globl \name
\name:
    mov %rdi, %rbx
    xor %ebp, %ebp
    call *\handler(%rip)
    mov %rbx, %rdi
    jmp exo_resume
    .endm

    upcall exo_upcall_exception, exo_on_exception
    upcall exo_upcall_event, exo_on_event

/* void exo_resume(struct save_area *): continue what was interrupted there. */
    .globl exo_resume
exo_resume:
    mov %rdi, %rsp
    jmp exo_resume_start

/* Foreign calls and faults come most often: they fall into the sequence by the shortest way. */
    .globl exo_upcall_fault
exo_upcall_fault:
    mov %rdi, %rbx
    call *exo_on_fault(%rip)
    mov %rbx, %rsp
    jmp exo_resume_start

    .globl exo_upcall_foreign
exo_upcall_foreign:
    mov %rdi, %rbx
    call *exo_on_foreign(%rip)
    mov %rbx, %rsp

    .globl exo_resume_start, exo_resume_end
exo_resume_start:
    decl exo_upcall_page + 4(%rip) /* depth */
    pop %rax
    pop %rbx
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    pop %rbp
    pop %r8
    pop %r9
    pop %r10
    pop %r11
    pop %r12
    pop %r13
    pop %r14
    pop %r15
    lea 24(%rsp), %rsp /* address, vector, error */
    iretq
exo_resume_end:

    .bss
    .balign 4096
    .globl exo_upcall_page
exo_upcall_page:
    .skip 4096
    .skip 32768
exo_stack_top:
    .section .note.GNU-stack, "", @progbits
