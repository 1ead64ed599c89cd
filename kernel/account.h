/* SPDX-License-Identifier: MIT */
/* kernel/account.h - the one kind of principal. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/account.h"
#include "kernel/cap.h"

/*
 * Invariants
 *  A1 used_frames counts the frames whose owner is this account or one below; used <= limit.
 *  A2 path[depth] is the account itself, path[i] its ancestor at depth i: so dominance is one look.
 */
struct account {
    struct cell cell;
    uint64_t name;
    uint64_t limit_frames;
    uint64_t used_frames;
    uint64_t peak_frames;
    uint32_t depth;
    uint32_t dying;
    uint32_t strikes_max;  /* a context that has more is stopped; 0: none is */
    uint64_t work_cycles;  /* of root: taken by interrupts for whomever */
    uint64_t latency_ns;   /* how long a woken context may run before its turn */
    uint64_t slice_cursor; /* of slice_reap */
    uint64_t reap_cursor;  /* next frame number to look at */
    uint32_t reap_round;   /* enum reap_round of account.c */
    uint32_t children;
    uint32_t path[ACCOUNT_DEPTH_MAX];
};

extern struct account *account_root;

/* The account in a frame that is known to be one. */
struct account *account_at(uint64_t frame);
/* Is `below` the account itself or one under it? below: frame number of an account, or 0. */
bool account_covers(const struct account *account, uint32_t below);
/* Charges n frames to the account and those above: 0, or E_DQUOT and nothing is charged. */
int account_charge(struct account *account, uint64_t n);
void account_discharge(struct account *account, uint64_t n);
/* Takes a discharge back that was made in the same call. */
void account_restore(struct account *account, uint64_t n);
/* Boot: makes the root account in frame n with every frame of the machine as its limit. */
void account_init(uint64_t n);
/*
 * Is the account, or one above it, being destroyed? Then nothing of it runs. frame: of an account.
 */
bool account_dying(uint32_t frame);
/* The account's object ends; nothing is charged to it any more. */
void account_release(struct account *account);
