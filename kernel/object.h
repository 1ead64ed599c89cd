/* SPDX-License-Identifier: MIT */
/* kernel/object.h - how each type of frame ends. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * Makes frame n, whatever it is, plain again: it lets go of what it stands on. Takes from *steps
 * what it costs. E_BUSY when others need it, E_AGAIN
 * when *steps did not suffice to revoke what was granted from it, or an epoch has to pass: call
 * again, E_INVAL when it is nobody's to free.
 */
int object_release(uint64_t n, uint64_t *steps);

/* frame.c: an unreferenced plain frame returns to the free pool. */
void frame_give_back(uint64_t n);
/* table.c: drops what the page table in frame n maps or links; returns how many entries. */
uint64_t pt_release(uint64_t n);
bool root_end(uint64_t n); /* table.c: may the root in frame n end? It is none from here on */
