/* SPDX-License-Identifier: MIT */
/*
 * same.c - a call that is refused changes nothing: the test build's witness, with the word `same` of
 * the command line.
 *
 * Before each call all that is the kernel's is copied: its data, its memory of boot (the frame
 * table, the free bitmap, positions, reverse names, waiters, the processor's state), and every
 * frame that is an object. Where the call gives an error all is compared. What differs is said in
 * the log, a line each, and the machine ends: panic.
 *
 * Invariants
 *  Y1 what `exempt` does not name, nor the notes below, is the same behind an error as before.
 *  Y2 the copies are the state as it is now, while `clean` and as long as the kernel's lock is not
 *     taken: then the next call needs none. Upcalls and foreign calls write to users' pages alone.
 * Not looked at: the image's text and read-only data and the kernel's page tables (the word `check`
 * does), stacks, rings and buffers of the console's device, firmware's memory, users' pages. What
 * transfer.S does and undoes before it leaves a call to C is seen; of root.S nothing is, since it is
 * passed by where calls are watched.
 * On one processor only: others would change things meanwhile.
 */
#include "plant.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/dev/channel.h"
#include "kernel/epoch.h"
#include "kernel/frame.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/slice.h"
#include "lib/words.h"

enum {
    WORDS = FRAME_BYTES / sizeof(uint64_t),
    UNWATCHED_MAX = 64,
    SAID_MAX = 12,  /* lines of one call */
    ROOM_SHARE = 6, /* of the machine's frames so many keep the copies */
    NO_NUMBER = CALL_BLOCK,
};

extern char kernel_data[], kernel_end[];

static struct same {
    bool on, ready, clean;
    bool device;   /* in this call the console's device was found to have done something */
    bool open;     /* a call has begun and has not ended here: it succeeded elsewhere, or slept */
    uint32_t turn; /* the lock's, of which the copies are */
    uint64_t number;
    uint64_t refused; /* calls, and nothing has changed; */
    uint64_t beside;  /* where something may */
    uint32_t registers, registers_bytes;
    uint64_t data_frame;               /* where kernel_data lies */
    uint64_t n_found, found[SAID_MAX]; /* words of copies that differ */
    uint64_t room, n_kernel, n; /* frames of copies: there are, of the kernel's memory, in use */
    uint32_t *of;               /* the frame that each is of */
    uint64_t *copy;
    uint32_t n_unwatched;
    struct {
        uint64_t first, n;
    } unwatched[UNWATCHED_MAX];
} same;

/* ---- what may change ---- */

/*
 * Of objects of a type, at an offset, in a call (NO_NUMBER: any) that gives this error (0: any).
 * Keep it short: each is a reason why nobody can be hurt by it.
 */
static const struct exempt {
    uint32_t number;
    int error;
    uint8_t type;
    uint32_t offset, bytes;
} exempt[] = {
    /* where a wait notes what it looks at: nothing of it means anything beyond n_clauses, now 0 */
    {CALL_wait, 0, FRAME_CONTEXT, offsetof(struct context, clause),
     sizeof(struct context) - offsetof(struct context, clause)},
    /* the deadline that has ended the wait is over */
    {CALL_wait, E_INTR, FRAME_CONTEXT, offsetof(struct context, deadline_ns), 8},
    /* a wrong capability is counted, and costs its account time: so says the page of cap_bind */
    {CALL_cap_bind, E_KEYREJECTED, FRAME_ACCOUNT,
     offsetof(struct account, state) + offsetof(struct account_state, rejected), 8},
    {CALL_cap_bind, E_KEYREJECTED, FRAME_ACCOUNT,
     offsetof(struct account, state) + offsetof(struct account_state, bind_after_ns), 8},
    {CALL_cap_bind, E_KEYREJECTED, FRAME_ACCOUNT, offsetof(struct account, rejects_paid_ns), 8},
    {CALL_cap_bind, E_KEYREJECTED, FRAME_EXPOSED,
     offsetof(struct account_page, state) + offsetof(struct account_state, rejected), 8},
    {CALL_cap_bind, E_KEYREJECTED, FRAME_EXPOSED,
     offsetof(struct account_page, state) + offsetof(struct account_state, bind_after_ns), 8},
};

/* Calls that do a bounded part of what was asked and say with E_AGAIN that it is not all. */
static const uint32_t partly[] = {CALL_cap_revoke, CALL_frame_free, CALL_frame_join};

static bool
done_in_part(int64_t value)
{
    for (uint32_t i = 0; i < sizeof(partly) / sizeof(partly[0]); i++)
        if (same.number == partly[i] && value == -E_AGAIN)
            return true;
    return false;
}

static bool
exempted(uint8_t type, uint32_t offset, int error)
{
    for (const struct exempt *e = exempt; e < exempt + sizeof(exempt) / sizeof(exempt[0]); e++)
        if (e->type == type && offset - e->offset < e->bytes &&
            (e->number == NO_NUMBER || e->number == same.number) &&
            (!e->error || e->error == error))
            return true;
    return false;
}

static bool
is_table(uint8_t type)
{
    return type >= FRAME_PT1 && type <= FRAME_PT4;
}

/* Accessed and dirty bits come by themselves, in the kernel's half of a root too. */
static bool
entry_differs(uint64_t before, uint64_t now)
{
    const uint64_t recorded = MAP_ACCESSED | MAP_DIRTY;

    if (!arch_pte_present(before) || !arch_pte_present(now))
        return before != now;
    return (arch_pte_decode(before) ^ arch_pte_decode(now)) & ~recorded;
}

/*
 * Of the frame table. A stale frame is cleared before it is looked at (F4 of frame.h): nobody can
 * tell when. A companion's stamp gets marks for what may have been filled (M6 of pt.c): one too many
 * costs who looks for entries a look.
 */
static bool
entry_of_frame_differs(uint64_t at, uint64_t before, uint64_t now)
{
    const uint64_t stale = (uint64_t)(FRAME_STALE | FRAME_ZERO) << 40;
    uint64_t differ = before ^ now;

    if (at % sizeof(struct frame) == 0)
        return differ & (before & (uint64_t)FRAME_STALE << 40 ? ~stale : ~(uint64_t)0);
    if (at % sizeof(struct frame) == offsetof(struct frame, other) &&
        frame_at(at / sizeof(struct frame))->type == FRAME_COMPANION)
        return differ & UINT32_MAX || before & ~now;
    return differ;
}
_Static_assert(offsetof(struct frame, flags) == 5 && offsetof(struct frame, other) == 16 &&
                   offsetof(struct frame, stamp) == 20,
               "its words");

/*
 * Words of the image's data that change by themselves: the lock's; these copies'; how often entries
 * may have changed, which counts walks that came to nothing too (a tag less is kept, tag.c).
 */
static bool
own_data(uint64_t va)
{
    return va - (uint64_t)&kernel_lock_word < sizeof(kernel_lock_word) ||
           va - (uint64_t)&same < sizeof(same) ||
           va - (uint64_t)&entries_changed < sizeof(entries_changed);
}

/* Where a word of the image's data lies; 0: it is of no such. */
static uint64_t
data_va(uint64_t frame, uint32_t w)
{
    uint64_t va =
        (uint64_t)kernel_data + ((frame - same.data_frame) << FRAME_SHIFT) + w * (uint64_t)8;

    return va < (uint64_t)kernel_end ? va : 0;
}

/* Does the difference at word w of the copy i count? */
static bool
differs(uint64_t i, uint32_t w, int error)
{
    const uint64_t *now = (const uint64_t *)frame_address(same.of[i]) + w;
    uint64_t before = same.copy[i * WORDS + w];
    const struct frame *f = frame_at(same.of[i]);
    uint64_t in_table = (uint64_t)now - (uint64_t)frame_table;

    if (is_table(f->type))
        return entry_differs(before, *now);
    if (f->type == FRAME_CONTEXT && same.of[i] == context_current()->self &&
        w * 8 - same.registers < same.registers_bytes)
        return false; /* the caller's registers, saved by entry code */
    if (f->type != FRAME_KERNEL)
        return !exempted(f->type, w * 8, error);
    if (data_va(same.of[i], w))
        return !own_data(data_va(same.of[i], w));
    return in_table >= frame_count * sizeof(struct frame) ||
           entry_of_frame_differs(in_table, before, *now);
}

/* ---- copies ---- */

static bool
is_watched_object(uint8_t type)
{
    return (type >= FRAME_PT1 && type <= FRAME_COMPANION) || type == FRAME_EXPOSED;
}

static bool
is_unwatched(uint64_t frame)
{
    for (uint32_t i = 0; i < same.n_unwatched; i++)
        if (frame - same.unwatched[i].first < same.unwatched[i].n)
            return true;
    return false;
}

static void
copy_add(uint64_t frame)
{
    if (same.n == same.room)
        panic("same: no room for the copies: give the machine more memory");
    same.of[same.n++] = (uint32_t)frame;
}

/* Once: the kernel's memory from its data on; what lies below is text, and the firmware's. */
static void
kernel_add(void)
{
    for (uint64_t n = same.data_frame; n < frame_count; n++)
        if (frame_at(n)->type == FRAME_KERNEL && !is_unwatched(n))
            copy_add(n);
    same.n_kernel = same.n;
    same.ready = true;
}

/* These two are most of what it costs. */
__attribute__((no_sanitize("undefined"))) static void
frame_copy(uint64_t *to, const uint64_t *from)
{
#pragma GCC unroll 8
    for (uint32_t w = 0; w < WORDS; w++)
        to[w] = from[w];
}

__attribute__((no_sanitize("undefined"))) static bool
frame_changed(const uint64_t *before, const uint64_t *now)
{
    uint64_t differ = 0;

#pragma GCC unroll 8
    for (uint32_t w = 0; w < WORDS; w++)
        differ |= before[w] ^ now[w];
    return differ;
}

static void
take(void)
{
    if (!same.ready)
        kernel_add();
    same.n = same.n_kernel;
    for (uint64_t n = 0; n < frame_count; n++)
        if (is_watched_object(frame_at(n)->type))
            copy_add(n);
    for (uint64_t i = 0; i < same.n; i++)
        frame_copy(same.copy + i * WORDS, frame_address(same.of[i]));
    same.clean = true;
    same.turn = atomic_load_explicit(&kernel_lock_word.turn, memory_order_relaxed);
}

/* ---- what differs ---- */

static const char *const type_names[FRAME_TYPES] = {
    [FRAME_PT1] = "table of level 1",  [FRAME_PT2] = "table of level 2",
    [FRAME_PT3] = "table of level 3",  [FRAME_PT4] = "root",
    [FRAME_ACCOUNT] = "account",       [FRAME_SLOTS] = "binding table",
    [FRAME_CELLS] = "cells",           [FRAME_ENV] = "environment",
    [FRAME_CONTEXT] = "context",       [FRAME_EVENTS] = "counters",
    [FRAME_ENTRY] = "entry",           [FRAME_CONSOLE] = "console",
    [FRAME_VECTOR] = "vectors",        [FRAME_BUFFER] = "console's buffer",
    [FRAME_ENDED] = "ended object",    [FRAME_COMPANION] = "companion",
    [FRAME_EXPOSED] = "account's page"};

static void
say(uint64_t i, uint32_t w)
{
    uint64_t frame = same.of[i], before = same.copy[i * WORDS + w];
    const uint64_t *now = (const uint64_t *)frame_address(frame) + w;
    uint64_t in_table = (uint64_t)now - (uint64_t)frame_table;
    const char *type = type_names[frame_at(frame)->type % FRAME_TYPES];

    if (type)
        log_line("same: %s, frame %lu, byte %u: %lx, %lx", type, frame, w * 8, before, *now);
    else if (data_va(frame, w))
        log_line("same: data at %lx: %lx, %lx", data_va(frame, w), before, *now);
    else if (in_table < frame_count * sizeof(struct frame))
        log_line("same: of frame %lu, a %s, byte %lu of its entry: %lx, %lx",
                 in_table / sizeof(struct frame),
                 type_names[frame_at(in_table / sizeof(struct frame))->type]
                     ? type_names[frame_at(in_table / sizeof(struct frame))->type]
                     : "plain or free one",
                 in_table % sizeof(struct frame), before, *now);
    else
        log_line("same: the kernel's memory, frame %lu, byte %u: %lx, %lx", frame, w * 8, before,
                 *now);
    channel_drain(); /* no line of these is to be lost */
}

/* Notes which words of copy i differ that should not. */
static void
compare(uint64_t i, int error)
{
    const uint64_t *now = frame_address(same.of[i]), *before = same.copy + i * WORDS;

    if (!frame_changed(before, now))
        return;
    for (uint32_t w = 0; w < WORDS; w++) {
        if (before[w] == now[w])
            continue;
        if (!data_va(same.of[i], w) || !own_data(data_va(same.of[i], w)))
            same.clean = false; /* if it is exempt here, elsewhere it may not be */
        if (!differs(i, w, error))
            continue;
        if (same.n_found < SAID_MAX)
            same.found[same.n_found] = i * WORDS + w;
        same.n_found++;
    }
}

static _Noreturn void
tell(int error)
{
    for (uint64_t i = 0; i < same.n_found && i < SAID_MAX; i++)
        say(same.found[i] / WORDS, (uint32_t)(same.found[i] % WORDS));
    panic("same: %s gives error %d, and %lu words have changed",
          call_names[same.number] ? call_names[same.number] : "no call", error, same.n_found);
}

/* ---- from outside ---- */

void
same_init(const char *command_line)
{
    same.on = line_has_word(command_line, "same");
}

bool
plant_watches(void)
{
    return same.on;
}

void *
plant_unwatched(void *memory, uint64_t n_frames)
{
    if (same.on && same.n_unwatched == UNWATCHED_MAX)
        panic("same: too much is unwatched");
    if (same.on) {
        same.unwatched[same.n_unwatched].first = frame_of(memory);
        same.unwatched[same.n_unwatched++].n = n_frames;
    }
    return memory;
}

void
plant_watch(uint64_t n_frames, uint64_t data_pa, uint32_t registers, uint32_t registers_bytes)
{
    uint64_t list;

    if (!same.on)
        return;
    same.room = n_frames / ROOM_SHARE;
    list = (same.room * sizeof(*same.of) + FRAME_BYTES - 1) >> FRAME_SHIFT;
    same.copy = plant_unwatched(frame_boot_alloc(same.room), same.room);
    same.of = plant_unwatched(frame_boot_alloc(list), list);
    same.data_frame = data_pa >> FRAME_SHIFT;
    same.registers = registers;
    same.registers_bytes = registers_bytes;
}

void
plant_device_acts(void)
{
    same.device = true;
}

void
plant_call_begins(uint64_t number)
{
    uint32_t turn = atomic_load_explicit(&kernel_lock_word.turn, memory_order_relaxed);

    if (!same.on)
        return;
    if (cpu_count() > 1)
        panic("same: on one processor only");
    if (number == CALL_power_off) {
        log_line("same: %lu calls were refused, and changed nothing; %lu were not looked at",
                 same.refused, same.beside);
        same.clean = false; /* the line has gone to the port */
    }
    if (!same.clean || same.open || turn != same.turn)
        take();
    same.number = number;
    same.device = false;
    same.open = true;
}

void
plant_call_ends(int64_t value)
{
    if (!same.on)
        return;
    same.open = false;
    if (value >= 0 || done_in_part(value) || same.device) {
        same.clean = false;
        same.beside += value < 0;
        return;
    }
    for (uint64_t i = 0; i < same.n; i++)
        compare(i, (int)-value);
    if (same.n_found)
        tell((int)-value);
    same.refused++;
    same.turn = atomic_load_explicit(&kernel_lock_word.turn, memory_order_relaxed);
}
