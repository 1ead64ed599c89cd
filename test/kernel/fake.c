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
#include "kernel/context.h"
#include "kernel/epoch.h"
#include "kernel/log.h"
#include "kernel/mapping.h"
#include "kernel/object.h"
#include "kernel/slice.h"
#include "kernel/step.h"

static struct frame table[FAKE_FRAMES];
static _Alignas(FRAME_BYTES) uint8_t memory[FAKE_FRAMES][FRAME_BYTES];
static struct env env;

struct frame *frame_table = table;
uint64_t frame_count = FAKE_FRAMES;

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
    account_discharge(account_at(table[n].owner), 1);
    table[n] = (struct frame){.type = FRAME_FREE};
}

int
fake_free(uint64_t n)
{
    uint64_t steps = STEPS_MAX;

    return object_release(n, &steps);
}

/* As kernel/object.c, for the objects of the files under test. */
int
object_release(uint64_t n, uint64_t *steps)
{
    uint8_t type = table[n].type;

    if (type == FRAME_ACCOUNT && (account_at(n)->used_frames || account_at(n)->children))
        return E_BUSY;
    if (type == FRAME_PLAIN)
        return 0;
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

struct cpu *
cpu_at(uint32_t number)
{
    (void)number;
    return NULL;
}

struct cpu *
cpu_this(void)
{
    return NULL;
}

struct context *
context_current(void)
{
    return NULL;
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
fake_run_as(uint64_t account_frame)
{
    env.account = (uint32_t)account_frame;
}

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
    account_init(FAKE_ROOT);
    account_root->used_frames = FAKE_FRAMES - FAKE_FIRST_FREE + 1;
    cell_init(frame_become(FAKE_TABLE, FRAME_SLOTS), FAKE_TABLE, KIND_SLOTS);
    env = (struct env){.slots = FAKE_TABLE, .account = FAKE_ROOT};
    cap_init();
}

/* Processors are not part of this: nothing runs and no position is owned. */
void
slice_expel(void)
{
}

bool
slice_reap(uint32_t account, uint64_t *cursor, uint64_t *steps)
{
    (void)account;
    (void)cursor;
    (void)steps;
    return true;
}
