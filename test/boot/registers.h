/* SPDX-License-Identifier: MIT */
/*
 * test/boot/registers.h - every general register chosen before a way into the kernel, and seen
 * behind it (registers.S). All are in the order of struct save_area, rax to r15 without rsp.
 */
#pragma once
#include <stdint.h>

enum {
    GENERAL = 15,
    REG_RAX = 0,
    REG_RCX = 2,
    REG_RDX = 3,
    REG_RSI = 4,
    REG_RDI = 5,
    REG_R8 = 7,
    REG_R9 = 8,
    REG_R10 = 9,
    REG_R11 = 10,
};

/* Loads registers_in, goes through that door, and stores to registers_out. */
void registers_run(void (*door)(void));
extern uint64_t registers_in[GENERAL], registers_out[GENERAL];
extern uint64_t registers_flags; /* behind it */
/* The doors: behind registers_doors, and before registers_back, where a trap is to go on. */
__attribute__((visibility("hidden"))) void registers_doors(void); /* no table of addresses */
void registers_syscall(void);
void registers_invalid(void);
void registers_fault(void);
void registers_int80(void);
void registers_spin(void); /* until registers_over is not 0 */
__attribute__((visibility("hidden"))) void registers_back(void);
extern volatile uint32_t registers_over;

/* Where a context begins: stores to registers_begun, then the test's own. */
void registers_begin(void);
extern uint64_t registers_begun[GENERAL];
_Noreturn void registers_began(void);

/*
 * Where an activation begins: counts, stores to registers_arrived, and answers with registers_in;
 * it ends instead where rdi is 0.
 */
void registers_serve(void);
extern uint64_t registers_arrived[GENERAL];
extern volatile uint64_t registers_arrivals;
