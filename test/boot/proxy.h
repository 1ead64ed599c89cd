/* SPDX-License-Identifier: MIT */
/*
 * test/boot/proxy.h - a context of ours that makes one call for us: what a context may do only
 * once, as to register its upcalls. It shares our slots and our root, and runs in what we give it
 * of our slices, while it calls.
 */
#pragma once
#include "test/boot/kit.h"

enum { SLOT_PROXY = 100 };

/* A new one, in SLOT_PROXY; the last is no more. */
void proxy_renew(void);
/* The call, made by it. */
struct call_result proxy_call(uint32_t number, const uint64_t reg[5]);
