/* SPDX-License-Identifier: MIT */
/* kit.c - what the tests on libos/exo share (kit.h). */
#include "test/boot/kit.h"
#include <stdarg.h>
#include <stddef.h>
#include "abi/exposed.h"
#include "lib/format.h"
#include "lib/words.h"

int kit_run(trap_fn *fn, uint64_t argument);
void kit_landing(void);
void kit_jump(uint64_t va);
extern uint64_t kit_stack;

enum { FLAGS_PLAIN = 0x202, LINE_MAX = 300, TRIES = 20 };

static uint32_t checks;
static bool catching;
static struct trap trapped;
bool (*trap_watch)(struct save_area *save);

/* ---- saying ---- */
static void say_v(const char *head, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static void
say_v(const char *head, const char *fmt, va_list args)
{
    char line[LINE_MAX];

    format_v(line, sizeof(line), fmt, args);
    console_print(head);
    console_print(line);
    console_print("\n");
}

void
say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say_v("", fmt, args);
    va_end(args);
}

static _Noreturn void
leave(int status)
{
    if (exo_boot_page)
        call_power_off(SLOT_MACHINE, STATUS_INIT_FAIL);
    exo_exit(status);
}

void
fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say_v("FAIL ", fmt, args);
    va_end(args);
    leave(STATUS_FAIL);
}

void
breach(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say_v("BREACH ", fmt, args);
    va_end(args);
    leave(STATUS_BREACH);
}

void
expect(bool truth, const char *what)
{
    checks++;
    if (!truth)
        fail("%s", what);
}

void
hold(bool truth, const char *what)
{
    checks++;
    if (!truth)
        breach("%s", what);
}

int64_t
fine(int64_t value, const char *what)
{
    checks++;
    if (value < 0)
        fail("%s: error %ld", what, (long)-value);
    return value;
}

void
refuse(int64_t value, int error, const char *what)
{
    checks++;
    if (value >= 0)
        breach("%s was not refused: %ld", what, (long)value);
    if (value != -error)
        fail("%s: error %ld, not %d", what, (long)-value, error);
}

int
done(void)
{
    say("done %u", checks);
    return 0;
}

/* ---- traps ---- */
static void
on_trap(struct save_area *save)
{
    if (!catching)
        exo_die_of(save);
    if (trap_watch && trap_watch(save))
        return;
    trapped =
        (struct trap){(int64_t)save->vector, save->error, save->address, save->rip, save->rflags};
    save->rip = (uintptr_t)kit_landing;
    save->rsp = kit_stack;
    save->rflags = FLAGS_PLAIN;
}

struct trap
trap_catch(trap_fn *fn, uint64_t argument)
{
    exo_on_exception = exo_on_fault = exo_on_foreign = on_trap;
    trapped = (struct trap){.vector = NO_VECTOR};
    catching = true;
    if (!kit_run(fn, argument))
        trapped.vector = NO_VECTOR;
    catching = false;
    return trapped;
}

static void
load(uint64_t va)
{
    (void)*(const volatile uint8_t *)va;
}

static void
store(uint64_t va)
{
    *(volatile uint8_t *)va = 0x5a;
}

struct trap
trap_read(uint64_t va)
{
    return trap_catch(load, va);
}

struct trap
trap_write(uint64_t va)
{
    return trap_catch(store, va);
}

struct trap
trap_jump(uint64_t va)
{
    return trap_catch(kit_jump, va);
}

/* ---- arguments, frames, pages, slots ---- */
const char *
argument(uint32_t n)
{
    const char *s = (const char *)exo_start_page->strings_va;

    if (n + 1 >= exo_start_page->n_arguments)
        return "";
    for (uint32_t i = 0; i <= n; i++)
        s = string_next(s);
    return s;
}

uint64_t
frame_of_account(uint32_t account)
{
    static struct pool pool;
    uint64_t frame;

    pool.account = account;
    fine(pool_take_run(&pool, 1, &frame), "a frame");
    return frame;
}

uint64_t
frame_new(void)
{
    return frame_of_account(SLOT_ACCOUNT);
}

void
frame_gone(uint64_t frame)
{
    int64_t r;

    while ((r = call_frame_free(SLOT_ACCOUNT, frame, 1).value) == -E_AGAIN)
        ;
    fine(r, "frame_free");
}

bool
run_is_free(uint64_t first)
{
    const uint64_t *words = (const uint64_t *)EXPOSED_FREE;

    for (uint64_t i = 0; i < PT_ENTRIES / 64; i++)
        if (words[first / 64 + i] != UINT64_MAX)
            return false;
    return true;
}

uint64_t
frames_aligned_new(void)
{
    uint64_t n_frames = ((const struct machine_page *)EXPOSED_MACHINE)->n_frames;

    for (uint64_t first = PT_ENTRIES; first + PT_ENTRIES <= n_frames; first += PT_ENTRIES) {
        uint64_t got = 0;
        while (run_is_free(first) || got) {
            int64_t r = call_frame_alloc(SLOT_ACCOUNT, first + got, FRAME_BATCH_MAX).value;
            if (r <= 0)
                break;
            got += (uint64_t)r;
            if (got == PT_ENTRIES)
                return first;
        }
        for (uint64_t i = 0; i < got; i++)
            fine(call_frame_free(SLOT_ACCOUNT, first + i, 1).value, "frame_free");
    }
    fail("no 2 MiB of this machine are free and aligned");
}

bool
frame_again(uint64_t frame)
{
    int64_t taken = call_frame_alloc(SLOT_ACCOUNT, frame, 1).value;

    expect(taken == 1 || taken == -E_NOMEM, "frame_alloc of a frame just freed");
    return taken == 1;
}

void
until_quiet(bool (*fn)(void), const char *what)
{
    for (int i = 0; i < TRIES; i++)
        if (fn())
            return;
    fail("%s: others took the frame each time", what);
}

void
page_at(uint64_t va, uint64_t frame, uint64_t flags)
{
    uint64_t entry = frame << FRAME_SHIFT | flags;

    fine(space_map(&exo_space, va, &entry, 1, SLOT_ACCOUNT), "a page");
}

void *
page_new(uint64_t flags, uint64_t *frame)
{
    uint64_t va = room_take(1), got = frame_new();

    expect(va != 0, "room");
    page_at(va, got, flags);
    if (frame)
        *frame = got;
    return (void *)va;
}

uint64_t
table_new(uint64_t level)
{
    uint64_t frame = frame_new();

    fine(call_pt_make(SLOT_ACCOUNT, frame, level, frame_new()).value, "pt_make");
    return frame;
}

int64_t
map_one(uint64_t root, uint64_t va, uint64_t entry)
{
    return call_pt_map(SLOT_ACCOUNT, root, 0, va, (uintptr_t)&entry, 1, SLOT_ACCOUNT).value;
}

uint64_t
entry_at(uint64_t va)
{
    uint64_t entry;

    fine(space_read(&exo_space, va & ~(uint64_t)(FRAME_BYTES - 1), &entry, 1), "pt_read");
    return entry;
}

uint64_t
argument_number(uint32_t n, uint64_t otherwise)
{
    const char *word = argument(n);
    uint64_t value;

    return number_decimal((struct word){word, strlen(word)}, &value) || !value ? otherwise : value;
}

struct account_state
account_told(uint32_t slot)
{
    struct account_state state = {0};

    fine(call_account_read(slot, (uintptr_t)&state).value, "account_read");
    return state;
}

struct context_state
context_told(uint32_t slot)
{
    struct context_state state = {0};

    fine(call_context_read(slot, (uintptr_t)&state).value, "context_read");
    return state;
}

struct frame_state
frame_told(uint32_t account, uint64_t frame)
{
    struct frame_state state = {0};

    fine(call_frame_read(account, frame, 1, (uintptr_t)&state).value, "frame_read");
    return state;
}

uint32_t
cells_take(uint32_t n)
{
    static uint32_t next = CELLS_PER_FRAME;

    if (next + n > CELLS_PER_FRAME) { /* the frame is full: those in it live on */
        call_slot_clear(SLOT_SLOTS, SLOT_CELLS);
        fine(call_cells_make(SLOT_ACCOUNT, frame_new(), SLOT_CELLS).value, "cells_make");
        next = 1; /* the first is the frame's own */
    }
    next += n;
    return next - n;
}

struct cap
cap_of(uint32_t slot, uint32_t rights)
{
    uint32_t cell = cells_take(1);
    struct cap cap;

    fine(call_cap_grant(slot, SLOT_CELLS, cell, rights, 0, (uintptr_t)&cap).value, "cap_grant");
    return cap;
}

uint32_t
object_of_slot(uint32_t slot)
{
    return cap_of(slot, 0).object;
}

void
weaken(uint32_t slot, uint32_t rights, uint32_t into)
{
    struct cap cap = cap_of(slot, rights);

    fine(call_cap_bind(SLOT_SLOTS, into, (uintptr_t)&cap).value, "cap_bind");
}

void
stay_on(uint32_t cpu)
{
    fine(processor_keep(cpu), "processor_keep");
}

void
console_new(uint32_t account, uint64_t channel, uint32_t into, uint32_t events)
{
    enum { BUFFERS = 16 };
    struct pool pool = pool_of(account);
    uint64_t frame;

    if (pool_take_run(&pool, 1 + BUFFERS, &frame) < 0 ||
        call_console_make(SLOT_MACHINE, account, into, frame, BUFFERS, channel, events,
                          COUNTER_CONSOLE)
                .value < 0)
        call_power_off(SLOT_MACHINE, STATUS_INIT_FAIL);
    pool_close(&pool);
}
