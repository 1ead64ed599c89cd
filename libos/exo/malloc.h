/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/malloc.h - memory of any size, by the names and with the promises of the C library. It
 * comes from reserved addresses page by page as it is touched, and goes back to the kernel.
 *
 * A block freed twice, or a pointer that is none, is the end of the partition, with a line that
 * says so. For use by any number of contexts and threads; not in an upcall that may have
 * interrupted it.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

void *malloc(size_t n);
void *calloc(size_t n, size_t bytes);
void *realloc(void *p, size_t n);
void *aligned_alloc(size_t align, size_t n);
void free(void *p);

/* Blocks handed out now. */
uint64_t malloc_blocks(void);

/* Give back what is kept for the next block. */
void malloc_trim(void);
