/* SPDX-License-Identifier: MIT */
/*
 * test/boot/pass.h - all that a transfer passes beside its message (pass.S): vector registers and
 * their control words, segment bases, protection-key rights.
 */
#pragma once
#include <stdint.h>

struct pass {
    uint8_t ymm0[32], ymm15[32];
    uint64_t fs, gs;
    uint32_t pkru, mxcsr;
    uint16_t fcw, unused[3];
};
_Static_assert(sizeof(struct pass) == 96, "pass.S");

enum { PASS_KEYS = 0xf0000000u, PASS_MXCSR = 0x9fc0 ^ 0x1f80, PASS_FCW = 0x37f ^ 0xf7f };

/* Transfers with what `p` says and rdi = deed; then p is what came back. Its own is as before. */
int64_t pass_send(uint64_t word, struct pass *p, uint64_t deed);
/* What is there now; and all of it changed: every bit of a vector, bases 4096 more, PASS_ bits. */
void pass_look(struct pass *p);
void pass_turn(void);
