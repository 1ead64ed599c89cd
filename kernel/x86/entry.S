/* SPDX-License-Identifier: MIT */
/*
 * entry.S - every way into the kernel and back: calls, foreign calls, exceptions, interrupts.
 *
 * The first page is a template: each processor runs a copy of it that lies CPU_STATE bytes below
 * its own state, so that the paths reach that state relative to rip and no gs base is swapped.
 *
 * Invariants
 *  E1 Interrupts are off from entry to exit (but where idle lets one in).
 *  E2 No register leaves with a kernel value: the last function of a call in C clears them (LAST in
 *     kernel/call.h), and these paths clear theirs.
 *  E3 rcx is canonical at each sysretq: entry addresses are checked when registered, a caller's rip
 *     at the exit itself.
 *  E4 Save areas are written through the kernel's own mapping; depth is read once and bounded.
 */
#include "kernel/x86/layout.h"
#include "call_numbers.inc"

#define STATE(field) entry_template + CPU_STATE + field(%rip)

    .section .text.template, "ax"
    .globl entry_template, entry_template_end
entry_template:
    /* ---- syscall: a kernel call, or a foreign one ---- */
    mov %rsp, STATE(CPU_USER_RSP)
    lea entry_template + CPU_STACK_TOP - 8(%rip), %rsp
    push %rcx
    push %r11
    lea -CALL_BASE(%rax), %ecx
    cmp $CALL_BLOCK, %ecx
    jae entry_foreign
    call *call_table(, %rcx, 8)
    .globl entry_table_site
entry_table_site: /* the four bytes before it are call_table: trace.c */
    pop %r11
    pop %rcx
    bt $47, %rcx
    jc entry_beyond
    mov STATE(CPU_USER_RSP), %rsp
    sysretq

    /* USER_TOP ends a page below the edge, so no `syscall` can lead here: our bug if it does (E3). */
entry_beyond:
    mov $trap_beyond, %rax
    jmp *%rax

    /* A `syscall` of somebody else's numbers: registers into the save area, on to the library. */
entry_foreign:
    mov STATE(CPU_CONTEXT), %rcx
    push %rax
    mov CONTEXT_PAGE(%rcx), %r11
    mov PAGE_DEPTH(%r11), %eax
    cmp $4, %eax
    .globl entry_depth_site
entry_depth_site: /* the byte before it is that 4: trace.c */
    jae entry_foreign_full
    incl PAGE_DEPTH(%r11)
    shl $8, %eax
    lea PAGE_SAVE(%r11, %rax), %r11
    mov %rdi, SAVE_RDI(%r11)
    mov CONTEXT_PAGE_VA(%rcx), %rdi
    lea PAGE_SAVE(%rdi, %rax), %rdi
    mov %rbx, SAVE_RBX(%r11)
    mov %rdx, SAVE_RDX(%r11)
    mov %rsi, SAVE_RSI(%r11)
    mov %rbp, SAVE_RBP(%r11)
    mov %r8, SAVE_R8(%r11)
    mov %r9, SAVE_R9(%r11)
    mov %r10, SAVE_R10(%r11)
    mov %r12, SAVE_R12(%r11)
    mov %r13, SAVE_R13(%r11)
    mov %r14, SAVE_R14(%r11)
    mov %r15, SAVE_R15(%r11)
    popq SAVE_RAX(%r11)
    popq SAVE_RFLAGS(%r11)
    popq SAVE_RIP(%r11)
    mov STATE(CPU_USER_RSP), %rdx
    mov %rdx, SAVE_RSP(%r11)
    movq $0x100, SAVE_VECTOR(%r11) /* VECTOR_FOREIGN */
    movq $SEL_USER_CODE, SAVE_CS(%r11)
    movq $SEL_USER_DATA, SAVE_SS(%r11)
    mov CONTEXT_STACK(%rcx, %rax), %rsp
    mov CONTEXT_ENTRY + 16(%rcx), %rcx /* UPCALL_FOREIGN */
    mov $FLAGS_UPCALL, %r11d
    sysretq

entry_foreign_full:
    mov $foreign_full, %rcx
    jmp *%rcx
entry_template_end:

    .text

    /* Registers into the current context's own area. In: rsp -> vector, error, rip, cs, rflags, rsp, ss. */
.macro SAVE_CONTEXT
    push %rcx
    mov %rsp, %rcx
    and $-CPU_BLOCK, %rcx
    mov CPU_STATE + CPU_CONTEXT(%rcx), %rcx
    add $CONTEXT_REGS, %rcx
    mov %rax, SAVE_RAX(%rcx)
    mov %rbx, SAVE_RBX(%rcx)
    mov %rdx, SAVE_RDX(%rcx)
    mov %rsi, SAVE_RSI(%rcx)
    mov %rdi, SAVE_RDI(%rcx)
    mov %rbp, SAVE_RBP(%rcx)
    mov %r8, SAVE_R8(%rcx)
    mov %r9, SAVE_R9(%rcx)
    mov %r10, SAVE_R10(%rcx)
    mov %r11, SAVE_R11(%rcx)
    mov %r12, SAVE_R12(%rcx)
    mov %r13, SAVE_R13(%rcx)
    mov %r14, SAVE_R14(%rcx)
    mov %r15, SAVE_R15(%rcx)
    popq SAVE_RCX(%rcx)
    popq SAVE_VECTOR(%rcx)
    popq SAVE_ERROR(%rcx)
    popq SAVE_RIP(%rcx)
    popq SAVE_CS(%rcx)
    popq SAVE_RFLAGS(%rcx)
    popq SAVE_RSP(%rcx)
    popq SAVE_SS(%rcx)
.endm

    /* Back to what SAVE_CONTEXT saved. In: rdi = save area in kernel memory, checked by C. */
    .globl regs_resume
regs_resume:
    pushq SAVE_SS(%rdi)
    pushq SAVE_RSP(%rdi)
    pushq SAVE_RFLAGS(%rdi)
    pushq SAVE_CS(%rdi)
    pushq SAVE_RIP(%rdi)
    mov SAVE_RAX(%rdi), %rax
    mov SAVE_RBX(%rdi), %rbx
    mov SAVE_RCX(%rdi), %rcx
    mov SAVE_RDX(%rdi), %rdx
    mov SAVE_RSI(%rdi), %rsi
    mov SAVE_RBP(%rdi), %rbp
    mov SAVE_R8(%rdi), %r8
    mov SAVE_R9(%rdi), %r9
    mov SAVE_R10(%rdi), %r10
    mov SAVE_R11(%rdi), %r11
    mov SAVE_R12(%rdi), %r12
    mov SAVE_R13(%rdi), %r13
    mov SAVE_R14(%rdi), %r14
    mov SAVE_R15(%rdi), %r15
    mov SAVE_RDI(%rdi), %rdi
    iretq

    /* No save area left for a foreign call: rsp -> rax, r11, rcx of the caller. */
foreign_full:
    pop %rax
    pop %r11
    pop %rcx
    push $SEL_USER_DATA
    push %rcx /* overwritten below: the user's rsp, once a register is free */
    push %r11
    push $SEL_USER_CODE
    push %rcx
    push $0
    push $0x100
    push %rax
    mov %rsp, %rax
    and $-CPU_BLOCK, %rax
    mov CPU_STATE + CPU_USER_RSP(%rax), %rax
    mov %rax, 48(%rsp)
    pop %rax
    SAVE_CONTEXT
    call trap_slow

    /*
     * Calls that may switch away: the caller's registers are saved, then the call runs as any
     * other. In: as from call_table, the caller's r11 and rcx above the return address.
     */
.macro ENTER_SAVING to:vararg
    mov %rsp, %rax
    and $-CPU_BLOCK, %rax
    mov CPU_STATE + CPU_USER_RSP(%rax), %r11
    mov CPU_STATE + CPU_CONTEXT(%rax), %rax
    add $CONTEXT_REGS, %rax
    mov %r11, SAVE_RSP(%rax)
    lea CALL_BASE(%rcx), %r11
    mov %r11, SAVE_RAX(%rax)
    mov %rbx, SAVE_RBX(%rax)
    mov %rdx, SAVE_RDX(%rax)
    mov %rsi, SAVE_RSI(%rax)
    mov %rdi, SAVE_RDI(%rax)
    mov %rbp, SAVE_RBP(%rax)
    mov %r8, SAVE_R8(%rax)
    mov %r9, SAVE_R9(%rax)
    mov %r12, SAVE_R12(%rax)
    mov %r13, SAVE_R13(%rax)
    mov %r14, SAVE_R14(%rax)
    mov %r15, SAVE_R15(%rax)
    mov 8(%rsp), %r11
    mov %r11, SAVE_RFLAGS(%rax)
    mov 16(%rsp), %r11
    mov %r11, SAVE_RIP(%rax)
    movq $SEL_USER_CODE, SAVE_CS(%rax)
    movq $SEL_USER_DATA, SAVE_SS(%rax)
    xor %r11d, %r11d
    mov %r11, SAVE_RCX(%rax)
    mov %r11, SAVE_R10(%rax)
    mov %r11, SAVE_R11(%rax)
    mov %r11, SAVE_VECTOR(%rax)
    xor %r10d, %r10d
    jmp \to
.endm
    .globl call_enter_saving, call_enter_saving_traced
call_enter_saving:
    ENTER_SAVING *call_saving_table(, %rcx, 8)
call_enter_saving_traced:
    ENTER_SAVING call_traced

    /* A call that entry code settles itself, recorded first: all its registers are arguments. */
    .globl call_enter_traced
call_enter_traced:
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    mov %rdi, %rsi
    mov %rcx, %rdi
    call call_traced_begin
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    jmp *call_table(, %rcx, 8)

    /*
     * An exception: rsp -> vector, error, rip, cs, rflags, rsp, ss. From a library it goes to the
     * library's handler; what is out of the ordinary is trap_slow's.
     */
.macro EXCEPTION entry
    testb $3, 24(%rsp)
    jz trap_in_kernel
    push %rax
    push %rcx
    push %rdx
    mov CPU_STATE + CPU_CONTEXT - (CPU_STACK_TOP - 80)(%rsp), %rcx /* from a user the stack is empty */
    mov CONTEXT_PAGE(%rcx), %rax
    mov 40(%rsp), %rdx
    sub CONTEXT_RESUME_START(%rcx), %rdx
    cmp CONTEXT_RESUME_BYTES(%rcx), %rdx
    jb exception_slow
    mov PAGE_DEPTH(%rax), %edx
    cmp $4, %edx
    jae exception_slow
    incl PAGE_DEPTH(%rax)
    shl $8, %edx
    mov %rdi, PAGE_SAVE + SAVE_RDI(%rax, %rdx)
    mov CONTEXT_SAVE_VA(%rcx, %rdx), %rdi
    mov %rbx, PAGE_SAVE + SAVE_RBX(%rax, %rdx)
    mov %rsi, PAGE_SAVE + SAVE_RSI(%rax, %rdx)
    mov %rbp, PAGE_SAVE + SAVE_RBP(%rax, %rdx)
    mov %r8, PAGE_SAVE + SAVE_R8(%rax, %rdx)
    mov %r9, PAGE_SAVE + SAVE_R9(%rax, %rdx)
    mov %r10, PAGE_SAVE + SAVE_R10(%rax, %rdx)
    mov %r11, PAGE_SAVE + SAVE_R11(%rax, %rdx)
    mov %r12, PAGE_SAVE + SAVE_R12(%rax, %rdx)
    mov %r13, PAGE_SAVE + SAVE_R13(%rax, %rdx)
    mov %r14, PAGE_SAVE + SAVE_R14(%rax, %rdx)
    mov %r15, PAGE_SAVE + SAVE_R15(%rax, %rdx)
    popq PAGE_SAVE + SAVE_RDX(%rax, %rdx)
    popq PAGE_SAVE + SAVE_RCX(%rax, %rdx)
    popq PAGE_SAVE + SAVE_RAX(%rax, %rdx)
    popq PAGE_SAVE + SAVE_VECTOR(%rax, %rdx)
    popq PAGE_SAVE + SAVE_ERROR(%rax, %rdx)
    popq PAGE_SAVE + SAVE_RIP(%rax, %rdx)
    popq PAGE_SAVE + SAVE_CS(%rax, %rdx)
    popq PAGE_SAVE + SAVE_RFLAGS(%rax, %rdx)
    popq PAGE_SAVE + SAVE_RSP(%rax, %rdx)
    popq PAGE_SAVE + SAVE_SS(%rax, %rdx)
    .if \entry == 1 /* UPCALL_FAULT */
    mov %cr2, %r11
    mov %r11, PAGE_SAVE + SAVE_ADDRESS(%rax, %rdx)
    .endif
    mov CONTEXT_STACK(%rcx, %rdx), %rsp
    mov CONTEXT_ENTRY + 8 * \entry(%rcx), %rcx
    mov $FLAGS_UPCALL, %r11d
    xor %eax, %eax
    sysretq
.endm

exception_traced:
    testb $3, 24(%rsp)
    jz trap_in_kernel
    jmp exception_save

exception_slow:
    pop %rdx
    pop %rcx
    pop %rax
exception_save:
    SAVE_CONTEXT
    call trap_slow

trap_in_kernel:
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    call trap_kernel /* returns only for a fault at an address of the caller (usercopy) */
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    iretq

    /* One stub a vector, STUB_BYTES apart. Those with a processor's error code push none. */
.macro STUB number, has_error
    .balign STUB_BYTES
    clac
    cld
    .if \has_error == 0
    push $0
    .endif
    push $\number
    EXCEPTION 0
.endm

    .balign STUB_BYTES
    .globl exception_stubs
exception_stubs:
    STUB 0, 0
    STUB 1, 0
    STUB 2, 0
    STUB 3, 0
    STUB 4, 0
    STUB 5, 0
    STUB 6, 0
    STUB 7, 0
    STUB 8, 1
    STUB 9, 0
    STUB 10, 1
    STUB 11, 1
    STUB 12, 1
    STUB 13, 1
    .balign STUB_BYTES
    jmp page_fault
    STUB 15, 0
    STUB 16, 0
    STUB 17, 1
    STUB 18, 0
    STUB 19, 0
    STUB 20, 0
    STUB 21, 1

    .balign STUB_BYTES
    .globl page_fault
page_fault:
    clac
    cld
    push $14
    EXCEPTION 1

    /* int $0x80: a foreign call by another door; rip is already behind it. */
    .globl int80_entry
int80_entry:
    clac
    cld
    push $0
    push $0x80
    EXCEPTION 2

    /* Where upcalls are recorded every exception goes the long way. Those with an error code push none. */
.macro TRACED_STUB number, has_error
    .balign TRACED_STUB_BYTES
    clac
    cld
    .if \has_error == 0
    push $0
    .endif
    push $\number
    jmp exception_traced
.endm

    .balign TRACED_STUB_BYTES
    .globl exception_stubs_traced, int80_traced
exception_stubs_traced:
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7
    TRACED_STUB \number, 0
    .endr
    TRACED_STUB 8, 1
    TRACED_STUB 9, 0
    .irp number, 10, 11, 12, 13, 14
    TRACED_STUB \number, 1
    .endr
    TRACED_STUB 15, 0
    TRACED_STUB 16, 0
    TRACED_STUB 17, 1
    .irp number, 18, 19, 20
    TRACED_STUB \number, 0
    .endr
    TRACED_STUB 21, 1
int80_traced:
    TRACED_STUB 0x80, 0

    /*
     * NMI, #DF, #MC and a #DB in the kernel come on stacks of their own. What they interrupted in
     * a library is saved like any other; in the kernel trap_kernel decides.
     */
.macro OWN_STACK name, number, has_error
    .globl \name
\name:
    clac
    cld
    .if \has_error == 0
    push $0
    .endif
    push $\number
    testb $3, 24(%rsp)
    jz trap_in_kernel
    SAVE_CONTEXT
    call trap_own_stack
.endm
    OWN_STACK debug_entry, 1, 0
    OWN_STACK nmi_entry, 2, 0
    OWN_STACK double_entry, 8, 1
    OWN_STACK check_entry, 18, 0

    /* Interrupts: from a library, or from idle. */
.macro INTERRUPT name, number
    .globl \name
\name:
    clac
    cld
    push $0
    push $\number
    jmp interrupt_common
.endm
    INTERRUPT timer_entry, 0x40
    INTERRUPT console_entry, 0x41
    INTERRUPT request_entry, 0x42
    INTERRUPT spurious_entry, 0xff

interrupt_common:
    testb $3, 24(%rsp)
    jz interrupt_idle
    SAVE_CONTEXT
    call trap_interrupt

interrupt_idle:
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    mov 72(%rsp), %rdi
    call trap_interrupt_idle
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    iretq

    /*
     * copy_bytes(rdi to, rsi from, rdx n): one side is the caller's. Returns 0, or the address that
     * was absent. 8 bytes a step; a fault at either instruction resumes at copy_failed.
     */
    .globl copy_bytes
copy_bytes:
    mov %rdx, %rcx
    shr $3, %rcx
    stac
copy_words:
    rep movsq
    mov %edx, %ecx
    and $7, %ecx
copy_tail:
    rep movsb
    clac
    xor %eax, %eax
    xor %edx, %edx
    ret
copy_failed:
    clac
    mov %cr2, %rax
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    ret
    .section .fixup, "a"
    .quad copy_words, copy_failed
    .quad copy_tail, copy_failed

    .section .note.GNU-stack, "", @progbits
