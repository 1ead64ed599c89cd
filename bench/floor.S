/* SPDX-License-Identifier: MIT */
/*
 * floor.S - the empty kernel: what the clock shows when firmware hands over to a kernel.
 *
 * Booted by PVH exactly as a real kernel is, it writes the time stamp counter to the first serial
 * port, eight bytes little-endian, and resets the machine (which ends QEMU under -no-reboot). A boot
 * time is a stamp taken later in a real kernel's run less this one.
 * Source: Xen, public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY.
 */
    .section .note.Xen, "a"
    .long 4, 4, 18
    .asciz "Xen"
    .long floor_start

    .text
    .code32
    .globl floor_start
floor_start:
    rdtsc
    movl $floor_stack, %esp
    movl %edx, %ebx
    movl $4, %ecx
    call word_send
    movl %ebx, %eax
    movl $4, %ecx
    call word_send
    movb $6, %al
    movw $0xcf9, %dx
    outb %al, %dx
1:  hlt
    jmp 1b

/* The low %ecx bytes of %eax to the serial port. */
word_send:
    movw $0x3f8, %dx
1:  outb %al, %dx
    shrl $8, %eax
    loop 1b
    ret

    .bss
    .skip 16
floor_stack:
