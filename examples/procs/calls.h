/* SPDX-License-Identifier: MIT */
/*
 * examples/procs/calls.h - what processes and their library agree on: calls by number, made by
 * `syscall` (number in rax; arguments in rdi, rsi, rdx; result in rax), and where things lie.
 */
#pragma once
#include <stdint.h>

enum call {
    P_EXIT,   /* status */
    P_FORK,   /* enum fork_way; 0 in the child, its number in the parent */
    P_EXEC,   /* enum image, argument */
    P_WAIT,   /* for a child: status << 32 | number */
    P_PIPE,   /* gives a file */
    P_WRITE,  /* file, bytes, n */
    P_READ,   /* file, bytes, n */
    P_KILL,   /* number, signal: 9 ends the process, and so does each while it has no handler */
    P_HANDLE, /* handler */
    P_RETURN, /* from it */
    P_PAUSE,  /* until a signal has been handled, since the last pause if it was before */
    P_THREAD, /* function, argument, stack: another task of this process */
    P_NUMBER, /* one's own */
    P_PARENT, /* one's parent's */
    P_YIELD,
    P_MEET,   /* gives 1 where another process is in the region too, on another processor */
    P_REPORT, /* a value for main */
    P_CALLS,
};

enum fork_way {
    FORK_COPY, /* each entry of the page table, by one call */
    FORK_SHARE /* the whole table, which is copied when somebody writes */
};

enum image {
    IMAGE_COUNT,
    IMAGE_FORK,
    IMAGE_EXEC,
    IMAGE_BOTH,
    IMAGE_AFTER,
    IMAGE_PIPE,
    IMAGE_SIGNAL,
    IMAGE_MEET,
    IMAGE_REGISTERS,
    IMAGE_CHURN,
    IMAGE_ENDS,
    IMAGE_MEASURE,
    IMAGES
};

enum { PAGE = 4096, PAGES = 64, DATA = 8, STACK_PAGES = 8, SYSCALL_BYTES = 2 };

/* Private memory: the program's image, data from page DATA on, a stack that grows down from the
 * end. */
static const uint64_t PROC_VA = 0x40000000, PROC_END = 0x40000000 + PAGES * PAGE;
