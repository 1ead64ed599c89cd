/* SPDX-License-Identifier: MIT */
/*
 * examine.c - a context's state, registers and memory, read and written by who holds it, as a
 * debugger does. Invariants are those of context.h; a call copies at most a page.
 */
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/pt.h"
#include "kernel/transfer.h"

struct result
context_read(struct context *context, uint64_t out)
{
    struct context_state state = {.phase =
                                      transfer_is_parked(context) ? CONTEXT_PARKED : context->phase,
                                  .cause = context->cause,
                                  .status = context->status,
                                  .charged_cycles = context->charged_cycles};
    uint64_t absent;

    arch_context_registers(context, &state.save);
    absent = copy_out(out, &state, sizeof(state));
    return absent ? result_error_at(E_FAULT, absent) : result_ok(0);
}

enum copy_way { COPY_PEEK, COPY_POKE };

/*
 * The frame at va of a context's memory, 0: none. Only its own account's are written, so that what
 * others show it read-only stays as it is; its own read-only pages are a debugger's to change.
 */
static uint64_t
context_frame(const struct context *context, uint64_t va, enum copy_way way)
{
    uint64_t frame = pt_translate(context->root, va);
    const struct account *account = account_at(frame_at(context->self)->owner);

    return way == COPY_POKE && frame_check(account, frame, FRAME_PLAIN) ? 0 : frame;
}

static struct result
context_copy(const struct context *context, uint64_t va, uint64_t ours, uint64_t n,
             enum copy_way way)
{
    uint64_t done = 0, absent = 0;

    if (n < 1 || n > FRAME_BYTES || va >= USER_TOP)
        return result_error(E_INVAL);
    context_settle(context_current());
    while (done < n && !absent) {
        uint64_t offset = (va + done) % FRAME_BYTES, frame = context_frame(context, va + done, way);
        uint64_t part = FRAME_BYTES - offset < n - done ? FRAME_BYTES - offset : n - done;
        char *at = (char *)frame_address(frame) + offset;
        if (!frame)
            break;
        absent =
            way == COPY_POKE ? copy_in(at, ours + done, part) : copy_out(ours + done, at, part);
        done += absent ? 0 : part;
    }
    return done ? result_ok((int64_t)done) : result_error_at(E_FAULT, absent ? absent : va);
}

struct result
context_peek(struct context *context, uint64_t va, uint64_t out, uint64_t n)
{
    return context_copy(context, va, out, n, COPY_PEEK);
}

struct result
context_poke(struct context *context, uint64_t va, uint64_t in, uint64_t n)
{
    return context_copy(context, va, in, n, COPY_POKE);
}

struct result
context_write(struct context *context, uint64_t in)
{
    struct save_area regs;
    uint64_t absent;

    if (context->phase != CONTEXT_STOPPED)
        return result_error(E_BUSY);
    absent = copy_in(&regs, in, sizeof(regs));
    if (absent)
        return result_error_at(E_FAULT, absent);
    return arch_context_set_registers(context, &regs) ? result_error(E_INVAL) : result_ok(0);
}
