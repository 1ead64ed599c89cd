/* SPDX-License-Identifier: MIT */
/* output.h - one output stream of a partition, on its way to somewhere slow: see output.c. */
#pragma once
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTPUT_CREDIT_BYTES = 256 << 10 }; /* what a stream may have under way */

/* Takes some of the bytes, at least one.  Returns how many, or -errno: then it gets no more. */
typedef long output_sink(void *context, const uint8_t *bytes, size_t length);

struct output {
    output_sink *sink;
    void *context;
    int wake; /* an eventfd that is rung when there is something to collect */
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    uint8_t *ring; /* OUTPUT_CREDIT_BYTES of them */
    size_t head;   /* where the first byte not yet taken lies */
    size_t used;
    uint64_t allowed;   /* credit that the sender still holds */
    uint64_t taken;     /* bytes the sink took, not yet given back as credit */
    int error;          /* what the sink said; from then on bytes are dropped */
    int error_reported; /* output_collect has handed it on */
};

/* What the owner is to tell the sender. */
struct output_news {
    uint64_t credit; /* bytes more that it may send */
    int error;       /* not 0, once: the reader has gone */
};

/* Returns 0, or -E_AGAIN: no thread or memory to be had. */
int output_begin(struct output *o, output_sink *sink, void *context, int wake);
/* Returns 0, or -E_INVAL: more than the credit the sender holds (C1 of abi/channel.h). */
int output_put(struct output *o, const uint8_t *bytes, size_t length);
/*
 * Take what the sender is to be told; called when `wake` rings, and once at first for the first
 * credit.
 */
struct output_news output_collect(struct output *o);
/* Has the sink taken all, or failed? */
int output_idle(struct output *o);
