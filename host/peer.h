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

/*
 * input: the file descriptor of the main partition's input.  Returns 0, or an exit code, having
 * said why.
 */
int peer_begin(struct peer *p, int console, const struct partitions *ps, const struct options *o,
               int input);
/*
 * Read what has come and act on it.  Returns 1; 0: the machine has gone; -E_...: it was said what
 * is wrong.
 */
int peer_receive(struct peer *p);
/* Send what outputs and input have to say. */
void peer_news(struct peer *p);
/* Send a signal to every partition that runs. */
void peer_signal(struct peer *p, int signal);
/* Ask init to destroy every partition that runs; as far as init takes commands. */
void peer_kill(struct peer *p, int status);
/* Text of the kernel's log: shown with -v, and dropped when standard error is not read. */
void peer_log(struct peer *p, const uint8_t *bytes, size_t length);
/* Have all partitions ended? */
int peer_ended(const struct peer *p);
/* Has all that came been written out? */
int peer_idle(struct peer *p);
