/* SPDX-License-Identifier: MIT */
/*
 * lib/bundle.h - reading the boot bundle (abi/bundle.h), which is hostile until it is checked.
 * The image needs no alignment and must not change while a function runs on it.
 */
#pragma once
#include <stdint.h>
#include "abi/bundle.h"

struct bundle_module {
    const char *name;     /* in the image: 1 .. BUNDLE_NAME_MAX - 1 printable bytes, then 0 */
    const uint8_t *bytes; /* in the image, `offset` bytes from its start */
    uint64_t offset;      /* a multiple of 4,096 */
    uint64_t length;      /* bytes; may be 0 */
};

/*
 * Is image[0 .. length) a whole bundle: at least one module, each inside the bundle and behind the
 * entries, page-aligned, overlapping no other, its name well formed and its own? length may be more
 * than the bundle's own. Returns 0, or -E_INVAL.
 */
int bundle_check(const void *image, uint64_t length);

/*
 * Module n of the bundle, counted from 0. Safe without bundle_check, which alone compares modules
 * with each other. Returns 0; -E_NOENT: there is no module n; -E_INVAL: a bad head or entry.
 */
int bundle_module(const void *image, uint64_t length, uint32_t n, struct bundle_module *out);
