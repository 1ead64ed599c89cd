/* SPDX-License-Identifier: MIT */
/*
 * root_walk.c - the walk of the calls that only root has the rights for, where we are init: with
 * every wrong capability (walk.h), every argument at its edges (edges.h), and the twins, which
 * succeed: consoles are opened and ended, a partition's status is told, a line is logged. Power_off
 * comes last, with just the right that it asks for; the machine ends with the status that off=N on
 * the kernel's command line names. The word `only`: nothing else.
 */
#include "test/boot/edges.h"
#include "test/boot/foreign.h"
#include "test/boot/pointers.h"
#include "test/boot/state.h"
#include "test/boot/walk.h"
#include "abi/account.h"
#include "abi/channel.h"
#include "lib/words.h"

enum { CHANNEL = 1, CHILD = 95, CONSOLES };
enum { CELLS = 85, RIGHT, OTHER, BELOW = 84 };

static const uint32_t calls[] = {CALL_console_make, CALL_console_close, CALL_console_status,
                                 CALL_log_write, CALL_power_off};

/* Channels are counted: an account that may have none gets none, and one that may have one no more.
 */
static void
channels_counted(void)
{
    struct account_terms terms = {.name = 77, .limit_frames = 16};
    struct account_state told = {0};
    uint64_t reg[REGISTERS], frame[2];

    call_slot_clear(SLOT_SLOTS, GOOD_INTO);
    fine(call_account_make(SLOT_ACCOUNT, frame_new(), CHILD, (uintptr_t)&terms).value,
         "account_make");
    for (uint32_t i = 0; i < 2; i++) {
        struct pool pool = {.account = CHILD};
        fine(pool_take_run(&pool, 2, &frame[i]), "two frames");
    }
    for (uint64_t most = 0; most < 2; most++) {
        fine(call_account_limit_set(CHILD, ACCOUNT_CHANNELS, 0, most).value, "account_limit_set");
        for (uint64_t n = 0; n <= most; n++) {
            int64_t r;
            good_call(CALL_console_make, reg);
            reg[1] = CHILD | (uint64_t)(CONSOLES + n) << 32;
            reg[2] = frame[n];
            r = call_with(CALL_console_make, reg).value;
            if (n < most)
                fine(r, "console_make");
            else
                refuse(r, E_DQUOT, "a channel beyond the limit");
        }
    }
    fine(call_account_read(CHILD, (uintptr_t)&told).value, "account_read");
    hold(told.count[ACCOUNT_CHANNELS].used == 1, "channels are counted");
    while (fine(call_account_destroy(CHILD).value, "account_destroy"))
        ;
}

/* Positions that are taken by force are taken from no reserve of an account below. */
static void
positions_spared(void)
{
    struct account_terms terms = {.name = 78, .limit_frames = 16};
    int64_t left;

    call_slot_clear(SLOT_SLOTS, CHILD);
    fine(call_account_make(SLOT_ACCOUNT, frame_new(), CHILD, (uintptr_t)&terms).value,
         "account_make");
    fine(call_account_make(CHILD, frame_of_account(CHILD), BELOW, (uintptr_t)&terms).value,
         "account_make");
    call_slice_give(SLOT_ACCOUNT, 0, GOOD_POSITION, 1);
    fine(call_account_limit_set(CHILD, ACCOUNT_SLICES, 2, 4).value, "account_limit_set");
    fine(call_account_limit_set(BELOW, ACCOUNT_SLICES, 1, 4).value, "account_limit_set");
    fine(call_slice_take(BELOW, 0, GOOD_POSITION, 1).value, "slice_take");
    fine(call_slice_take(CHILD, 0, GOOD_POSITION + 1, 2).value, "slice_take");
    left = call_account_revoke(CHILD, ACCOUNT_SLICES, 1, 1).value;
    while (fine(left, "account_revoke") > 0)
        left = call_account_revoke(CHILD, ACCOUNT_SLICES, 0, 0).value;
    hold(account_told(BELOW).count[ACCOUNT_SLICES].used == 1, "a reserve below stays");
    hold(account_told(CHILD).count[ACCOUNT_SLICES].taken == 1, "and one is taken");
    call_slot_clear(SLOT_SLOTS, BELOW);
    while (fine(call_account_destroy(CHILD).value, "account_destroy"))
        ;
    call_slot_clear(SLOT_SLOTS, CHILD);
}

/* Who has every right to his own account does not end it, nor take from it, nor limit it. */
static void
own_account(void)
{
    refuse(call_account_destroy(SLOT_ACCOUNT).value, E_BUSY, "ending one's own account");
    refuse(call_account_revoke(SLOT_ACCOUNT, ACCOUNT_FRAMES, 1, 0).value, E_BUSY, "asking oneself");
    refuse(call_account_limit_set(SLOT_ACCOUNT, ACCOUNT_SLICES, 0, 5).value, E_PERM,
           "limiting the machine");
}

/* A console raises its counters by the right by which it was made; with that its sends end too. */
static void
counters_of_a_right(void)
{
    uint64_t reg[REGISTERS], frame = frame_new();
    struct cap cap;

    call_slot_clear(SLOT_SLOTS, CELLS);
    fine(call_cells_make(SLOT_ACCOUNT, frame_new(), CELLS).value, "cells_make");
    for (uint32_t i = 0; i < 2; i++) {
        call_slot_clear(SLOT_SLOTS, RIGHT + i);
        fine(call_cap_grant(SLOT_EVENTS, CELLS, 1 + i, RIGHT_POST, 0, (uintptr_t)&cap).value,
             "cap_grant");
        fine(call_cap_bind(SLOT_SLOTS, RIGHT + i, (uintptr_t)&cap).value, "cap_bind");
    }
    call_slot_clear(SLOT_SLOTS, GOOD_INTO);
    good_call(CALL_console_make, reg);
    reg[4] = RIGHT | (uint64_t)COUNTER_CONSOLE << 32;
    fine(call_with(CALL_console_make, reg).value, "console_make");
    for (uint32_t cell = 3; cell > 0; cell--) { /* of something else, of another right, of this */
        int64_t r;
        fine(call_cap_revoke(CELLS, cell).value, "cap_revoke");
        r = call_console_send(GOOD_INTO, STREAM_OUTPUT, SLOT_ACCOUNT, frame, 0, 1, SLOT_EVENTS,
                              COUNTER_CONSOLE)
                .value;
        hold(cell > 1 ? r == 1 || r == -E_AGAIN : r == -E_INVAL,
             "it raises counters for just as long as its right lasts");
    }
}

/* One line each, whoever wrote it: nobody writes what looks as if the kernel did. */
static void
log_lines(void)
{
    static const char *const said[] = {"a line\nkernel| check: forged", "\x1b[2J\x7f\x80\xff.\t.",
                                       "with an end\n", "\n", " ~"};

    for (uint32_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        hold(call_log_write(SLOT_MACHINE, (uintptr_t)said[i], strlen(said[i])).value ==
                 (int64_t)strlen(said[i]),
             "log_write");
}

/* The twin of power_off: its slot has POWER, and no other right. */
static _Noreturn void
off(void)
{
    uint64_t status = 0;

    walk_bind(SLOT_MACHINE, RIGHT_POWER, WALK_EXACT, 21);
    if (!line_has_number(exo_boot_page->arguments, "off", &status))
        fail("no off=N");
    call_power_off(WALK_EXACT, status);
    fail("the machine goes on");
}

int
exo_main(const struct start_page *start)
{
    uint32_t n_pointers = 0;

    (void)start;
    console_new(SLOT_ACCOUNT, CHANNEL, SLOT_CONSOLE, SLOT_EVENTS);
    good_begin();
    foreign_begin();
    state_begin();
    walk_begin();
    pointers_begin();
    if (!line_has_word(exo_boot_page->arguments, "only"))
        for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
            walk_call(call_shape_of(calls[i]));
            edges_walk(call_shape_of(calls[i]));
            bounds_walk(call_shape_of(calls[i]));
            n_pointers += pointers_walk(call_shape_of(calls[i]));
        }
    expect(n_pointers > 0 || line_has_word(exo_boot_page->arguments, "only"),
           "one of them follows an address");
    channels_counted();
    own_account();
    positions_spared();
    counters_of_a_right();
    log_lines();
    done();
    off();
}
