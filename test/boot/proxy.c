/* SPDX-License-Identifier: MIT */
/* proxy.c - a context that calls for us (proxy.h). */
#include "test/boot/proxy.h"

enum { STACK_BYTES = 4096 };

static uint64_t frame, vector_frame; /* 0: there is none */
static uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));

static struct {
    uint32_t number;
    uint64_t reg[5];
    struct call_result result;
    bool asked;
} request;

static bool
asked(void)
{
    return __atomic_load_n(&request.asked, __ATOMIC_ACQUIRE);
}

static void
proxy_run(void)
{
    for (;;) {
        while (!asked())
            call_yield(SLOT_CONTEXT);
        request.result = call_invoke(request.number, request.reg[0], request.reg[1], request.reg[2],
                                     request.reg[3], request.reg[4]);
        __atomic_store_n(&request.asked, false, __ATOMIC_RELEASE);
    }
}

static bool
has_ended(void)
{
    struct context_state state = {0};

    fine(call_context_read(SLOT_PROXY, (uintptr_t)&state).value, "context_read");
    return state.phase == CONTEXT_STOPPED;
}

static void
end(void)
{
    int64_t r;

    while ((r = call_context_stop(SLOT_PROXY).value) == -E_INPROGRESS)
        call_yield(SLOT_NOTHING);
    if (r == -E_BADF)
        return; /* calls at random may end any object of ours */
    fine(r, "context_stop");
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
    fine(call_frame_free(SLOT_ACCOUNT, vector_frame, 1).value, "frame_free");
}

void
proxy_renew(void)
{
    struct context_start start = {.rip = (uintptr_t)proxy_run,
                                  .rsp = (uintptr_t)stack + STACK_BYTES - 8,
                                  .stop_slot = SLOT_NOTHING};

    if (frame)
        end();
    frame = frame_new();
    start.vector_frame = vector_frame = frame_new();
    call_slot_clear(SLOT_SLOTS, SLOT_PROXY);
    fine(call_context_make(SLOT_ENV, frame, SLOT_PROXY, (uintptr_t)&start).value, "context_make");
}

struct call_result
proxy_call(uint32_t number, const uint64_t reg[5])
{
    request.number = number;
    memcpy(request.reg, reg, sizeof(request.reg));
    __atomic_store_n(&request.asked, true, __ATOMIC_RELEASE);
    while (asked())
        if (call_yield(SLOT_PROXY).value < 0 && asked() && has_ended())
            return (struct call_result){0, 0}; /* by an upcall that it has just registered */
    return request.result;
}
