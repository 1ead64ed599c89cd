/* SPDX-License-Identifier: MIT */
/*
 * test/unit/heap_model.h - lib/heap.c led by any bytes, beside a model of what it must hold. Used
 * by its unit tests and by its fuzzer.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * Each three bytes are a command. Null, or what was wrong: blocks that overlap or change, sizes or
 * alignments not kept, misuse not seen, spans not given back.
 */
const char *heap_lead(const uint8_t *bytes, size_t n);
