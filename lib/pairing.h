/* SPDX-License-Identifier: MIT */
/*
 * lib/pairing.h - a set of things with keys, of which the least is at hand: nodes lie in the things
 * themselves. Adding costs nothing to speak of, removing the logarithm of how many there are.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct pairing {
    uint64_t key;
    struct pairing *child;  /* the first of those that are no less */
    struct pairing *next;   /* with the same parent */
    struct pairing *before; /* the one whose child or next this is; null for the root */
};

/* *root is null for an empty set, else the least. The node's key is set by the caller. */
void pairing_add(struct pairing **root, struct pairing *node);

/* Take out a node that is in the set. */
void pairing_remove(struct pairing **root, struct pairing *node);
