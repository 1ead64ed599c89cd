/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/rpc.h - calls of a function in another environment, by protected control transfer.
 *
 * Six words travel in registers, there and back. What else passes depends on who trusts whom:
 *  - rpc_call_trusting: the caller believes that the service leaves its registers, gs and
 * protection-key rights alone, as a function would. Registers that are no message are seen by the
 * service.
 *  - rpc_call: it believes nothing. What the service may not see is cleared before, what it may
 * have spoilt is set again before it is used: registers, gs, protection-key rights. Upcalls are
 * held back from the moment that they could meet the service's gs until ours is back.
 *  - A service believes its callers nothing: it begins on a stack of its own, sets gs and rights
 *    first, and returns nothing but the words. It keeps r12-r15 and the caller's gs.
 * The stack of either side is not mapped in the other. Vector registers pass as they are: libraries
 * here use none; who does, clears or saves them around a call.
 *
 * Results: 0, or the error of a transfer (abi/transfer.h): -E_AGAIN, -E_OWNERDEAD, ...
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/transfer.h"
#include "call_numbers.h"
#include "libos/exo/context.h"
#include "libos/exo/upcall.h"

enum {
    RPC_WORDS = 6,
    RPC_HELD_BACK = 1 << UPCALL_SLICE_END | 1 << UPCALL_EVENT | 1 << UPCALL_REVOKE
};

struct rpc {
    uint64_t word[RPC_WORDS]; /* rdi rsi rdx r10 r8 r9 */
    uint64_t identity;        /* of the caller, for the service: the cell of its slot */
};

extern bool rpc_keys; /* this processor has protection keys; set by rpc_begin */

/* Once, before the first call. */
void rpc_begin(void);

static inline int64_t
rpc_call_trusting(uint32_t slot, struct rpc *m)
{
    uint64_t rax = (uint64_t)slot << 32 | (CALL_BASE + CALL_transfer);
    uint64_t d = m->word[3], e = m->word[4], f = m->word[5];
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;

    busy_enter(); /* gs is this context's until then */
    __asm__ volatile("push %%rbp\n\t"
                     "rdgsbase %%rcx\n\t"
                     "push %%rcx\n\t"
                     "syscall\n\t"
                     "pop %%rcx\n\t"
                     "test %%rax, %%rax\n\t"
                     "jns 1f\n\t"
                     "wrgsbase %%rcx\n" /* it died */
                     "1:\tpop %%rbp"
                     : "+a"(rax), "+D"(m->word[0]), "+S"(m->word[1]), "+d"(m->word[2]), "+r"(r10),
                       "+r"(r8), "+r"(r9)::"rbx", "rcx", "r11", "cc", "memory");
    busy_leave();
    m->word[3] = r10;
    m->word[4] = r8;
    m->word[5] = r9;
    return (int64_t)rax;
}

/* What rpc_call does behind the `syscall` where there are protection keys: all rights, then go on.
 */
#define RPC_RIGHTS                                                                                 \
    "mov %%rax, %%rbx\n\t"                                                                         \
    "mov %%rdx, %%rbp\n\t"                                                                         \
    "xor %%eax, %%eax\n\t"                                                                         \
    "xor %%ecx, %%ecx\n\t"                                                                         \
    "xor %%edx, %%edx\n\t"                                                                         \
    "wrpkru\n\t"                                                                                   \
    "mov %%rbx, %%rax\n\t"                                                                         \
    "mov %%rbp, %%rdx\n\t"

/*
 * The context's page is what gs names; its first word is the mask. A thread may go to another context
 * until that is set, so gs is read behind it.
 */
#define RPC_CALL(rights)                                                                           \
    __asm__ volatile("push %%rbp\n\t"                                                              \
                     "pushq %%gs:0\n\t"                                                            \
                     "orl %7, %%gs:0\n\t"                                                          \
                     "rdgsbase %%rbx\n\t"                                                          \
                     "push %%rbx\n\t"                                                              \
                     "xor %%ebx, %%ebx\n\t"                                                        \
                     "xor %%ebp, %%ebp\n\t"                                                        \
                     "xor %%r12d, %%r12d\n\t"                                                      \
                     "xor %%r13d, %%r13d\n\t"                                                      \
                     "xor %%r14d, %%r14d\n\t"                                                      \
                     "xor %%r15d, %%r15d\n\t"                                                      \
                     "syscall\n\t" rights "pop %%rbx\n\t"                                          \
                     "wrgsbase %%rbx\n\t"                                                          \
                     "pop %%rcx\n\t"                                                               \
                     "mov %%ecx, (%%rbx)\n\t"                                                      \
                     "pop %%rbp"                                                                   \
                     : "+a"(rax), "+D"(m->word[0]), "+S"(m->word[1]), "+d"(m->word[2]), "+r"(r10), \
                       "+r"(r8), "+r"(r9)                                                          \
                     : "i"(RPC_HELD_BACK)                                                          \
                     : "rbx", "rcx", "r11", "r12", "r13", "r14", "r15", "cc", "memory")

static inline int64_t
rpc_call(uint32_t slot, struct rpc *m)
{
    uint64_t rax = (uint64_t)slot << 32 | (CALL_BASE + CALL_transfer);
    uint64_t d = m->word[3], e = m->word[4], f = m->word[5];
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    const struct upcall_page *page;

    if (rpc_keys)
        RPC_CALL(RPC_RIGHTS);
    else
        RPC_CALL("");
    m->word[3] = r10;
    m->word[4] = r8;
    m->word[5] = r9;
    page = &context_here()->page;
    if (*(const volatile uint32_t *)&page->pending & ~page->mask)
        upcalls_take_pending();
    return (int64_t)rax;
}

/* A service's function: the words of *m are the caller's, and then the answer. */
typedef void rpc_function(struct rpc *m);

/*
 * The calling context serves an entry on a processor: it is parked, and each call of the entry runs
 * fn on its stack, upcalls that can be held back held back. entry: a slot with MAKE; context: one
 * of the caller with RUN. In a call of that entry already, it first answers that, without words.
 * Returns 0 when it was withdrawn, or an error.
 */
int rpc_serve(uint32_t entry, uint32_t context, uint32_t cpu, rpc_function *fn);
