/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/user.h - on behalf of a program whose memory comes by regions: its pointers are wild
 * until looked at, and its pages may be absent.
 */
#pragma once
#include <stdint.h>

/* Copy n bytes to the program. 0, or -E_FAULT: not all of it is there to be written. */
int64_t user_put(uint64_t va, const void *from, uint64_t n);

/*
 * The console's input into the program's memory: as console_read, with -E_FAULT for a wild pointer.
 */
int64_t user_read(uint64_t va, uint64_t n);

/*
 * All n bytes out of the program's memory to a stream: n, or fewer before an error, or the error.
 */
int64_t user_write(uint32_t stream, uint64_t va, uint64_t n);
