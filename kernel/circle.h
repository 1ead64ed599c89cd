/* SPDX-License-Identifier: MIT */
/*
 * kernel/circle.h - circles of things that have numbers: who joins or leaves needs no search.
 *
 * A circle is named by one of its members, 0: it is empty. Joins are at its end, behind all others.
 */
#pragma once
#include <stdint.h>

struct circle_link {
    uint32_t next, prev;
};

/* Where the link of a number lies. */
typedef struct circle_link *circle_at(uint32_t id);

static inline void
circle_join(uint32_t *circle, uint32_t id, circle_at *at)
{
    struct circle_link *link = at(id);

    if (!*circle) {
        *circle = link->next = link->prev = id;
        return;
    }
    link->next = *circle;
    link->prev = at(*circle)->prev;
    at(link->prev)->next = at(*circle)->prev = id;
}

static inline void
circle_leave(uint32_t *circle, uint32_t id, circle_at *at)
{
    const struct circle_link *link = at(id);

    at(link->prev)->next = link->next;
    at(link->next)->prev = link->prev;
    if (*circle == id)
        *circle = link->next == id ? 0 : link->next;
}
