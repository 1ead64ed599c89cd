/* SPDX-License-Identifier: MIT */
/*
 * kernel/call.h - how a kernel call is answered, and the tables that abi/calls.awk makes.
 *
 * Three hops: kernel/x86/entry.S jumps through call_table to sys_x (generated: resolves every
 * slot argument, so that no call can forget its check), which calls x, declared in call_decl.h
 * and defined in the file of its resource. x decodes and checks the rest, then changes.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "abi/cap.h"
#include "abi/error.h"
#include "abi/memory.h"

struct result {
    int64_t value;   /* a count or 0; or a negative error */
    uint64_t detail; /* the second result, 0 where the call gives none */
};

static inline struct result
result_ok(int64_t value)
{
    return (struct result){.value = value};
}

/* error is positive, an enum error. */
static inline struct result
result_error(int error)
{
    return (struct result){.value = -(int64_t)error};
}

static inline struct result
result_error_at(int error, uint64_t detail)
{
    return (struct result){.value = -(int64_t)error, .detail = detail};
}

#include "call_numbers.h"
#include "call_decl.h"

/*
 * The last function of a call before entry.S leaves to the user clears the registers that are no
 * result (E2 of entry.S): LAST_USED only those that it used itself, where all it calls is inlined.
 */
#if __has_attribute(zero_call_used_regs)
#define LAST __attribute__((zero_call_used_regs("all-gpr")))
#define LAST_USED __attribute__((zero_call_used_regs("used-gpr")))
#else
#define LAST
#define LAST_USED
#endif

/* ---- what several calls come to (`by` in abi/calls.tbl) ---- */

/* Frame -> an object of that type which is all zeroes but for its cell; slot `into` -> all rights. */
struct result object_make(struct account *account, uint64_t frame, uint64_t into,
                          enum frame_type type, enum cap_kind kind);
enum copy_way { COPY_PEEK, COPY_POKE };
struct result context_copy(struct context *context, uint64_t va, uint64_t ours, uint64_t n,
                           enum copy_way way);

typedef struct result call_entry(uint64_t a, uint64_t b, uint64_t c, uint64_t number, uint64_t d,
                                 uint64_t e);
extern call_entry *const call_table[CALL_BLOCK];
extern call_entry *const call_saving_table[CALL_BLOCK];
extern const char *const call_names[CALL_BLOCK];
call_entry call_unknown; /* E_NOSYS */
call_entry transfer_call, transfer_return,
    transfer_post;             /* transfer.S: in registers of their own */
call_entry context_root_enter; /* root.S: what it does not settle is sys_context_root's */
call_entry sys_context_root;
call_entry call_enter_saving; /* entry.S: saves the caller's registers, then call_saving_table */
