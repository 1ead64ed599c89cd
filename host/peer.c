/* SPDX-License-Identifier: MIT */
/*
 * peer.c - this side of the console port (abi/channel.h): the streams of every partition.
 *
 * One thread owns all of this; outputs and input have threads of their own, and ring `wake`.
 * Invariants  P1 a stream's credit is given when its channel opens, and again as its bytes are
 * really written. P2 no message for a channel is sent after its CH_STATUS, nor before its first
 * message. P3 the kernel is not believed: a message for what is not ours or beyond its credit ends
 * the session.
 */
#include "host/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "abi/error.h"
#include "abi/version.h"
#include "host/say.h"

static void
channel_describe(struct peer_channel *c, unsigned number, const char *name)
{
    *c = (struct peer_channel){.number = number, .name = name, .file = {-1, -1}};
    for (int i = 0; i < 2; i++)
        c->lines[i].name = name;
    c->report.name = name;
}

static void
report_add_image(struct report *r, const struct file *file)
{
    if (r->n_images == REPORT_IMAGES || !file->bytes)
        return;
    const char *slash = strrchr(file->path, '/');
    r->image[r->n_images++] =
        (struct report_image){slash ? slash + 1 : file->path, file->bytes, file->length, 0};
}

static void
channel_describe_partition(struct peer_channel *c, const struct partition *p,
                           const struct partitions *ps)
{
    channel_describe(c, p->channel, p->name);
    report_add_image(&c->report, &p->program.file);
    if (p->program.kind == PROGRAM_LINUX)
        report_add_image(&c->report, &ps->library);
    if (p->channel == 1) {
        c->file[0] = STDOUT_FILENO;
        c->file[1] = STDERR_FILENO;
    }
}

static int
beside_output_open(struct peer_channel *c, const char *path)
{
    c->file[0] = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (c->file[0] < 0)
        return say_fail(EXIT_TOOL, "--beside-output %s: %s", path, strerror(errno));
    return 0;
}

int
peer_begin(struct peer *p, int console, const struct partitions *ps, const struct options *o,
           int input)
{
    link_begin(&p->link, console);
    p->verbose = o->verbose;
    p->n_channels = 1 + ps->n;
    p->channel = calloc(p->n_channels, sizeof *p->channel);
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->log_lines.name = "kernel";
    if (!p->channel || p->wake < 0 || input_begin(&p->input, input, p->wake) < 0 ||
        output_begin(&p->log, sink_lines, &p->log_lines, p->wake) < 0)
        return say_fail(EXIT_TOOL, "out of memory or threads");
    output_collect(&p->log);
    channel_describe(&p->channel[0], 0, "init");
    for (unsigned i = 0; i < ps->n; i++)
        channel_describe_partition(&p->channel[ps->at[i].channel], &ps->at[i], ps);
    return o->beside_output ? beside_output_open(&p->channel[2], o->beside_output) : 0;
}

/* Start the output that carries `stream` of a channel. */
static int
stream_begin(struct peer *p, struct peer_channel *c, unsigned stream)
{
    unsigned i = stream - STREAM_OUTPUT;
    if (stream == STREAM_REPORT)
        return output_begin(&c->output[i], report_take, &c->report, p->wake);
    if (c->file[i] >= 0)
        return output_begin(&c->output[i], sink_file, &c->file[i], p->wake);
    return output_begin(&c->output[i], sink_lines, &c->lines[i], p->wake);
}

static int
channel_open(struct peer *p, struct peer_channel *c)
{
    if (c->open)
        return 0;
    c->open = 1;
    for (unsigned stream = STREAM_OUTPUT; stream < STREAM_COUNT; stream++)
        if (stream_begin(p, c, stream) < 0)
            return say_fail(-E_AGAIN, "no thread for an output: too many run at once");
    if (c->number > 1)
        link_send(&p->link, CH_EOF, c->number, STREAM_INPUT, 0); /* what runs beside has no input */
    peer_news(p);
    return 0;
}

static int
broken(const char *why, const struct channel_head *head)
{
    return say_fail(
        -E_INVAL,
        "the kernel broke the channel's rules: %s (type %u, channel %u, stream %u, length %u)", why,
        head->type, head->channel, head->stream, head->length);
}

static int
hello(struct peer *p, uint32_t version)
{
    p->greeted = 1;
    if (version == ABI_VERSION)
        return 0;
    return say_fail(-E_INVAL,
                    "the kernel speaks version %u of the interface and this command version %u: "
                    "build both anew",
                    version, ABI_VERSION);
}

static int
take_data(struct peer_channel *c, const struct message_event *e)
{
    if (e->head.stream == STREAM_INPUT)
        return broken("data on an input", &e->head);
    if (output_put(&c->output[e->head.stream - STREAM_OUTPUT], e->payload, e->length) < 0)
        return broken("more data than it has credit for", &e->head);
    return 0;
}

static void
take_credit(struct peer *p, const struct peer_channel *c, uint32_t bytes)
{
    if (c->number == 0)
        p->init_credit += bytes;
    if (c->number == 1)
        input_allow(&p->input, bytes);
}

/* A message that belongs to a channel. */
static int
take_channel_frame(struct peer *p, const struct message_event *e)
{
    if (e->head.channel >= p->n_channels)
        return broken("a channel that is not in the plan", &e->head);
    struct peer_channel *c = &p->channel[e->head.channel];
    int r = channel_open(p, c);
    if (r < 0)
        return r;
    switch (e->head.type) {
    case CH_DATA:
        return take_data(c, e);
    case CH_CREDIT:
        take_credit(p, c, e->head.length);
        return 0;
    case CH_CLOSED:
        if (c->number == 1)
            p->input_over = 1;
        return 0;
    case CH_STATUS:
        c->ended = 1;
        c->status = (int)e->head.length;
        return 0;
    default: /* CH_EOF: an output ends as all do, when its bytes are written */
        return 0;
    }
}

static int
take_frame(struct peer *p, const struct message_event *e)
{
    switch (e->head.type) {
    case CH_HELLO:
        return hello(p, e->head.length);
    case CH_LOG:
        peer_log(p, e->payload, e->length);
        return 0;
    default:
        return take_channel_frame(p, e);
    }
}

int
peer_receive(struct peer *p)
{
    struct message_event event;
    int r = link_read(&p->link);
    if (r == -E_AGAIN)
        return 1;
    if (r == 0)
        return 0;
    while ((r = message_decoder_next(&p->link.decoder, &p->link.at, p->link.end, &event)) > 0) {
        r = take_frame(p, &event);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return say_fail(r, "the kernel broke the channel's rules: %s", p->link.decoder.why);
    return 1;
}

void
peer_log(struct peer *p, const uint8_t *bytes, size_t length)
{
    if (!p->verbose)
        return;
    output_collect(&p->log);
    (void)output_put(&p->log, bytes, length); /* no room: it is lost, by design */
}

static void
news_of_output(struct peer *p, struct peer_channel *c, unsigned i)
{
    static const char *const names[PEER_OUTPUTS] = {"standard output", "standard error", "report"};
    struct output_news news = output_collect(&c->output[i]);
    if (news.error && news.error != EPIPE)
        say("%s: %s: %s; the program has been told", c->name, names[i], strerror(news.error));
    if (c->ended) /* P2 */
        return;
    if (news.credit)
        link_send(&p->link, CH_CREDIT, c->number, STREAM_OUTPUT + i, (uint32_t)news.credit);
    if (news.error)
        link_send(&p->link, CH_CLOSED, c->number, STREAM_OUTPUT + i, (uint32_t)news.error);
}

static void
news_of_input(struct peer *p)
{
    enum input_state state = input_look(&p->input);
    struct peer_channel *c = &p->channel[1];
    if (state == INPUT_EMPTY || p->input_over || !c->open || c->ended)
        return;
    if (state == INPUT_FULL) {
        link_send_data(&p->link, c->number, p->input.bytes, p->input.length);
        input_taken(&p->input);
        return;
    }
    if (p->input.error)
        say("standard input: %s: taken as its end", strerror(p->input.error));
    link_send(&p->link, CH_EOF, c->number, STREAM_INPUT, 0);
    p->input_over = 1;
}

static int
channel_idle(struct peer_channel *c)
{
    for (unsigned i = 0; c->open && i < PEER_OUTPUTS; i++)
        if (!output_idle(&c->output[i]))
            return 0;
    return 1;
}

/* Once all that a partition wrote has gone out, say how it ended, if it ran beside. */
static void
announce_end(struct peer_channel *c)
{
    if (!c->ended || c->announced || !channel_idle(c))
        return;
    c->announced = 1;
    for (int i = 0; i < 2; i++)
        sink_lines_end(&c->lines[i]);
    if (c->number > 1) {
        char text[64];
        int n = snprintf(text, sizeof text, "%s| exited with status %d\n", c->name, c->status);
        say_text(text, (size_t)n);
    }
}

void
peer_news(struct peer *p)
{
    for (unsigned n = 0; n < p->n_channels; n++) {
        struct peer_channel *c = &p->channel[n];
        for (unsigned i = 0; c->open && i < PEER_OUTPUTS; i++)
            news_of_output(p, c, i);
        announce_end(c);
    }
    news_of_input(p);
    link_flush(&p->link);
}

void
peer_signal(struct peer *p, int signal)
{
    for (unsigned n = 1; n < p->n_channels; n++)
        if (p->channel[n].open && !p->channel[n].ended)
            link_send(&p->link, CH_SIGNAL, n, STREAM_INPUT, (uint32_t)signal);
    link_flush(&p->link);
}

void
peer_kill(struct peer *p, int status)
{
    for (unsigned n = 1; n < p->n_channels; n++) {
        char text[64];
        size_t length = (size_t)snprintf(text, sizeof text, "kill %u %d\n", n, status);
        if (p->channel[n].ended || p->init_credit < length)
            continue;
        p->init_credit -= length;
        link_send_data(&p->link, 0, (const uint8_t *)text, length);
    }
    link_flush(&p->link);
}

int
peer_ended(const struct peer *p)
{
    for (unsigned n = 1; n < p->n_channels; n++)
        if (!p->channel[n].ended)
            return 0;
    return 1;
}

int
peer_idle(struct peer *p)
{
    for (unsigned n = 0; n < p->n_channels; n++)
        if (!channel_idle(&p->channel[n]))
            return 0;
    return output_idle(&p->log);
}
