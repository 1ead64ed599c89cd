/* SPDX-License-Identifier: MIT */
/*
 * examples/linux - a library OS that runs one unmodified static Linux program.
 *
 *     memory.c  brk and mmap
 *     files.c   the three standard streams and /dev/null
 *     calls.c   every call by number; the process, its time and signals; the beginning
 *
 * Library and program trust each other as a program trusts its libc. What is checked here keeps
 * Linux's promises; that the partition is kept apart from others is the kernel's work.
 */
#pragma once
#include "abi/error.h"
#include "libos/exo/exo.h"

enum { PAGE = 4096, SIGNAL_PIPE = 13 };

/* Linux errors that the kernel has no use for. */
enum linux_error { L_ESRCH = 3, L_ENODEV = 19, L_EMFILE = 24, L_ENOTTY = 25, L_ESPIPE = 29 };

static inline uint64_t
page_up(uint64_t bytes)
{
    return (bytes + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

void brk_begin(uint64_t va);
int64_t signal_raise(uint64_t number); /* may not return */

/* A call: number in rax, arguments in rdi rsi rdx r10; gives the result or a negative error. */
typedef int64_t linux_call(const struct save_area *s);
linux_call linux_mmap, linux_munmap, linux_mprotect, linux_mremap, linux_madvise, linux_brk;
linux_call linux_read, linux_write, linux_vector, linux_open, linux_close, linux_stat, linux_poll;
linux_call linux_fcntl, linux_dup2, linux_pipe_only;
