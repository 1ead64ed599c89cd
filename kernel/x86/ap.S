/* SPDX-License-Identifier: MIT */
/*
 * ap.S - a further processor, from its start in real mode at AP_PAGE to C at -2 GiB.
 * The code between ap_page and ap_page_end is copied to AP_PAGE: it goes to 64 bits in one step, on
 * the tables of boot.S, which show low memory at its own addresses.
 * Source: Intel SDM vol. 3A, 9.4 and 9.8.5.
 */
#include "kernel/x86/layout.h"
#define LOW(symbol) ((symbol) - KERNEL_BASE)
#define THERE(symbol) ((symbol) - ap_page + AP_PAGE)

    .section .rodata
    .globl ap_page, ap_page_end
    .code16
ap_page:
    cli
    xor %ax, %ax
    mov %ax, %ds
    lgdtl THERE(ap_gdt_pointer)
    mov $0x20, %eax /* PAE */
    mov %eax, %cr4
    mov $LOW(boot_pml4), %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax /* NXE, LME, SCE */
    wrmsr
    mov $0x80010011, %eax /* PG, WP, ET, PE */
    mov %eax, %cr0
    ljmpl $SEL_KERNEL_CODE, $THERE(ap_64)

    .code64
ap_64:
    movabs $ap_high, %rax
    jmp *%rax

    .balign 8
ap_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
ap_gdt_pointer:
    .word 23
    .long THERE(ap_gdt)
ap_page_end:

    /* One at a time (smp.c): the boot stack serves each until it has its own. */
    .text
ap_high:
    mov $SEL_KERNEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    lea boot_stack_top, %rsp
    xor %ebp, %ebp
    movabs $smp_main, %rax
    call *%rax
    ud2

    .section .note.GNU-stack, "", @progbits
