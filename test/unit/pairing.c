/* SPDX-License-Identifier: MIT */
/* pairing.c - lib/pairing.c beside an array. */
#include "lib/pairing.h"
#include <stdbool.h>
#include "test/unit/test.h"

enum { NODES = 500, STEPS = 100000 };

static struct pairing nodes[NODES];
static bool in[NODES];

static uint64_t
least(void)
{
    uint64_t key = UINT64_MAX;

    for (int i = 0; i < NODES; i++)
        if (in[i] && nodes[i].key < key)
            key = nodes[i].key;
    return key;
}

static void
the_root_is_the_least_whatever_goes(void)
{
    struct pairing *root = NULL;
    uint32_t seed = 3;

    for (int i = 0; i < STEPS; i++) {
        uint32_t at = (seed = seed * 1664525 + 1013904223) >> 8, n = at % NODES;

        if (i % 3 == 0 && root)
            n = (uint32_t)(root - nodes);
        if (in[n]) {
            pairing_remove(&root, &nodes[n]);
        } else {
            nodes[n].key = at >> 12;
            pairing_add(&root, &nodes[n]);
        }
        in[n] = !in[n];
        if (i % 16 == 0)
            CHECK(root ? root->key == least() : least() == UINT64_MAX);
    }
}

static void
what_goes_in_comes_out_in_order(void)
{
    struct pairing *root = NULL;
    uint64_t last = 0;

    for (uint64_t i = 0; i < NODES; i++) {
        nodes[i].key = i * 7919 % NODES;
        pairing_add(&root, &nodes[i]);
    }
    for (uint64_t i = 0; i < NODES; i++) {
        CHECK(root && root->key == i && root->key >= last);
        last = root->key;
        pairing_remove(&root, root);
    }
    CHECK(!root);
}

const struct test pairing_tests[] = {
    {"the_root_is_the_least_whatever_goes", the_root_is_the_least_whatever_goes},
    {"what_goes_in_comes_out_in_order", what_goes_in_comes_out_in_order},
    {NULL, NULL},
};
