/* SPDX-License-Identifier: MIT */
/*
 * test/boot/edges.h - values at which arguments break: 0, +-1, powers of two, page edges, products
 * that overflow. Whatever has more than 32 bits is refused, with an error that the call's page
 * names, and nothing has changed then (state.h).
 */
#pragma once
#include "test/boot/good.h"

enum { EDGES = 36 };
extern const uint64_t edges[EDGES];

/* Every edge at every argument of the call, all else as it is good. */
void edges_walk(const struct call_shape *shape);
/* Every number of the call at its own bounds (bounds.c). */
void bounds_walk(const struct call_shape *shape);
/* Would the value end us, close our own mouth, or is it a slot that we live by? */
bool edge_spared(const struct call_shape *shape, const struct call_field *f, uint64_t value);
/* The call, with an end to a sleep that nothing else would end. */
int64_t call_soon_over(const struct call_shape *shape, const uint64_t reg[REGISTERS]);
/* Did it change nothing? Other errors say that part of the work was done. */
bool call_refused_whole(int64_t value);
