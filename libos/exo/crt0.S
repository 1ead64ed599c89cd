/* SPDX-License-Identifier: MIT */
/*
 * crt0.S - the first instruction of a library OS, where its upcalls arrive, and how it resumes.
 *
 * Invariants
 *  R1 Nothing between exo_resume_start and exo_resume_end writes to the save area being restored: an
 *     upcall there finds every register still in the area and is redelivered on it.
 *  R2 depth is lowered only in there. Lowered before, the next upcall would overwrite the area;
 *     an upcall behind it sets depth to this area's level + 1 again.
 * Layout: save_area of abi/x86/save.h, whose offsets libos/exo/upcall.c asserts. No `iretq`: see there.
 */
#include "libos/exo/layout.h"

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
    lea exo_resume_distance(%rbx), %rax
    jmp *%rax
    .endm

    /*
     * The same for those that nothing holds back: they may come while gs is whatever a peer left there
     * (rpc.h). The context's page is the one that the save area lies in; behind the handler gs is as it was.
     */
    .macro upcall_any name, handler
    .globl \name
\name:
    mov %rdi, %rbx
    xor %ebp, %ebp
    rdgsbase %rax
    xor %rdi, %rax
    test $-4096, %rax
    jnz 1f
    call *\handler(%rip)
    lea exo_resume_distance(%rbx), %rax
    jmp *%rax
1:  rdgsbase %r12
    mov %rdi, %rax
    and $-4096, %rax
    wrgsbase %rax
    call *\handler(%rip)
    wrgsbase %r12
    lea exo_resume_distance(%rbx), %rax
    jmp *%rax
    .endm

    upcall_any exo_upcall_exception, exo_on_exception
    upcall_any exo_upcall_fault, exo_on_fault
    upcall exo_upcall_foreign, exo_on_foreign
    upcall exo_upcall_event, exo_on_event
    upcall exo_upcall_revoke, exo_revoke_comes

    /* Upcalls that were held back have been found on the way back: as if they came now. */
exo_pending:
    mov %rdi, %rbx
    xor %ebp, %ebp
    call exo_take_pending
    lea exo_resume_distance(%rbx), %rax
    jmp *%rax

/* void exo_resume(struct save_area *): continue what was interrupted there. */
    .globl exo_resume
exo_resume:
    lea exo_resume_distance(%rdi), %rax
    jmp *%rax

    /*
     * From the lowest level what is pending is looked for, in the only place where nothing can be
     * missed: an upcall from here on is redelivered (R1). One subtraction tells: behind depth lies
     * pending, which only this processor sets while we run, since each that can be held back has an
     * entry (upcall.c). What is still masked stays pending for who masked it.
     */
    .macro resume level
    .balign 256
    .set area, exo_upcall_page + 256 + 256 * \level
resume_\level:
    .if \level == 0
    decq exo_upcall_page + PAGE_DEPTH(%rip)
    jnz pending_found
resume_go_on:
    .else
    decl exo_upcall_page + PAGE_DEPTH(%rip)
    .endif
    mov area + 8 * 0(%rip), %rax
    mov area + 8 * 1(%rip), %rbx
    mov area + 8 * 2(%rip), %rcx
    mov area + 8 * 3(%rip), %rdx
    mov area + 8 * 4(%rip), %rsi
    mov area + 8 * 5(%rip), %rdi
    mov area + 8 * 6(%rip), %rbp
    mov area + 8 * 7(%rip), %r8
    mov area + 8 * 8(%rip), %r9
    mov area + 8 * 9(%rip), %r10
    mov area + 8 * 10(%rip), %r11
    mov area + 8 * 11(%rip), %r12
    mov area + 8 * 12(%rip), %r13
    mov area + 8 * 13(%rip), %r14
    mov area + 8 * 14(%rip), %r15
    lea area + 8 * 20(%rip), %rsp
    popfq
    pop %rsp
    jmp *area + 8 * 18(%rip) /* rip */
    .if \level == 0
pending_found:
    cmpl $0, exo_upcall_page + HERE_HELD(%rip)
    je 1f
    movl $0, exo_upcall_page + HERE_HELD(%rip)
    andl $~PAGE_EVENT, exo_upcall_page + PAGE_MASK(%rip)
1:  mov exo_upcall_page + PAGE_MASK(%rip), %eax
    not %eax
    test %eax, exo_upcall_page + PAGE_PENDING(%rip)
    jz resume_go_on
    movl $1, exo_upcall_page + PAGE_DEPTH(%rip)
    lea area(%rip), %rdi
    movabs $exo_pending, %rax /* absolute: this page is copied elsewhere (contexts.c) */
    jmp *%rax
    .endif
    .endm

    .balign 1024 /* within a page: libos/exo/context.c maps it again for every context */
    .globl exo_resume_start, exo_resume_end
exo_resume_start:
    resume 0
    resume 1
    resume 2
    resume 3
    .balign 256
exo_resume_end:

    /* Weak, and here: a compiler that sees the value of a constant does not look for another. */
    .section .rodata
    .balign 8
    .weak exo_slice_end_entry
exo_slice_end_entry:
    .quad 0

    .bss
    .balign 4096
    .globl exo_upcall_page, exo_context
exo_upcall_page:
exo_context:
    .skip 4096
    .globl exo_stack_guard
exo_stack_guard: /* unmapped by exo_start: a stack that overflows ends here */
    .skip 4096
    .skip 32768
exo_stack_top:
    .section .note.GNU-stack, "", @progbits
