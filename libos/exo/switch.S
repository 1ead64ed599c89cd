/* SPDX-License-Identifier: MIT */
/*
 * switch.S - from one thread to the next, without the kernel: the blocking semaphore, and what all
 * switches end in.
 *
 * Invariants
 *  W1 a thread is never preempted with rip between exo_switch_start and exo_switch_end, nor while its
 *     context is busy: so the words of the context are its own there, and need no lock.
 *  W2 who may wake a thread finds it behind a lock word, which stays set until the thread's registers
 *     are saved and its stack is left: exo_switch releases it for the one that came before.
 *  W3 a thread that waits has its callee-saved registers where its caller's compiler put them (the
 *     calls below are said to change all), rbp and the return address on its stack, fs in its record.
 *  W4 a list of threads is chained by their first word, 0 in the last; its tail is the address of the
 *     word where the next one is hung.
 * A thread that was preempted goes on through exo_thread_resume, which its record names as return.
 */
#include "libos/exo/layout.h"

    .text
    .balign 64
    .globl exo_switch_start
exo_switch_start:

    /* semaphore_wait: rdi = the semaphore. Changes all registers but rbp. */
    .globl exo_semaphore_wait
exo_semaphore_wait:
    lock btsl $0, SEMAPHORE_LOCK(%rdi)
    jc wait_spin
    decl SEMAPHORE_COUNT(%rdi)
    js 1f
    movl $0, SEMAPHORE_LOCK(%rdi)
    ret
1:  push %rbp
    mov %gs:HERE_CURRENT, %rsi
    mov SEMAPHORE_TAIL(%rdi), %rax
    movq $0, THREAD_NEXT(%rsi)
    mov %rsi, (%rax)
    mov %rsi, SEMAPHORE_TAIL(%rdi)
    mov %rsp, THREAD_RSP(%rsi)

    /* Run the next: rdi = the lock word that keeps the last one from being woken too early. */
    .globl exo_switch
exo_switch:
    mov %gs:HERE_READY, %rsi
    test %rsi, %rsi
    jz switch_idle
    mov THREAD_NEXT(%rsi), %rax
    mov %rax, %gs:HERE_READY
    test %rax, %rax
    jnz 2f
    mov %gs:HERE_READY_NONE, %rax
    mov %rax, %gs:HERE_READY_TAIL
2:  mov %rsi, %gs:HERE_CURRENT
    mov THREAD_RSP(%rsi), %rsp
    movl $0, (%rdi)
    mov THREAD_FS(%rsi), %rax
    wrfsbase %rax
    .globl exo_switch_return
exo_switch_return: /* for sched.c: where a thread goes on that was not preempted */
    pop %rbp
    ret

    /* semaphore_post: rdi = the semaphore. */
    .globl exo_semaphore_post
exo_semaphore_post:
    lock btsl $0, SEMAPHORE_LOCK(%rdi)
    jc post_spin
    incl SEMAPHORE_COUNT(%rdi)
    jg 4f
    mov SEMAPHORE_HEAD(%rdi), %rsi
    mov THREAD_NEXT(%rsi), %rax
    mov %rax, SEMAPHORE_HEAD(%rdi)
    test %rax, %rax
    jnz 3f
    lea SEMAPHORE_HEAD(%rdi), %rax
    mov %rax, SEMAPHORE_TAIL(%rdi)
    movl $0, SEMAPHORE_LOCK(%rdi)
    mov %gs:HERE_READY_TAIL, %rax
    mov %rsi, (%rax)
    mov %rsi, %gs:HERE_READY_TAIL
    cmpl $0, exo_hungry(%rip)
    jne post_feed
    ret
3:  movq $0, THREAD_NEXT(%rsi)
    movl $0, SEMAPHORE_LOCK(%rdi)
    mov %gs:HERE_READY_TAIL, %rax
    mov %rsi, (%rax)
    mov %rsi, %gs:HERE_READY_TAIL
    cmpl $0, exo_hungry(%rip)
    jne post_feed
    ret
4:  movl $0, SEMAPHORE_LOCK(%rdi)
    ret

    /*
     * void exo_block(uint32_t *lock): the running thread, which has been put where somebody finds
     * it, stops; the next one runs, and then *lock becomes 0. The context is busy by one, until then.
     */
    .globl exo_block
exo_block:
    decl %gs:HERE_BUSY
    push %rbp
    mov %gs:HERE_CURRENT, %rsi
    mov %rsp, THREAD_RSP(%rsi)
    jmp exo_switch

    /* void exo_leave(uint32_t *lock): the same without a thread to come back to. */
    .globl exo_leave
exo_leave:
    decl %gs:HERE_BUSY
    jmp exo_switch

    /* Go on with a thread that was preempted: registers from its record, by the resume sequence. */
    .globl exo_thread_resume
exo_thread_resume:
    mov %gs:HERE_SELF, %rdi
    mov %gs:HERE_IDLE_STACK, %rsp /* for what is pending: crt0.S handles it before rsp is restored */
    movl $1, PAGE_DEPTH(%rdi) /* from here on upcalls take the next area */
    mov %gs:HERE_CURRENT, %rsi
    mov $-1, %eax
    mov %eax, %edx
    mov THREAD_VECTORS(%rsi), %rcx
    xrstor64 (%rcx)
    add $THREAD_SAVE, %rsi
    add $PAGE_SAVE, %rdi
    lea exo_resume_distance(%rdi), %rax
    mov $SAVE_WORDS, %ecx
    rep movsq
    jmp *%rax

    /* A new thread: its record is current. */
    .globl exo_thread_first
exo_thread_first:
    xor %ebp, %ebp
    jmp exo_thread_run

    /* Nobody is ready: off the stack of the last thread, and wait. */
switch_idle:
    mov %gs:HERE_IDLE_STACK, %rsp
    movq $0, %gs:HERE_CURRENT
    incl %gs:HERE_BUSY
    movl $0, (%rdi)
    xor %ebp, %ebp
    jmp exo_idle

    /* Somebody else has the semaphore's lock for a moment, or is off his processor with it. */
    .macro spin again
    mov $1000, %ecx
5:  pause
    testl $1, SEMAPHORE_LOCK(%rdi)
    jz \again
    dec %ecx
    jnz 5b
    push %rdi
    call exo_yield
    pop %rdi
    jmp \again
    .endm
wait_spin:
    spin exo_semaphore_wait
post_spin:
    spin exo_semaphore_post

    /* Other contexts have nothing to do. */
post_feed:
    incl %gs:HERE_BUSY
    push %rbp
    mov %rsp, %rbp
    and $-16, %rsp
    call exo_feed
    mov %rbp, %rsp
    pop %rbp
    decl %gs:HERE_BUSY
    ret

    .globl exo_switch_end
exo_switch_end:

    /* The upcall at the end of a slice, which only those with threads want: crt0.S has the others. */
    .globl exo_upcall_slice_end
exo_upcall_slice_end:
    mov %rdi, %rbx
    xor %ebp, %ebp
    call exo_slice_end
    lea exo_resume_distance(%rbx), %rax
    jmp *%rax
    .section .rodata
    .balign 8
    .globl exo_slice_end_entry
exo_slice_end_entry: /* for libos/exo/upcall.c */
    .quad exo_upcall_slice_end
    .section .note.GNU-stack, "", @progbits
