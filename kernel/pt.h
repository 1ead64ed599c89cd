/* SPDX-License-Identifier: MIT */
/* kernel/pt.h - what the rest of the kernel asks of a library's page tables. */
#pragma once
#include <stdint.h>

struct account;

/* The frame mapped at va below root, or 0. */
uint64_t pt_translate(uint64_t root, uint64_t va);
/* Boot: sets one entry as pt_map does. 0, or E_NOENT with the level of the absent table, ... */
int pt_enter(const struct account *cover, uint64_t root, uint64_t va, uint64_t wanted,
             uint64_t *missing);
