/* SPDX-License-Identifier: MIT */
/* input.h - standard input, read no further than the partition takes it: see input.c. */
#pragma once
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { INPUT_BYTES = 64 << 10 }; /* read at once */

enum input_state {
    INPUT_EMPTY, /* the thread's: it reads when there is credit */
    INPUT_FULL,  /* the owner's: `length` bytes are there */
    INPUT_ENDED, /* nothing follows */
};

struct input {
    int fd;
    int wake; /* an eventfd that is rung when there is something to take */
    pthread_t thread;
    pthread_mutex_t lock; /* guards state and credit; whose turn it is owns the bytes */
    pthread_cond_t changed;
    enum input_state state;
    uint64_t credit;
    size_t length;
    int error; /* with INPUT_ENDED: errno, or 0 for the end of the file */
    uint8_t bytes[INPUT_BYTES];
};

/* Returns 0, or -E_AGAIN: no thread to be had. */
int input_begin(struct input *in, int fd, int wake);
/* The partition takes so many bytes more: the thread reads on. */
void input_allow(struct input *in, uint64_t bytes);
enum input_state input_look(struct input *in);
/* The bytes have been taken: it is the thread's turn again. */
void input_taken(struct input *in);
