/* SPDX-License-Identifier: MIT */
/*
 * root.S - context_root where all is as it was the last time: the slot by which it was allowed still names
 * the context's own account with that right, and the frame is a root of that account. Reached from
 * entry.S through call_table, with flags, rip and rsp of the caller on the stack above the return address.
 *
 * No lock is taken. What is changed is this processor's own: the root it stands on and that of its
 * current context (X5 of kernel/context.h); references follow when the context leaves (context_settle). All
 * that is looked at is looked at inside (V1 of transfer.S), with no change before the last look:
 *   - a revocation or a closing clears the slot: found so, or the call came before it;
 *   - the slot names `own` only with the account's kind, for nothing else lies there (K1);
 *   - owner, type and flags of a frame are one word. Who ends a root changes the type, waits until nobody
 *     is inside, and then looks on which root each processor stands (root_end): either we find that it is
 *     none, or it finds us there;
 *   - who takes rights below the old root or the new one and misses us there (epoch_give) did so before
 *     cr3 is loaded, which flushes. Where an epoch waits for this processor C is to say that it did.
 * All else is sys_context_root's, with the arguments as they were.
 */
#include "kernel/x86/layout.h"

/* A word of this processor's block: see transfer.S. */
#define HERE(field) CPU_STATE + field - (CPU_STACK_TOP - 32)(%rsp)

    .text
root_undo_far: /* where the frame's entry lies in the table, instead of its number */
    shr $FRAME_ENTRY_SHIFT, %rsi
root_undo:
    incl HERE(CPU_ROOM)
root_slow:
    jmp sys_context_root

    .balign 16
    .globl context_root_enter
context_root_enter:
    .globl context_root_enter_site
context_root_enter_site: /* five bytes, for tag.c */
    mov HERE(CPU_CONTEXT), %rcx
    cmp %rdi, CONTEXT_ROOT_SLOT(%rcx)
    jne root_slow
    mov CONTEXT_ROOT_SLOT_AT(%rcx), %r11
    lock decl HERE(CPU_ROOM) /* inside (V1); pairs with lock_quiesce */
    mov CONTEXT_OWN(%rcx), %rax
    cmp %rax, SLOT_OBJECT(%r11)
    jne root_undo
    testb $SLOT_RIGHT_MAP, SLOT_RIGHTS(%r11)
    jz root_undo
    cmp frame_count(%rip), %rsi
    sbb %rdx, %rdx
    jae root_undo
    and %rdx, %rsi
    shl $FRAME_ENTRY_SHIFT, %rsi
    mov frame_table(%rip), %rdx
    mov CONTEXT_ROOT_WORD(%rcx), %rax
    cmp %rax, (%rdx, %rsi)
    jne root_undo_far
    mov epoch_given(%rip), %rax
    cmp %rax, HERE(CPU_EPOCH)
    jne root_undo_far
    shl $(12 - FRAME_ENTRY_SHIFT), %rsi
    mov %rsi, CONTEXT_CR3(%rcx)
    mov %rsi, HERE(CPU_ROOT)
    .globl root_load_site
root_load_site: /* room for a call (tag.c) */
    .byte 0x2e, 0x2e
    mov %rsi, %cr3
    orl $ROOM_LOOK, HERE(CPU_ROOM) /* outside; a transfer is to settle first */
    xor %eax, %eax
    xor %edx, %edx
    ret

    /* The same with tags: tag_root() of tag.c, G1 and G2. rsi = the root; changes rax, rdx. */
#define TAG(field) CPU_STATE + CPU_TAG + field - (CPU_STACK_TOP - 32) + 8(%rsp, %rdx)
    .globl root_load_tagged
root_load_tagged:
    lock orl $0, (%rsp)
    mov entries_changed(%rip), %rax
    mov %rsi, %rdx
    shr $(12 - TAG_SHIFT), %rdx
    and $((TAGS - 1) << TAG_SHIFT), %edx
    cmp %rsi, TAG(0)
    jne 1f
    cmp %rax, TAG(8)
    jne 1f
    bts $63, %rsi
    jmp 2f
1:  mov %rsi, TAG(0)
    mov %rax, TAG(8)
2:  shr $TAG_SHIFT, %edx
    lea 1(%rsi, %rdx), %rsi
    mov %rsi, %cr3
    ret

    .section .note.GNU-stack, "", @progbits
