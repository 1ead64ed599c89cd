/* SPDX-License-Identifier: MIT */
/*
 * kit_envs.c - what it costs to make an environment, run it and take it back: a root of its own
 * with tables for a stack of its own, environment, context. It shares the library's image by one
 * link. Its code uses its stack, makes one kernel call, and ends itself; we go on, and free its
 * frames. What fork, exit and wait are on the other side.
 */
#include "abi/cap.h"
#include "abi/exposed.h"
#include "bench/kit.h"
#include "bench/spans.h"
#include "libos/exo/exo.h"
#include "call_stubs.h"

enum { SLOT_ROUND_ENV = 40, SLOT_ROUND, GIB_SHIFT = 30, PER_TABLE = 2 };

/* What one is made of, in the order in which its frames can be freed: who names others goes first.
 */
enum part {
    PART_CONTEXT,
    PART_ENV,
    PART_ROOT,
    PART_ROOT_LINKS,
    PART_LEVEL3,
    PART_LEVEL3_LINKS,
    PART_LEVEL2,
    PART_LEVEL2_LINKS,
    PART_LEVEL1,
    PART_LEVEL1_LINKS,
    PART_STACK,
    PART_VECTOR,
    PARTS,
};

static const uint64_t STACK_VA = 0x10000; /* in no table of ours */

/* What runs in one: uses its stack, makes one kernel call, tells us, ends. */
void env_main(void);
extern uint64_t env_rounds; /* how many came so far; the image is shared */
__asm__(".globl env_main\n"
        "env_main:\n\t"
        "push %rdi\n\t"
        "mov $0x54000000, %eax\n\t"
        "syscall\n\t"
        "pop %rdi\n\t"
        "add %rdi, env_rounds(%rip)\n\t"
        "mov $0x54000014, %eax\n\t"
        "xor %edi, %edi\n\t"
        "syscall\n\t"
        "ud2\n\t"
        ".data\n\t"
        ".balign 8\n\t"
        ".globl env_rounds\n"
        "env_rounds: .quad 0\n\t"
        ".text");
_Static_assert(CALL_BASE + CALL_null == 0x54000000, "env_main");
_Static_assert(CALL_BASE + CALL_context_exit == 0x54000014, "env_main");

static uint64_t image_table; /* frame: of level 3, all of the library */
static int64_t failed;       /* the first error of a round */

/* Its root, with the library in it, and the tables over its stack. */
static int64_t
root_build(uint64_t f)
{
    uint64_t entry = (f + PART_STACK) << FRAME_SHIFT | MAP_READ | MAP_WRITE;
    int64_t r = 0;

    for (uint32_t level = 1; level <= PT_LEVELS && r >= 0; level++) { /* each into the one above */
        uint64_t table = f + PART_LEVEL1 - (uint64_t)PER_TABLE * (level - 1);
        r = call_pt_make(SLOT_ACCOUNT, table, level, table + 1).value;
        if (r >= 0 && level > 1)
            r = call_pt_link(SLOT_ACCOUNT, table, STACK_VA, table + PER_TABLE, 0).value;
    }
    r = r < 0 ? r : call_pt_link(SLOT_ACCOUNT, f + PART_ROOT, LIBRARY_VA, image_table, 0).value;
    return r < 0 ? r
                 : call_pt_map(SLOT_ACCOUNT, f + PART_LEVEL1, 0, STACK_VA, (uintptr_t)&entry, 1,
                               SLOT_ACCOUNT)
                       .value;
}

static int64_t
round_run(void)
{
    struct context_start start = {.rip = (uintptr_t)env_main,
                                  .rsp = STACK_VA + FRAME_BYTES,
                                  .rdi = 1,
                                  .stop_slot = SLOT_NOTHING};
    uint64_t f;
    int64_t r = pool_take_run(&exo_pool, PARTS, &f);

    start.vector_frame = f + PART_VECTOR;
    r = r < 0 ? r : root_build(f);
    r = r < 0 ? r
              : call_env_make(SLOT_ACCOUNT, f + PART_ENV, SLOT_ROUND_ENV, SLOT_SLOTS, f + PART_ROOT)
                    .value;
    r = r < 0 ? r
              : call_context_make(SLOT_ROUND_ENV, f + PART_CONTEXT, SLOT_ROUND, (uintptr_t)&start)
                    .value;
    r = r < 0 ? r : call_yield(SLOT_ROUND).value; /* until it has ended */
    return r < 0 ? r : pool_give(&exo_pool, f, PARTS);
}

static uint64_t
span_env(uint64_t i)
{
    uint64_t from = span_stamp();
    int64_t r = round_run();

    (void)i;
    failed = failed ? failed : r;
    return span_stamp() - from;
}

static uint64_t
free_count(void)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;
    const volatile uint64_t *free = (const volatile uint64_t *)EXPOSED_FREE;
    uint64_t n = 0;

    for (uint64_t i = 0; i < (machine->n_frames + 63) / 64; i++)
        for (uint64_t bits = free[i]; bits; bits &= bits - 1)
            n++;
    return n;
}

/* A table with all of the library's, made once, for each to hang in its root. */
static int64_t
image_build(void)
{
    static uint64_t links[PT_ENTRIES];
    uint64_t frame[2];
    int64_t r = pool_take_all(&exo_pool, frame, 2);

    image_table = frame[0];
    r = r < 0 ? r : call_pt_make(SLOT_ACCOUNT, frame[0], PT_LEVELS - 1, frame[1]).value;
    r = r < 0 ? r
              : call_pt_read(SLOT_ACCOUNT, exo_space.root, PT_LEVELS - 1, LIBRARY_VA,
                             (uintptr_t)links, PT_ENTRIES)
                    .value;
    for (uint64_t i = 0; i < PT_ENTRIES && r >= 0; i++)
        if (links[i] & MAP_LINK)
            r = call_pt_link(SLOT_ACCOUNT, image_table, i << GIB_SHIFT,
                             (links[i] & ~MAP_LINK) >> FRAME_SHIFT, 0)
                    .value;
    return r;
}

int
kit_envs(void)
{
    uint64_t before, after;
    int error;

    if (image_build() < 0)
        return -1;
    before = free_count();
    error = span_print("env_create_destroy", span_env);
    after = free_count();
    if (failed || env_rounds != SPAN_ROUNDS || before != after) {
        print("error %ld, %lu of %u rounds, %lu frames free and then %lu\n", -failed, env_rounds,
              (uint32_t)SPAN_ROUNDS, before, after);
        return -1;
    }
    return error;
}
