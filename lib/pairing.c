/* SPDX-License-Identifier: MIT */
/*
 * pairing.c - a pairing heap. Nothing here recurses.
 * Invariants  P1 no node's key is less than its parent's.
 * Source      Fredman, Sedgewick, Sleator, Tarjan, Algorithmica 1986.
 */
#include "lib/pairing.h"

/* One tree of two, either of which may be empty; neither root has siblings. */
static struct pairing *
meld(struct pairing *a, struct pairing *b)
{
    struct pairing *least = a, *other = b;

    if (!a || !b)
        return a ? a : b;
    if (b->key < a->key) {
        least = b;
        other = a;
    }
    other->next = least->child;
    other->before = least;
    if (least->child)
        least->child->before = other;
    least->child = other;
    return least;
}

static void
cut(struct pairing *node)
{
    node->before = node->next = NULL;
}

/* One tree of a chain of siblings: in pairs from left to right, then from right to left. */
static struct pairing *
meld_all(struct pairing *first)
{
    struct pairing *pairs = NULL, *all = NULL;

    while (first) {
        struct pairing *a = first, *b = a->next;

        first = b ? b->next : NULL;
        cut(a);
        if (b)
            cut(b);
        a = meld(a, b);
        a->next = pairs; /* a stack */
        pairs = a;
    }
    while (pairs) {
        struct pairing *a = pairs;

        pairs = a->next;
        cut(a);
        all = meld(a, all);
    }
    return all;
}

void
pairing_add(struct pairing **root, struct pairing *node)
{
    node->child = NULL;
    cut(node);
    *root = meld(*root, node);
}

void
pairing_remove(struct pairing **root, struct pairing *node)
{
    struct pairing *children = meld_all(node->child);

    if (*root == node) {
        *root = children;
        return;
    }
    if (node->before->child == node)
        node->before->child = node->next;
    else
        node->before->next = node->next;
    if (node->next)
        node->next->before = node->before;
    cut(node);
    *root = meld(*root, children);
}
