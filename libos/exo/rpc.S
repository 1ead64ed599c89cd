/* SPDX-License-Identifier: MIT */
/*
 * rpc.S - where calls of a service arrive (rpc.h).
 *
 * The stack of an activation, from the rsp on that the kernel gives it: what gs is to be, the
 * function, the rsp that rpc_park goes back by. Nothing of the caller's is used before gs and the
 * protection-key rights are ours; flags are the kernel's.
 */
#define CALL_SERVE 0x54000051
#define CALL_RETURN 0x54000053

    .text
/* int64_t rpc_park(entry, context, setup, fn) */
    .globl rpc_park
rpc_park:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rax
    sub $32, %rsp
    and $-16, %rsp
    push %rax
    push %rcx
    rdgsbase %rax
    push %rax /* rsp is 8 beyond a multiple of 16 */
    mov %rsp, 8(%rdx)
    mov $CALL_SERVE, %eax
    syscall
    test %rax, %rax
    jnz rpc_unpark
    xor %edi, %edi /* we were in a call already: this is its answer */
    xor %esi, %esi
    xor %edx, %edx
    xor %r10d, %r10d
    xor %r8d, %r8d
    xor %r9d, %r9d
    mov $CALL_RETURN, %eax
    syscall
    ud2

rpc_unpark: /* rax: the result; withdrawn: 0 */
    mov 16(%rsp), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .globl rpc_entry_keys
rpc_entry_keys:
    mov %rax, %rbx
    mov %rdx, %rbp
    xor %eax, %eax
    xor %ecx, %ecx
    xor %edx, %edx
    wrpkru
    mov %rbp, %rdx
    jmp rpc_entered

    .globl rpc_entry
rpc_entry:
    mov %rax, %rbx
rpc_entered:
    rdgsbase %rbp
    mov (%rsp), %rcx
    wrgsbase %rcx
    xor %eax, %eax
    test %rbx, %rbx
    jz rpc_unpark
    push %rbx
    push %r9
    push %r8
    push %r10
    push %rdx
    push %rsi
    push %rdi
    mov %rsp, %rdi
    call *64(%rsp)
    pop %rdi
    pop %rsi
    pop %rdx
    pop %r10
    pop %r8
    pop %r9
    pop %rbx
    wrgsbase %rbp
    mov $CALL_RETURN, %eax
    syscall
    ud2
    .section .note.GNU-stack, "", @progbits
