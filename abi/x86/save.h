/* SPDX-License-Identifier: MIT */
/*
 * abi/x86/save.h - the registers of an interrupted context, as the kernel leaves them for its
 * library. The last five words are in the order that `iretq` pops. QEMU before 9.1 refuses `iretq`
 * at user level where SMAP is on; popping rflags and rsp and a jump through rip do as well.
 */
#pragma once
#include <stdint.h>

struct save_area {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t address; /* of a page fault (cr2) */
    uint64_t vector;  /* exception number; VECTOR_FOREIGN and VECTOR_INT80 for foreign calls */
    uint64_t error;   /* the processor's error code, else 0 */
    uint64_t rip, cs, rflags, rsp, ss;
    uint64_t fs_base, gs_base; /* complete in context_read; not written by an upcall */
    uint64_t reserved[7];
};
_Static_assert(sizeof(struct save_area) == 256, "layout");

enum vector {
    VECTOR_DIVIDE = 0,
    VECTOR_DEBUG = 1,
    VECTOR_BREAKPOINT = 3,
    VECTOR_INVALID = 6,
    VECTOR_PROTECTION = 13,
    VECTOR_PAGE = 14,
    VECTOR_ALIGNMENT = 17,
    VECTOR_INT80 = 0x80,
    VECTOR_FOREIGN = 0x100, /* a `syscall` that is not the kernel's */
};

enum page_fault_bit {
    PAGE_FAULT_PRESENT = 1 << 0,
    PAGE_FAULT_WRITE = 1 << 1,
    PAGE_FAULT_FETCH = 1 << 4,
};
