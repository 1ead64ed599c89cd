/* SPDX-License-Identifier: MIT */
/*
 * kernel/x86/layout.h - addresses and offsets that assembly and C share; C asserts each of them.
 *
 * A processor's block is 64 KiB, aligned, so that whoever has a kernel stack pointer has the block:
 * no kernel code uses the gs base, which is the library's.
 */
#pragma once

#define KERNEL_BASE 0xffffffff80000000
#define DIRECT_BASE 0xffff800000000000
#define CPU_BASE 0xffffffffc0000000
#define AP_PAGE 0x8000 /* physical, below 1 MiB: where a further processor starts */
#define MMIO_BASE 0xffffffffe0000000
#define MMIO_BYTES 0x10000000

/* The block of one processor: code, state, then stacks, each with an absent page below. */
#define CPU_BLOCK 0x10000
#define CPU_STATE 0x1000
#define CPU_STATE_END 0x4000
#define CPU_STACK 0x5000
#define CPU_STACK_TOP 0x7000
#define CPU_NMI_TOP 0x9000
#define CPU_DOUBLE_TOP 0xb000
#define CPU_CHECK_TOP 0xd000
#define CPU_DEBUG_TOP 0xf000

/* From CPU_STATE on: the word at the top of the stack, and struct cpu_x86. */
#define CPU_USER_RSP (CPU_STACK_TOP - 8 - CPU_STATE)
#define CPU_ROOT 0
#define CPU_PARKED 8
#define CPU_ROOM 16
#define CPU_GDT 24
#define CPU_CONTEXT 88
#define CPU_EPOCH 112
#define CPU_TAG 568 /* struct tag [TAGS] */
#define TAGS 64
#define TAG_SHIFT 4

/* struct context_x86 */
#define CONTEXT_CALLER 64
#define CONTEXT_SLOTS 72
#define CONTEXT_OWN 80
#define CONTEXT_ROOT_WORD 88
#define CONTEXT_ROOT_SLOT 96
#define CONTEXT_ROOT_SLOT_AT 104
#define CONTEXT_DUE 112
#define CONTEXT_REGS 2048
#define CONTEXT_PAGE 2304
#define CONTEXT_PAGE_VA 2312
#define CONTEXT_RESUME_START 2320
#define CONTEXT_RESUME_BYTES 2328
#define CONTEXT_ENTRY 2336
#define CONTEXT_TRANSFER_RIP 2400
#define CONTEXT_TRANSFER_RSP 2408
#define CONTEXT_HOME 2416
#define CONTEXT_CR3 2424
#define CONTEXT_STACK 2560
#define CONTEXT_SAVE_VA 2568

/* sizeof(struct frame) is 1 << this */
#define FRAME_ENTRY_SHIFT 5

/* cpu_x86.room: outside, and no transfer is settled before transfer_room has looked */
#define ROOM_LOOK 0xc0000001

/* Bytes from the stub of one exception to that of the next. */
#define STUB_BYTES 512
#define TRACED_STUB_BYTES 16

/* struct upcall_page, struct save_area */
#define PAGE_DEPTH 4
#define PAGE_SAVE 256
#define SAVE_RAX 0
#define SAVE_RBX 8
#define SAVE_RCX 16
#define SAVE_RDX 24
#define SAVE_RSI 32
#define SAVE_RDI 40
#define SAVE_RBP 48
#define SAVE_R8 56
#define SAVE_R9 64
#define SAVE_R10 72
#define SAVE_R11 80
#define SAVE_R12 88
#define SAVE_R13 96
#define SAVE_R14 104
#define SAVE_R15 112
#define SAVE_ADDRESS 120
#define SAVE_VECTOR 128
#define SAVE_ERROR 136
#define SAVE_RIP 144
#define SAVE_CS 152
#define SAVE_RFLAGS 160
#define SAVE_RSP 168
#define SAVE_SS 176

/* Selectors, in the order that syscall and sysret want. */
#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_DATA 0x1b
#define SEL_USER_CODE 0x23
#define SEL_TSS 0x28

#define FLAGS_UPCALL 0x202

/* struct slots, struct slot, struct entry: what a call of a good slot looks at */
#define SLOTS_FIRST 64
#define SLOTS_SHIFT 5
#define SLOTS_COUNT 126
#define SLOT_CELL 16
#define SLOT_WHAT 20
#define SLOT_WHAT_CALLABLE 0x2000903
#define SLOT_RIGHTS 22
#define SLOT_RIGHT_MAP 8
#define SLOT_OBJECT 24
#define ENTRY_PARKED 128
