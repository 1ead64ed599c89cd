/* SPDX-License-Identifier: MIT */
/* peer.h - this side of the console port: the streams of every partition: see peer.c. */
#pragma once
#include "host/input.h"
#include "host/link.h"
#include "host/output.h"
#include "host/partition.h"
#include "host/report.h"
#include "host/sink.h"

enum {
    PEER_OUTPUTS = STREAM_COUNT - 1
}; /* STREAM_OUTPUT, STREAM_ERROR, STREAM_REPORT, in this order */

struct peer_channel {
    unsigned number;
    const char *name;
    int open;      /* the kernel has sent a message of it: its outputs run */
    int ended;     /* its CH_STATUS has come */
    int announced; /* what is to be said of its end has been */
    int status;    /* once ended */
    int file[2];   /* where output and error go; -1: lines on standard error */
    struct sink_lines lines[2];
    struct report report;
    struct output output[PEER_OUTPUTS];
};

struct peer {
    struct link link;
    int wake; /* an eventfd: an output or the input has news */
    int greeted;
    int verbose;
    struct peer_channel *channel; /* by number; [0] is init's, [1] the main partition's */
    unsigned n_channels;
    struct input input;   /* of channel 1 */
    int input_over;       /* CH_EOF has been sent, or CH_CLOSED has come */
    uint64_t init_credit; /* bytes that may be sent to init */
    struct output log;    /* the kernel's log and serial text, with -v */
    struct sink_lines log_lines;
};

int peer_begin(struct peer *p, int console, const struct partitions *ps, const struct options *o,
               int input);
int peer_receive(struct peer *p);
int peer_news(struct peer *p);
void peer_signal(struct peer *p, int signal);
void peer_kill(struct peer *p, int status);
void peer_log(struct peer *p, const uint8_t *bytes, size_t length);
int peer_ended(const struct peer *p);
int peer_idle(struct peer *p);
