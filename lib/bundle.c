/* SPDX-License-Identifier: MIT */
/*
 * bundle.c - reading the boot bundle, which is hostile until it is checked.
 *
 * Invariants  B1 only bytes of [0, length) are read.
 *             B2 sums of numbers from the bundle are formed only once they cannot overflow.
 */
#include <stdbool.h>
#include "abi/error.h"
#include "lib/bundle.h"
#include "lib/string.h"

enum { PAGE = 4096 };

/* Where the entries end, in bytes from the start of the bundle. */
static uint64_t
entries_end(const struct bundle_head *h)
{
    return sizeof *h + (uint64_t)h->n_modules * sizeof(struct bundle_entry);
}

static int
head_read(const void *image, uint64_t length, struct bundle_head *h)
{
    if (length < sizeof *h)
        return -E_INVAL;
    memcpy(h, image, sizeof *h);
    bool shape = h->magic == BUNDLE_MAGIC && !h->reserved && h->n_modules >= 1 &&
                 h->n_modules <= BUNDLE_MODULES_MAX;
    return shape && h->length <= length && entries_end(h) <= h->length ? 0 : -E_INVAL;
}

/* Entry n < n_modules of a bundle whose head was read. It may lie at any address. */
static const uint8_t *
entry_at(const void *image, uint32_t n)
{
    return (const uint8_t *)image + sizeof(struct bundle_head) + n * sizeof(struct bundle_entry);
}

static bool
name_is_well_formed(const char name[BUNDLE_NAME_MAX])
{
    uint32_t n = 0;
    while (n < BUNDLE_NAME_MAX && name[n] > ' ' && name[n] <= '~')
        n++;
    return n >= 1 && n < BUNDLE_NAME_MAX && !name[n];
}

int
bundle_module(const void *image, uint64_t length, uint32_t n, struct bundle_module *out)
{
    struct bundle_head h;
    int r = head_read(image, length, &h);
    if (r)
        return r;
    if (n >= h.n_modules)
        return -E_NOENT;
    struct bundle_entry e;
    memcpy(&e, entry_at(image, n), sizeof e);
    bool inside = e.offset % PAGE == 0 && e.offset >= entries_end(&h) && e.offset <= h.length &&
                  e.length <= h.length - e.offset;
    if (!inside || !name_is_well_formed(e.name))
        return -E_INVAL;
    *out = (struct bundle_module){
        .name = (const char *)entry_at(image, n) + offsetof(struct bundle_entry, name),
        .bytes = (const uint8_t *)image + e.offset,
        .offset = e.offset,
        .length = e.length,
    };
    return 0;
}

static bool
modules_clash(const struct bundle_module *a, const struct bundle_module *b)
{
    return (a->offset < b->offset + b->length && b->offset < a->offset + a->length) ||
           strcmp(a->name, b->name) == 0;
}

/* Module n is well formed and apart from those before it. */
static int
module_check(const void *image, uint64_t length, uint32_t n)
{
    struct bundle_module a, b;
    int r = bundle_module(image, length, n, &a);
    for (uint32_t i = 0; !r && i < n; i++) {
        r = bundle_module(image, length, i, &b);
        if (!r && modules_clash(&a, &b))
            r = -E_INVAL;
    }
    return r;
}

int
bundle_check(const void *image, uint64_t length)
{
    struct bundle_head h;
    int r = head_read(image, length, &h);
    for (uint32_t n = 0; !r && n < h.n_modules; n++)
        r = module_check(image, length, n);
    return r;
}
