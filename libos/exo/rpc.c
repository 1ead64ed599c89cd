/* SPDX-License-Identifier: MIT */
/* rpc.c - what a processor has, and the C side of a service (rpc.S). */
#include "libos/exo/rpc.h"
#include <stddef.h>
#include "call_stubs.h"

enum { FEATURE_LEAF = 7, FEATURE_KEYS = 1 << 4 /* in ecx: the kernel has switched them on */ };

/* rpc.S: parks with setup->rip and its own stack; see there. */
int64_t rpc_park(uint64_t entry, uint64_t context, struct transfer_setup *setup, rpc_function *fn);
void rpc_entry(void);
void rpc_entry_keys(void);

bool rpc_keys;

_Static_assert(offsetof(struct transfer_setup, rsp) == 8, "rpc.S");
_Static_assert(offsetof(struct rpc, identity) == 48, "rpc.S");
_Static_assert(RPC_HELD_BACK == 0x70, "rpc.S");
_Static_assert(CALL_BASE + CALL_transfer_serve == 0x54000051, "rpc.S");
_Static_assert(CALL_BASE + CALL_transfer_return == 0x54000053, "rpc.S");

void
rpc_begin(void)
{
    uint32_t a = FEATURE_LEAF, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    rpc_keys = c & FEATURE_KEYS;
}

int
rpc_serve(uint32_t entry, uint32_t context, uint32_t cpu, rpc_function *fn)
{
    struct transfer_setup setup = {
        .rip = rpc_keys ? (uintptr_t)rpc_entry_keys : (uintptr_t)rpc_entry, .cpu = cpu};
    struct upcall_page *page = &context_here()->page;
    uint32_t mask = page->mask;
    int64_t r;

    *(volatile uint32_t *)&page->mask = mask | RPC_HELD_BACK;
    r = rpc_park(entry, context, &setup, fn);
    *(volatile uint32_t *)&page->mask = mask;
    upcalls_take_pending();
    return (int)r;
}
