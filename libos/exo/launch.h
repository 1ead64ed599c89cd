/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/launch.h - making a partition: what init does, out of kernel calls that anybody with
 * the authority may use.
 *
 * The caller needs SLOT_ACCOUNT, SLOT_SLOTS, SLOT_EVENTS, and SLOT_MACHINE with every
 * right, and gives up the slots of enum launch_slot while a function here runs.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/cap.h"
#include "abi/context.h"
#include "libos/exo/console.h"

/* A module of the boot bundle, mapped in our space. */
struct module {
    const void *bytes;
    uint64_t length;
    uint64_t first_frame;
};

struct launch {
    const char *name;
    uint32_t channel;
    uint32_t account_slot; /* where the account is to stand; empty before */
    uint64_t limit_frames;
    struct module library, program; /* program.length 0: there is none */
    const char *strings;            /* see struct start_page */
    uint64_t strings_bytes;
    uint32_t n_arguments, n_environment;
    uint32_t stop_index; /* the counter of SLOT_EVENTS to raise when it stops */
    uint32_t position;   /* of the slice vector */
    uint64_t slice_ns;
    bool inspects; /* it may read the state of the whole machine: SLOT_INSPECT */
};

/* What we keep of one: capabilities for us alone, bound only while they are used. */
struct partition {
    uint32_t channel, account_slot, position;
    uint64_t account_frame;
    bool has_console; /* also where it could not be made to the end */
    struct cap context, console, events;
};

enum launch_slot {
    LAUNCH_SLOTS = SLOT_FIRST_FREE,
    LAUNCH_CELLS,
    LAUNCH_ENV,
    LAUNCH_CONTEXT,
    LAUNCH_EVENTS,
    LAUNCH_CONSOLE,
    LAUNCH_SLOT_END,
};

/* The console of a partition that is at hand. */
extern const struct console launch_console;

/*
 * All that up to n partitions at a time take of us: a frame each for their accounts, which lie in
 * frames of ours, and the tables of a window, where their parts are mapped while they are filled.
 * What a launch needs beside that is charged to the partition, the
 * page of its account (account_shown) among it. Once. 0, or an error.
 */
int launch_begin(uint32_t n);

/*
 * Make the partition and give it its slice. 0; or an error, and *why a phrase for the user. After
 * an error nothing is left of it, or, if it has a console, it waits for partition_destroy, and that
 * console is at hand: a channel is opened once only.
 */
int partition_launch(const struct launch *l, struct partition *out, const char **why);

/*
 * Bind context, console and events of a partition to the slots of enum launch_slot, as far as they
 * are there: it may have ended any of them. 0, or an error: the context is gone.
 */
int partition_at_hand(const struct partition *p);

/* Take back all that is a partition's; it is not at hand afterwards. 0, or an error. */
int partition_destroy(const struct partition *p);

/*
 * A console on our own account for a channel whose partition could not be made: *frame is its
 * frame. It is at hand until console_discard. 0, or an error.
 */
int console_borrow(uint32_t channel, uint64_t *frame);
void console_discard(uint64_t frame);
