/* SPDX-License-Identifier: MIT */
/*
 * output.c - one output stream of a partition, on its way to somewhere slow.
 *
 * Each has a thread of its own that may block in its sink, and a ring as large as the credit its
 * sender holds: so a stream that is not read stops its own writer and nothing else.
 * Invariants  O1 used + allowed + taken == OUTPUT_CREDIT_BYTES from the first output_collect on,
 *                until the sink fails: so a sender within its credit always finds room.
 *             O2 bytes leave the ring only after the sink has taken them.
 * Lock        o->lock; the sink is called without it: only the thread moves head, and the bytes
 *             from head on are not written to while they are used.
 */
#include "host/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "abi/error.h"

enum { SINK_BYTES = 64 << 10 }; /* at most so many at once, so that credit flows back early */

static void
finish_chunk(struct output *o, long taken)
{
    if (taken < 0) {
        o->error = (int)-taken;
        o->used = 0;
        return;
    }
    o->head = (o->head + (size_t)taken) % OUTPUT_CREDIT_BYTES;
    o->used -= (size_t)taken;
    o->taken += (uint64_t)taken;
}

static void *
output_thread(void *context)
{
    struct output *o = context;
    pthread_mutex_lock(&o->lock);
    while (!o->error) {
        if (o->used == 0) {
            pthread_cond_wait(&o->changed, &o->lock);
            continue;
        }
        size_t chunk = OUTPUT_CREDIT_BYTES - o->head;
        chunk = chunk < o->used ? chunk : o->used;
        chunk = chunk < SINK_BYTES ? chunk : SINK_BYTES;
        pthread_mutex_unlock(&o->lock);
        long taken = o->sink(o->context, o->ring + o->head, chunk);
        pthread_mutex_lock(&o->lock);
        finish_chunk(o, taken);
        eventfd_write(o->wake, 1);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

int
output_begin(struct output *o, output_sink *sink, void *context, int wake)
{
    *o = (struct output){
        .sink = sink, .context = context, .wake = wake, .taken = OUTPUT_CREDIT_BYTES};
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->changed, NULL);
    o->ring = malloc(OUTPUT_CREDIT_BYTES);
    if (!o->ring || pthread_create(&o->thread, NULL, output_thread, o) != 0)
        return -E_AGAIN;
    pthread_detach(o->thread);
    return 0;
}

static void
ring_fill(struct output *o, const uint8_t *bytes, size_t length)
{
    size_t at = (o->head + o->used) % OUTPUT_CREDIT_BYTES;
    size_t first = OUTPUT_CREDIT_BYTES - at;
    first = first < length ? first : length;
    memcpy(o->ring + at, bytes, first);
    memcpy(o->ring, bytes + first, length - first);
    o->used += length;
}

int
output_put(struct output *o, const uint8_t *bytes, size_t length)
{
    int r = 0;
    pthread_mutex_lock(&o->lock);
    if (length > o->allowed) {
        r = -E_INVAL;
    } else {
        o->allowed -= length;
        if (!o->error)
            ring_fill(o, bytes, length);
    }
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
    return r;
}

struct output_news
output_collect(struct output *o)
{
    struct output_news news = {0, 0};
    pthread_mutex_lock(&o->lock);
    if (o->error && !o->error_reported) {
        o->error_reported = 1;
        news.error = o->error;
    }
    if (!o->error && o->taken >= OUTPUT_CREDIT_BYTES / 4) {
        news.credit = o->taken;
        o->allowed += o->taken;
        o->taken = 0;
    }
    pthread_mutex_unlock(&o->lock);
    return news;
}

int
output_idle(struct output *o)
{
    pthread_mutex_lock(&o->lock);
    int idle = o->used == 0;
    pthread_mutex_unlock(&o->lock);
    return idle;
}
