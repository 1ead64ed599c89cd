/* SPDX-License-Identifier: MIT */
/* fake.c - memory and processor of the kernel's parts on the host (fake.h). */
#include "test/kernel/fake.h"
#include <sanitizer/asan_interface.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/cap.h"
#include "kernel/console.h"
#include "kernel/context.h"
#include "kernel/epoch.h"
#include "kernel/event.h"
#include "kernel/inspect.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/mapping.h"
#include "kernel/object.h"
#include "kernel/owned.h"
#include "kernel/pin.h"
#include "kernel/slice.h"
#include "kernel/bound.h"

static struct frame table[FAKE_FRAMES];
static _Alignas(FRAME_BYTES) uint8_t memory[FAKE_FRAMES][FRAME_BYTES];
static struct env env;
static struct context context;
static struct cpu cpus[FAKE_CPUS];
static struct slice slices[FAKE_CPUS][SLICE_POSITIONS];
uint64_t fake_clock_ns, fake_upcalls;

struct frame *frame_table = table;
uint64_t frame_count = FAKE_FRAMES;

uint64_t
index_masked(uint64_t index, uint64_t n)
{
    return index < n ? index : 0;
}

/* ---- frames ---- */

void *
frame_address(uint64_t n)
{
    return memory[n];
}

uint64_t
frame_of(const void *object)
{
    return (uint64_t)((const uint8_t *)object - memory[0]) / FRAME_BYTES;
}

struct frame *
frame_at(uint64_t n)
{
    return &table[n];
}

struct frame *
frame_find(uint64_t n)
{
    return n < FAKE_FRAMES ? &table[n] : NULL;
}

void
frame_ref(uint64_t n)
{
    table[n].refs++;
}

void
frame_unref(uint64_t n)
{
    assert(table[n].refs > 0);
    table[n].refs--;
}

int
fake_take(uint64_t account_frame, uint64_t n)
{
    assert(table[n].type == FRAME_FREE);
    if (account_take(account_at(account_frame), ACCOUNT_FRAMES, 1))
        return E_DQUOT;
    table[n] = (struct frame){.type = FRAME_PLAIN};
    owned_enter((uint32_t)account_frame, n, 1);
    return 0;
}

int
frame_check_unused(const struct account *account, uint64_t n)
{
    const struct frame *f = frame_find(n);

    if (!f || f->type != FRAME_PLAIN || !account_covers(account, f->owner))
        return E_PERM;
    return f->refs ? E_BUSY : 0;
}

bool
mapping_break(uint64_t n, uint64_t *steps, uint64_t *epoch)
{
    (void)n;
    (void)steps;
    *epoch = 0;
    return true; /* nothing is mapped here */
}

struct result
epoch_error(int error)
{
    return result_error(error);
}

void *
frame_become(uint64_t n, enum frame_type type)
{
    table[n].type = (uint8_t)type;
    ASAN_UNPOISON_MEMORY_REGION(memory[n], FRAME_BYTES);
    return memset(memory[n], 0, FRAME_BYTES);
}

void
frame_retire(uint64_t n)
{
    table[n].type = FRAME_PLAIN;
    ASAN_POISON_MEMORY_REGION(memory[n], FRAME_BYTES);
}

void
frame_give_back(uint64_t n)
{
    account_return(account_at(table[n].owner), ACCOUNT_FRAMES, 1);
    owned_leave(n);
    table[n] = (struct frame){.type = FRAME_FREE};
}

int
fake_free(uint64_t n)
{
    uint64_t steps = STEPS_MAX;

    return object_release(n, &steps);
}

/* There are none of 2 MiB. */
uint64_t
frame_head(uint64_t n)
{
    return n;
}

int
frame_take(uint64_t n, uint64_t *steps)
{
    *steps -= *steps > 0;
    if (table[n].refs)
        return E_BUSY;
    frame_give_back(n);
    return 0;
}

void
pin_fall(struct leaf *leaf)
{
    (void)leaf;
    panic("nothing is pinned here");
}

void
inspect_fall(struct leaf *leaf)
{
    (void)leaf;
    panic("nothing is shown here");
}

void
event_fall(struct leaf *leaf)
{
    (void)leaf;
    panic("nobody is told of counters here");
}

void
console_fall(struct leaf *leaf)
{
    (void)leaf;
    panic("there are no consoles here");
}

/* As kernel/object.c, for the objects of the files under test. */
int
object_release(uint64_t n, uint64_t *steps)
{
    uint8_t type = table[n].type;

    if (type == FRAME_ACCOUNT && !account_is_empty(account_at(n)))
        return E_BUSY;
    if (type == FRAME_PLAIN)
        return 0;
    if (!type_has_cell(type))
        return E_INVAL;
    if (!revoke_object(n, steps))
        return E_AGAIN;
    if (type == FRAME_ACCOUNT)
        account_release(account_at(n));
    if (type == FRAME_SLOTS)
        slots_release(frame_address(n));
    frame_retire(n);
    return 0;
}

/* ---- the processor and its caller ---- */

uint64_t
copy_in(void *to, uint64_t from_va, size_t n)
{
    memcpy(to, (const void *)(uintptr_t)from_va, n); // NOLINT(performance-no-int-to-ptr)
    return 0;
}

uint64_t
copy_out(uint64_t to_va, const void *from, size_t n)
{
    memcpy((void *)(uintptr_t)to_va, from, n); // NOLINT(performance-no-int-to-ptr)
    return 0;
}

bool
arch_random(uint64_t *out)
{
    static uint64_t last = 1;

    *out = last = last * 6364136223846793005u + 1442695040888963407u;
    return true;
}

uint64_t
clock_now(void)
{
    return fake_clock_ns;
}

struct cpu *
cpu_at(uint32_t number)
{
    return &cpus[number];
}

struct cpu *
cpu_this(void)
{
    return &cpus[0];
}

uint32_t
cpu_count(void)
{
    return FAKE_CPUS;
}

struct context *
context_current(void)
{
    return &context;
}

struct context *
arch_context_of(uint64_t frame)
{
    return frame_address(frame);
}

void
context_due(struct context *due, enum upcall kind)
{
    assert(due == &context && kind == UPCALL_REVOKE);
    fake_upcalls++;
}

struct context *
context_soonest(const uint32_t *frames, uint32_t n, uint64_t mask)
{
    (void)frames;
    return n && !mask ? &context : NULL;
}

void
lock_quiesce(void) /* who would read without the lock is not there */
{
}

bool
slice_forget(const uint32_t *circle, uint64_t *steps)
{
    (void)circle;
    (void)steps;
    panic("nobody is named here");
}

/* As kernel/vector.c, but for what runs. */
void
slice_free(struct cpu *cpu, uint64_t position)
{
    account_return(account_at(cpu->slice[position].owner), ACCOUNT_SLICES, 1);
    cpu->slice[position] = (struct slice){0};
}

bool
slice_reap(uint32_t account, uint64_t *cursor, uint64_t *steps)
{
    for (; *cursor < FAKE_CPUS * (uint64_t)SLICE_POSITIONS; ++*cursor) {
        struct cpu *cpu = cpu_at((uint32_t)(*cursor / SLICE_POSITIONS));
        uint64_t position = *cursor % SLICE_POSITIONS;
        if (!account_covers(account_at(account), cpu->slice[position].owner))
            continue; /* which costs nothing here */
        if (!*steps)
            return false;
        --*steps;
        slice_free(cpu, position);
    }
    return true;
}

uint64_t *
lock_steps(void)
{
    static uint64_t steps;

    steps = STEPS_MAX / 2;
    return &steps;
}

void
slice_expel(bool called)
{
    (void)called;
}

bool
time_lost(uint64_t due_ns, uint64_t now_ns)
{
    return now_ns > due_ns + SLICE_LOST_NS;
}

void
slice_poke(struct cpu *cpu)
{
    (void)cpu;
}

struct env *
env_current(void)
{
    return &env;
}

void
panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("panic: ", stderr);
    vfprintf(stderr, format, args);
    fputs("\n", stderr);
    va_end(args);
    abort();
}

/* ---- the beginning ---- */

void
fake_begin(void)
{
    for (uint64_t n = 0; n < FAKE_FRAMES; n++) {
        table[n] = (struct frame){.owner = FAKE_ROOT, .type = FRAME_PLAIN};
        ASAN_POISON_MEMORY_REGION(memory[n], FRAME_BYTES);
    }
    table[0] = (struct frame){.type = FRAME_KERNEL};
    table[FAKE_ROOT].owner = 0;
    frame_become(FAKE_ROOT, FRAME_ACCOUNT);
    owned_init(FAKE_ROOT);
    owned_enter(FAKE_ROOT, FAKE_TABLE, FAKE_FRAMES - FAKE_TABLE);
    account_init(FAKE_ROOT);
    assert(!account_take(account_root, ACCOUNT_FRAMES,
                         FAKE_FRAMES - FAKE_TABLE)); /* but 0, and root's own */
    account_totals();
    memset(slices, 0, sizeof(slices));
    for (uint32_t i = 0; i < FAKE_CPUS; i++)
        cpus[i] = (struct cpu){.number = i, .slice = slices[i]};
    fake_clock_ns = fake_upcalls = 0;
    cell_init(frame_become(FAKE_TABLE, FRAME_SLOTS), FAKE_TABLE, KIND_SLOTS);
    env = (struct env){.slots = FAKE_TABLE, .account = FAKE_ROOT};
    context.slots = frame_address(FAKE_TABLE);
    cap_init();
}
