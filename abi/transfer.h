/* SPDX-License-Identifier: MIT */
/*
 * abi/transfer.h - protected control transfer: registers cross to another environment, nothing else
 * moves.
 *
 * An entry is an object to which a library gives activations, one a processor: each is a context of
 * its own that lies parked until somebody transfers to the entry on that processor. The caller
 * executes `syscall` with
 *      rax = CALL_BASE + CALL_transfer, and in its upper half the slot of the entry (right RUN),
 * and the activation begins at its rip and rsp with
 *      rax = the caller's identity: the cell that the caller's slot hangs on,
 *      rdi rsi rdx r8 r9 r10 rbx rbp r12-r15 as the caller left them: the message,
 *      rcx, r11 and flags lost; segment bases, protection-key rights and vector registers
 * untouched. It answers by `syscall` with rax = CALL_BASE + CALL_transfer_return: the caller goes
 * on behind its own `syscall` with rax = 0 and the same registers as message, and the activation is
 * parked again. Each side saves and clears what the other is not to see (libos/exo/rpc.h).
 *
 * A processor without an activation of the entry takes that of the next which has a free one, on a
 * slower path; who has its own waits for that.
 *
 * The caller's slice pays, and its later ones until the return. Whoever made the capability chose
 * the cell, so a service tells its callers apart by cells of its own frames. The kernel gives no
 * identity 0: that is how an activation finds out that it was withdrawn.
 *
 * CALL_transfer_post instead: the caller does not wait. The activation has the message and the rest
 * of this slice; its return parks it, and tells nobody.
 *
 * A call that is refused changes nothing but rax (the error), rdx, rcx and r11:
 *   -E_BADF, -E_PERM  no entry there, or no right to call it
 *   -E_NOENT          the entry has no activation
 *   -E_AGAIN          it is busy; rdx is the context that holds it
 *   -E_LOOP           TRANSFER_DEPTH_MAX are under way on top of each other
 * One that was begun ends with rax = 0 or with
 *   -E_OWNERDEAD      the callee has ended: the message, vector registers and segment bases are
 * lost
 *
 * Source: Engler, Kaashoek, O'Toole, SOSP '95, 5.1; Liedtke, SOSP '93 (what a path may leave out).
 */
#pragma once
#include <stdint.h>

enum { TRANSFER_DEPTH_MAX = 64 };

/* What transfer_serve asks for. */
struct transfer_setup {
    uint64_t rip, rsp; /* where a call begins; below USER_TOP */
    uint32_t cpu;      /* the processor whose callers it serves */
    uint32_t reserved; /* 0 */
};
_Static_assert(sizeof(struct transfer_setup) == 24, "layout");
