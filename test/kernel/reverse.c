/* SPDX-License-Identifier: MIT */
/* reverse.c - kernel/reverse.h: entries of many tables in the lists of the frames that they name.
 */
#include "kernel/reverse.h"
#include <string.h>
#include "test/kernel/fake.h"
#include "test/unit/test.h"

enum { TABLES = 8, ENTRIES = 1 << REVERSE_INDEX_BITS, NAMED = 16, DEEDS = 20000, FIRST = 16 };

static uint32_t room[TABLES + 1], ordinal[TABLES];
static uint32_t first[NAMED];           /* heads of the lists */
static uint32_t names[TABLES][ENTRIES]; /* what each entry names + 1; 0: absent */

static uint64_t
random_next(void)
{
    static uint64_t x = 1;

    x = x * 6364136223846793005u + 1442695040888963407u;
    return x >> 33;
}

/* The table of an ordinal. */
static uint32_t
table_of(uint32_t o)
{
    for (uint32_t t = 0; t < TABLES; t++)
        if (ordinal[t] == o)
            return t;
    return TABLES;
}

/* Is each list whole, and does it hold all entries that name the frame, and no other? */
static int
lists_whole(void)
{
    uint32_t present = 0, listed = 0;

    for (uint32_t t = 0; t < TABLES; t++)
        for (uint32_t i = 0; i < ENTRIES; i++)
            present += names[t][i] != 0;
    for (uint32_t f = 0; f < NAMED; f++) {
        uint32_t before = 0;
        for (uint32_t name = first[f]; name; name = reverse_at(name)->next, listed++) {
            uint32_t t = table_of(name >> REVERSE_INDEX_BITS);
            if (t == TABLES || names[t][reverse_index(name)] != f + 1 ||
                reverse_at(name)->prev != before || listed > present)
                return 0;
            before = name;
        }
    }
    return listed == present;
}

static void
entry_change(uint32_t t, uint32_t i)
{
    uint32_t name = reverse_name(ordinal[t], i), f = (uint32_t)random_next() % NAMED;

    if (names[t][i]) {
        reverse_remove(&first[names[t][i] - 1], reverse_at(name));
        names[t][i] = 0;
    } else {
        reverse_add(&first[f], name, reverse_at(name));
        names[t][i] = f + 1;
    }
}

static void
table_renew(uint32_t t)
{
    for (uint32_t i = 0; i < ENTRIES; i++)
        if (names[t][i])
            entry_change(t, i);
    ordinal_give(ordinal[t]);
    ordinal[t] = ordinal_take(FIRST + t);
}

static void
every_entry_is_in_the_list_of_its_frame(void)
{
    fake_begin();
    memset(names, 0, sizeof names);
    reverse_init(room, TABLES + 1);
    for (uint32_t t = 0; t < TABLES; t++) {
        ordinal[t] = ordinal_take(FIRST + t);
        CHECK(ordinal[t] != 0);
        CHECK(frame_become(FIRST + t, FRAME_COMPANION) != NULL);
    }
    for (int deed = 0; deed < DEEDS; deed++) {
        uint64_t r = random_next();
        if (r % 1000 == 0)
            table_renew((uint32_t)(r / 1000 % TABLES));
        else
            entry_change((uint32_t)(r / 1000 % TABLES), (uint32_t)random_next() % ENTRIES);
        if (deed % 500 == 0)
            CHECK(lists_whole());
    }
    CHECK(lists_whole());
}

static void
ordinals_are_given_once_until_given_back(void)
{
    uint32_t taken[TABLES];

    reverse_init(room, TABLES + 1);
    for (uint32_t i = 0; i < TABLES; i++) {
        taken[i] = ordinal_take(i);
        CHECK(taken[i] == i + 1);
    }
    CHECK(ordinal_take(0) == 0);
    ordinal_give(taken[3]);
    ordinal_give(taken[5]);
    CHECK(ordinal_take(0) == taken[5]);
    CHECK(ordinal_take(0) == taken[3]);
    CHECK(ordinal_take(0) == 0);
}

const struct test reverse_tests[] = {
    {"every_entry_is_in_the_list_of_its_frame", every_entry_is_in_the_list_of_its_frame},
    {"ordinals_are_given_once_until_given_back", ordinals_are_given_once_until_given_back},
    {NULL, NULL},
};
