/* SPDX-License-Identifier: MIT */
/*
 * transfer.S - protected control transfer and its return. Reached from entry.S through call_table, with
 * the caller's flags, rip and rsp on the stack above the return address.
 *
 * All but rax, rcx and r11 is message and stays in its register. What a call has to check was checked
 * when it was bound, and a revocation clears the slot; so it looks at the slot, takes this
 * processor's activation out of the entry, and that one runs. No lock is taken: see T2, T3 and T7 of
 * kernel/transfer.h and K3 of kernel/cap.h for what is whose. Anything out of the ordinary is undone and left to
 * kernel/transfer.c, which does the whole again under the lock.
 *
 * Invariants
 *  V1 CPU_ROOM is even from before the slot is looked at until after the last look at what another
 *     processor may take away.
 *  V2 nobody may take a context from its place (parked) while this processor stands on its root.
 */
#include "kernel/x86/layout.h"

/* A word of this processor's block: the stack pointer is `pushed` bytes below that of the entry. */
#define HERE(field, pushed) CPU_STATE + field - (CPU_STACK_TOP - 32) + pushed(%rsp)

    /* The look at the slot's kind and right, which the test build can leave out. */
.macro REFUSE to
#ifdef PLANT
    je 1f
    cmpb $0, transfer_unchecked
    je \to
1:
#else
    jne \to
#endif
.endm

    .text
call_undo: /* rax: where the slot lies; inside */
    addl $3, HERE(CPU_ROOM, 0)
    mov HERE(CPU_CONTEXT, 0), %rcx
    sub CONTEXT_SLOTS(%rcx), %rax
call_refuse: /* rax: the slot, shifted */
    shr $SLOTS_SHIFT, %rax
    jmp call_slow
call_undo_near: /* jrcxz reaches no further */
    jmp call_undo

    .balign 16
    .globl transfer_call
transfer_call:
    mov HERE(CPU_CONTEXT, 0), %rcx
    shr $(32 - SLOTS_SHIFT), %rax
    cmp $(SLOTS_COUNT << SLOTS_SHIFT), %rax
    jae call_refuse
    and $(0x7f << SLOTS_SHIFT), %eax
    add CONTEXT_SLOTS(%rcx), %rax
    lock subl $3, HERE(CPU_ROOM, 0) /* one more, and inside (V1); pairs with lock_quiesce */
    js call_undo
    cmpl $SLOT_WHAT_CALLABLE, SLOTS_FIRST + SLOT_WHAT(%rax)
    REFUSE call_undo
    mov SLOTS_FIRST + SLOT_OBJECT(%rax), %r11
    add HERE(CPU_PARKED, 0), %r11
    xor %ecx, %ecx
    xchg %rcx, (%r11)
    jrcxz call_undo_near
    mov HERE(CPU_CONTEXT, 0), %r11
    mov SLOTS_FIRST + SLOT_CELL(%rax), %eax
    mov %r11, CONTEXT_CALLER(%rcx)
    mov %rcx, HERE(CPU_CONTEXT, 0)
    add $16, %rsp
    popq CONTEXT_REGS + SAVE_RIP(%r11)
    popq CONTEXT_REGS + SAVE_RSP(%r11)
    mov CONTEXT_CR3(%rcx), %r11
    mov %r11, HERE(CPU_ROOT, -32)
    mov %r11, %cr3
    incl HERE(CPU_ROOM, -32)
    mov CONTEXT_TRANSFER_RSP(%rcx), %rsp
    mov CONTEXT_TRANSFER_RIP(%rcx), %rcx
    mov $FLAGS_UPCALL, %r11d
    sysretq

return_undo:
    decl HERE(CPU_ROOM, 0)
    jmp return_slow

    .balign 16
    .globl transfer_return
transfer_return:
    mov HERE(CPU_CONTEXT, 0), %rcx
    lock incl HERE(CPU_ROOM, 0) /* one less, and inside (V1) */
    js return_undo
    mov CONTEXT_CALLER(%rcx), %r11
    test %r11, %r11
    jz return_undo
    mov CONTEXT_DUE(%rcx), %eax
    or CONTEXT_DUE(%r11), %eax
    jnz return_undo
    mov %rax, CONTEXT_CALLER(%rcx)
    mov %r11, HERE(CPU_CONTEXT, 0)
    mov CONTEXT_CR3(%r11), %rax
    mov %rax, HERE(CPU_ROOT, 0)
    mov %rax, %cr3
    mov CONTEXT_HOME(%rcx), %rax
    mov %rcx, (%rax) /* V2: from here on it is anybody's */
    incl HERE(CPU_ROOM, 0)
    xor %eax, %eax
    mov CONTEXT_REGS + SAVE_RIP(%r11), %rcx
    bt $47, %rcx
    jc return_beyond
    mov CONTEXT_REGS + SAVE_RSP(%r11), %rsp
    mov $FLAGS_UPCALL, %r11d
    sysretq

return_beyond:
    jmp trap_beyond

    /* All registers of the current context into its own area; the rest is up to C. */
.macro SAVE_MESSAGE
    mov HERE(CPU_CONTEXT, 0), %rcx
    add $CONTEXT_REGS, %rcx
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
    popq SAVE_RSP(%rcx)
    movq $SEL_USER_CODE, SAVE_CS(%rcx)
    movq $SEL_USER_DATA, SAVE_SS(%rcx)
    xor %r11d, %r11d
    mov %r11, SAVE_RAX(%rcx)
    mov %r11, SAVE_RCX(%rcx)
    mov %r11, SAVE_R11(%rcx)
    mov %r11, SAVE_VECTOR(%rcx)
    xor %ebp, %ebp
.endm

    /* On to kernel/transfer.c: rdi = the slot, rsi = which of its calls. */
    .globl transfer_post
transfer_post:
    SAVE_MESSAGE
    shr $32, %rax
    mov $1, %esi
    jmp slow

call_slow:
    SAVE_MESSAGE
    xor %esi, %esi
    jmp slow

return_slow:
    SAVE_MESSAGE
    mov $2, %esi
slow:
    mov %rax, %rdi
    call transfer_slow

    .section .note.GNU-stack, "", @progbits
