/* SPDX-License-Identifier: MIT */
/*
 * names.c - the names of an account's children: a digital search tree, whose nodes are the children
 * themselves.
 *
 * Invariants
 *  D1 a node d levels below the top has the first d bits (lowest first) of its name in common with
 *     all below it, and they say the way to it. So no way is longer than a name has bits.
 * Source  Coffman and Eve, CACM 1970; Knuth, vol. 3, section 6.3.
 */
#include "kernel/account.h"
#include "kernel/log.h"

/* The place that names a child of that name, or the empty one where it would go (D1). */
static uint32_t *
name_place(struct account *parent, uint64_t name)
{
    uint32_t *place = &parent->names;

    for (uint64_t bits = name; *place && account_at(*place)->state.name != name; bits >>= 1)
        place = &account_at(*place)->name_below[bits & 1];
    return place;
}

bool
child_named(struct account *parent, uint64_t name)
{
    return *name_place(parent, name) != 0;
}

void
child_enter(struct account *parent, struct account *child)
{
    uint32_t *place = name_place(parent, child->state.name);

    assert(!*place); /* A5 */
    *place = child->path[child->state.depth];
}

/* Takes some node that has nothing below it out of the tree at `place`, and returns it. */
static struct account *
leaf_take(uint32_t *place)
{
    struct account *node = account_at(*place);

    while (node->name_below[0] || node->name_below[1]) {
        place = &node->name_below[node->name_below[0] ? 0 : 1];
        node = account_at(*place);
    }
    *place = 0;
    return node;
}

/* Any node from below may stand in its place: it has the same first bits (D1). */
void
child_leave(struct account *parent, struct account *child)
{
    uint32_t *place = name_place(parent, child->state.name);
    struct account *heir;

    assert(*place == child->path[child->state.depth]); /* A5 */
    heir = leaf_take(place);
    if (heir == child)
        return;
    heir->name_below[0] = child->name_below[0];
    heir->name_below[1] = child->name_below[1];
    *place = heir->path[heir->state.depth];
}
