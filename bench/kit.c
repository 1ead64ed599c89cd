/* SPDX-License-Identifier: MIT */
/*
 * kit.c - the bench's kit on Tessera (kit.h), a library OS on libos/exo; what kit_linux.c is on the
 * other side. Here: when it was begun, and the part `paths`, the kernel's short paths.
 *
 * Under -icount shift=0 on one processor rdtsc counts guest instructions. The handlers are set as
 * any library OS sets them, so what libos/exo does before a handler is part of the figure.
 */
#include "bench/kit.h"
#include <stddef.h>
#include "abi/cap.h"
#include "abi/exposed.h"
#include "bench/spans.h"
#include "lib/format.h"
#include "lib/string.h"
#include "libos/exo/child.h"
#include "libos/exo/exo.h"
#include "libos/exo/rpc.h"
#include "call_stubs.h"

enum {
    FOREIGN_CALL = 1023,
    CHILD_FRAMES = 1024,
    SLOT_CELLS = 20,
    SLOT_ENTRY,      /* of the child that answers with nothing done */
    SLOT_CALL,       /* the same with RUN alone, as callers have it */
    SLOT_STAMP,      /* of one that answers with its first instruction's stamp */
    SLOT_STAMP_CALL, /* likewise */
    SLOT_STAMP_OF,   /* its context */
    SLOT_CHILD,      /* CHILD_SLOT_COUNT of them */
    CELL_CALL = 1,   /* and the one behind it */
    CELL_CHILD = 3,
};

/* Written by the assembly below or read by it: the first stamp, and how far the handler steps. */
extern uint64_t kit_begun_tsc, kit_step;
void kit_handler(struct save_area *save);
_Static_assert(offsetof(struct save_area, rip) == 144, "kit_handler adds to it");
_Static_assert(CALL_BASE + CALL_transfer_return == 0x54000053, "transfer_stamp");

/* The entry point, which stamps before all else, and the handler of every upcall. */
__asm__(".globl kit_start\n"
        "kit_start:\n\t"
        "rdtsc\n\t"
        "shl $32, %rdx\n\t"
        "or %rdx, %rax\n\t"
        "mov %rax, kit_begun_tsc(%rip)\n\t"
        "jmp _start\n"
        ".globl kit_handler\n"
        "kit_handler:\n\t"
        "rdtsc\n\t"
        "shl $32, %rdx\n\t"
        "or %rdx, %rax\n\t"
        "mov %rax, span_handler_tsc(%rip)\n\t"
        "mov kit_step(%rip), %rax\n\t"
        "add %rax, 144(%rdi)\n\t"
        "ret\n\t"
        ".data\n\t"
        ".balign 8\n"
        "kit_begun_tsc: .quad 0\n"
        "kit_step: .quad 0\n\t"
        ".globl kit_begun_tsc, kit_step\n\t"
        ".text");

int
value_print(const char *name, uint64_t value)
{
    char line[80];

    format(line, sizeof line, "%s %lu\n", name, value);
    return console_print(line) < 0 ? -1 : 0;
}

int
span_print(const char *name, uint64_t (*span)(uint64_t))
{
    return value_print(name, span_measure_c(span));
}

static int
path_print(const char *name, uint64_t (*span)(uint64_t), uint64_t argument, uint64_t step)
{
    kit_step = step;
    return value_print(name, span_measure(span, argument, 0));
}

static uint64_t
span_checked(uint64_t i)
{
    (void)i;
    span_arguments[0] = SLOT_EVENTS;
    span_arguments[1] = COUNTER_FIRST_FREE;
    return span_call_with(CALL_BASE + CALL_event_read);
}

/* ---- another root of ours, on which all stands where it is ---- */

static uint64_t root[2]; /* frames: the one we began on, the other */

/* To what the third level of the one links the other's links too. */
static int64_t
root_share(uint64_t va)
{
    static uint64_t links[PT_ENTRIES];
    int64_t r = call_pt_read(SLOT_ACCOUNT, root[0], 3, va, (uintptr_t)links, PT_ENTRIES).value;

    for (uint32_t i = 0; i < PT_ENTRIES && r >= 0; i++)
        if (links[i] & MAP_LINK)
            r = call_pt_link(SLOT_ACCOUNT, root[1], va + ((uint64_t)i << 30),
                             (links[i] & ~MAP_LINK) >> FRAME_SHIFT, 0)
                    .value;
    return r;
}

static int64_t
root_make(void)
{
    uint64_t frame[4];
    int64_t r = pool_take_all(&exo_pool, frame, 4);

    root[0] = exo_space.root;
    root[1] = frame[0];
    r = r < 0 ? r : call_pt_make(SLOT_ACCOUNT, frame[0], PT_LEVELS, frame[1]).value;
    r = r < 0 ? r : call_pt_make(SLOT_ACCOUNT, frame[2], PT_LEVELS - 1, frame[3]).value;
    r = r < 0 ? r : call_pt_link(SLOT_ACCOUNT, root[1], LIBRARY_VA, frame[2], 0).value;
    return r < 0 ? r : root_share(LIBRARY_VA);
}

static uint64_t
span_root(uint64_t i)
{
    span_arguments[0] = SLOT_ACCOUNT;
    span_arguments[1] = root[(i + 1) % 2];
    return span_call_with(CALL_BASE + CALL_context_root);
}

static int
root_print(void)
{
    int error = root_make() < 0 ? -1 : value_print("context_root", span_measure(span_root, 0, 1));

    return call_context_root(SLOT_ACCOUNT, root[0]).value < 0 ? -1 : error;
}

/* ---- another environment in another account ---- */

void transfer_stamp(void); /* spans.S */

static void
answer_nothing(struct rpc *m)
{
    (void)m;
}

static void
child_main(void)
{
    rpc_serve(CHILD_ENTRY, SLOT_CONTEXT, 0, answer_nothing);
}

static const struct child_terms child = {
    .name = 1,
    .limit_frames = CHILD_FRAMES,
    .slot = {SLOT_CHILD, SLOT_CHILD + 1, SLOT_CHILD + 2, SLOT_CHILD + 3, SLOT_CHILD + 4},
    .entry = SLOT_ENTRY,
    .cells = SLOT_CELLS,
    .first_cell = CELL_CHILD,
    .main = child_main,
};

static int64_t
caller_slot(uint32_t entry, uint32_t cell, uint32_t into)
{
    struct cap cap;
    int64_t r = call_cap_grant(entry, SLOT_CELLS, cell, RIGHT_RUN, 0, (uintptr_t)&cap).value;

    return r < 0 ? r : call_cap_bind(SLOT_SLOTS, into, (uintptr_t)&cap).value;
}

/* An activation of the child's that begins at transfer_stamp. */
static int64_t
stamp_make(void)
{
    struct pool pool = pool_of(child.slot[CHILD_ACCOUNT]);
    struct context_start start = {.rip = (uintptr_t)transfer_stamp, .stop_slot = SLOT_NOTHING};
    struct transfer_setup setup = {.rip = (uintptr_t)transfer_stamp};
    uint64_t frame[3];
    int64_t r = pool_take_all(&pool, frame, 3);

    pool_close(&pool);
    start.vector_frame = r < 0 ? 0 : frame[0];
    r = r < 0 ? r : call_entry_make(pool.account, frame[1], SLOT_STAMP).value;
    r = r < 0 ? r
              : call_context_make(child.slot[CHILD_ENV], frame[2], SLOT_STAMP_OF, (uintptr_t)&start)
                    .value;
    r = r < 0 ? r : call_transfer_serve(SLOT_STAMP, SLOT_STAMP_OF, (uintptr_t)&setup).value;
    return r < 0 ? r : caller_slot(SLOT_STAMP, CELL_CALL + 1, SLOT_STAMP_CALL);
}

static int64_t
child_begin(void)
{
    uint64_t frame;
    int64_t r = pool_take(&exo_pool, &frame, 1);

    rpc_begin();
    r = r < 0 ? r : call_cells_make(SLOT_ACCOUNT, frame, SLOT_CELLS).value;
    r = r < 0 ? r : child_make(&child);
    r = r < 0 ? r : caller_slot(SLOT_ENTRY, CELL_CALL, SLOT_CALL);
    return r < 0 ? r : stamp_make();
}

static uint64_t
span_rpc(uint64_t i)
{
    struct rpc m = {.word = {1, 2, 3, 4, 5, 6}};
    uint64_t from = span_stamp();
    int64_t r = rpc_call(SLOT_CALL, &m);

    (void)i;
    return r ? UINT64_MAX : span_stamp() - from;
}

static int
kit_paths(void)
{
    uint64_t absent = room_take(1);
    int error = 0;

    exo_on_exception = exo_on_fault = exo_on_foreign = kit_handler;
    error |= path_print("null_call", span_call, CALL_BASE + CALL_null, 0);
    error |= path_print("checked_call", span_checked, 0, 0);
    error |= root_print();
    error |= path_print("foreign_call", span_call_enter, FOREIGN_CALL, 0);
    error |= raw_print();
    error |= path_print("exception_handler", span_illegal_enter, 0, SPAN_UD2_BYTES);
    error |= path_print("page_fault_enter", span_store_enter, absent, SPAN_STORE_BYTES);
    error |= path_print("page_fault_resume", span_store, absent, SPAN_STORE_BYTES);
    if (child_begin() < 0)
        return -1;
    error |= path_print("transfer", span_transfer_enter,
                        (uint64_t)SLOT_STAMP_CALL << 32 | (CALL_BASE + CALL_transfer), 0);
    error |= span_print("rpc_round_trip", span_rpc);
    return error;
}

static const struct part {
    const char *name;
    int (*run)(void);
} parts[] = {{"paths", kit_paths},
             {"memory", kit_memory},
             {"threads", kit_threads},
             {"envs", kit_envs},
             {"wake", kit_wake}};

int
exo_main(const struct start_page *start)
{
    const char *word = (const char *)start->strings_va;

    value_print("begun", kit_begun_tsc);
    value_print("counter_hz", ((const struct machine_page *)EXPOSED_MACHINE)->counter_hz);
    for (uint32_t i = 1; i < start->n_arguments; i++) {
        word = string_next(word);
        for (size_t j = 0; j < sizeof(parts) / sizeof(parts[0]); j++)
            if (strcmp(word, parts[j].name) == 0 && parts[j].run() < 0)
                return 1;
    }
    return 0;
}
