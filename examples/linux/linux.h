/* SPDX-License-Identifier: MIT */
/*
 * examples/linux - a library OS that runs one unmodified static Linux program.
 *
 *     load.c    the executable and its first stack
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
#include "libos/exo/region.h"

enum { PAGE = 4096, SIGNAL_PIPE = 13 };

/* Linux errors that the kernel has no use for. */
enum linux_error { L_ESRCH = 3, L_ENODEV = 19, L_EMFILE = 24, L_ENOTTY = 25, L_ESPIPE = 29 };

static inline uint64_t
page_up(uint64_t bytes)
{
    return (bytes + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* 0 and the first registers; or an error, and *why a phrase for the user. */
int program_load(const struct start_page *start, uint64_t *rip, uint64_t *rsp, const char **why);
void random_fill(void *to, uint64_t n);
void brk_begin(uint64_t va);
int64_t signal_raise(uint64_t number);                       /* may not return */
int64_t user_put(uint64_t va, const void *from, uint64_t n); /* 0 or -E_FAULT */

/* A call: number in rax, arguments in rdi rsi rdx r10; gives the result or a negative error. */
typedef int64_t linux_call(const struct save_area *s);
linux_call linux_mmap, linux_munmap, linux_mprotect, linux_mremap, linux_madvise, linux_brk;
linux_call linux_read, linux_write, linux_vector, linux_open, linux_close, linux_stat, linux_poll;
linux_call linux_fcntl, linux_dup2, linux_pipe_only;
