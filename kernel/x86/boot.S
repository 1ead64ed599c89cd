/* SPDX-License-Identifier: MIT */
/*
 * boot.S - from the PVH or Multiboot2 entry (32 bits, no paging, ebx = what the starter tells) to C
 * at -2 GiB.
 * Source: Xen public header elfnote.h and hvm/start_info.h; Multiboot2 Specification 2.0, 3.1 and
 * 3.3; Intel SDM vol. 3A, 9.8.5.
 */
#include "kernel/x86/layout.h"
#define LOW(symbol) ((symbol) - KERNEL_BASE)

    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long LOW(pvh_start)

    .section .text.boot, "ax"
    /* Found by the loader in the first 32 KiB of the file: the entry below, and modules on pages. */
    .balign 8
multiboot_head:
    .long 0xe85250d6, 0, multiboot_head_end - multiboot_head
    .long -(0xe85250d6 + (multiboot_head_end - multiboot_head))
    .short 3, 0 /* entry */
    .long 12, LOW(multiboot_start), 0
    .short 6, 0 /* module alignment */
    .long 8
    .short 0, 0
    .long 8
multiboot_head_end:

    .code32
    .globl pvh_start
pvh_start:
    xor %eax, %eax
multiboot_start:
    mov %eax, LOW(boot_magic)
    cli
    cld
    rdtsc
    mov %eax, LOW(boot_counter)
    mov %edx, LOW(boot_counter) + 4
    mov %ebx, LOW(boot_start_info)

    /* What is needed to come to cpu_features_check, which looks at the rest. */
    mov $LOW(lacks_64), %esi
    mov $0x80000000, %eax
    cpuid
    cmp $0x80000001, %eax
    jb boot_refuse
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx
    jnc boot_refuse
    mov $LOW(lacks_nx), %esi
    bt $20, %edx
    jnc boot_refuse

    /* 4 GiB in 2 MiB pages, seen at 0 and in the direct map; the first of them also at -2 GiB. */
    mov $LOW(boot_pd), %edi
    mov $0x83, %eax /* present, writable, large */
    mov $2048, %ecx
1:  mov %eax, (%edi)
    movl $0, 4(%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b
    mov $LOW(boot_pd) + 3, %eax
    mov $LOW(boot_pdpt), %edi
    mov $4, %ecx
2:  mov %eax, (%edi)
    add $4096, %eax
    add $8, %edi
    loop 2b
    movl $LOW(boot_pd) + 3, LOW(boot_pdpt_high) + 510 * 8
    movl $LOW(boot_pdpt) + 3, LOW(boot_pml4)
    movl $LOW(boot_pdpt) + 3, LOW(boot_pml4) + 256 * 8
    movl $LOW(boot_pdpt_high) + 3, LOW(boot_pml4) + 511 * 8

    mov %cr4, %eax
    or $0x20, %eax /* PAE */
    mov %eax, %cr4
    mov $LOW(boot_pml4), %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax /* NXE, LME, SCE */
    wrmsr
    mov %cr0, %eax
    or $0x80010001, %eax /* PG, WP, PE */
    mov %eax, %cr0
    lgdt LOW(boot_gdt_pointer)
    ljmp $SEL_KERNEL_CODE, $LOW(boot_64)

    /* The words at esi on COM1, as panic() would; then the end, as arch_power_off() would. */
    .macro port_set port, value
    mov $\port, %edx
    mov $\value, %al
    out %al, %dx
    .endm
boot_refuse: /* 115,200 baud, 8 bits, no parity, one stop bit: see serial.c */
    port_set 0x3fb, 0x80
    port_set 0x3f8, 1
    port_set 0x3f9, 0
    port_set 0x3fb, 3
1:  lodsb
    test %al, %al
    jz 2f
    mov %al, %bl
    mov $100000, %ecx
4:  mov $0x3fd, %edx /* room? */
    in %dx, %al
    test $0x20, %al
    loopz 4b
    mov %bl, %al
    mov $0x3f8, %edx
    out %al, %dx
    jmp 1b
2:  mov $0x7f, %al /* PANIC_STATUS */
    mov $0xf4, %edx
    out %al, %dx
3:  hlt
    jmp 3b

    .code64
boot_64:
    mov $SEL_KERNEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    lea boot_stack_top, %rsp
    xor %ebp, %ebp
    movabs $start_main, %rax
    call *%rax
    ud2

    .section .rodata
lacks_64: .asciz "panic: this processor lacks 64 bits, which Tessera needs\n"
lacks_nx: .asciz "panic: this processor lacks NX, which Tessera needs\n"
    .balign 8
boot_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdt_pointer:
    .word 23
    .long LOW(boot_gdt)

    .data
    .balign 8
    .globl boot_counter, boot_start_info, boot_magic
boot_counter: .quad 0
boot_start_info: .long 0
boot_magic: .long 0

    .bss
    .balign 4096
    .globl boot_pml4, boot_stack_top
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_pdpt_high: .skip 4096
boot_pd: .skip 4 * 4096
boot_stack: .skip 8192
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
