/* SPDX-License-Identifier: MIT */
/*
 * input.c - standard input, read no further than the partition takes it.
 *
 * A thread of its own may block in read(2), on a file, a pipe or a terminal that others read too.
 * Invariants  I1 no byte is read without credit for it.   I2 after INPUT_ENDED nothing is read.
 * Lock        in->lock guards state and credit; `bytes` belong to the thread while INPUT_EMPTY,
 * else to the owner.
 */
#include "host/input.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "abi/error.h"

static ssize_t
read_some(int fd, uint8_t *to, size_t size)
{
    for (;;) {
        ssize_t n = read(fd, to, size);
        if (n >= 0)
            return n;
        if (errno == EAGAIN) /* somebody else made the file non-blocking */
            poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
        else if (errno != EINTR)
            return -errno;
    }
}

static void
wait_for_turn(struct input *in)
{
    while (in->state != INPUT_EMPTY || in->credit == 0)
        pthread_cond_wait(&in->changed, &in->lock);
}

static void *
input_thread(void *context)
{
    struct input *in = context;
    ssize_t n = 1;
    while (n > 0) {
        pthread_mutex_lock(&in->lock);
        wait_for_turn(in);
        size_t size = in->credit < INPUT_BYTES ? (size_t)in->credit : INPUT_BYTES;
        pthread_mutex_unlock(&in->lock);
        n = read_some(in->fd, in->bytes, size);
        pthread_mutex_lock(&in->lock);
        in->state = n > 0 ? INPUT_FULL : INPUT_ENDED;
        in->length = n > 0 ? (size_t)n : 0;
        in->error =
            n < 0 && n != -EIO ? (int)-n : 0; /* EIO: the terminal has gone: the end of the file */
        in->credit -= in->length;
        pthread_mutex_unlock(&in->lock);
        eventfd_write(in->wake, 1);
    }
    return NULL;
}

int
input_begin(struct input *in, int fd, int wake)
{
    *in = (struct input){.fd = fd, .wake = wake};
    pthread_mutex_init(&in->lock, NULL);
    pthread_cond_init(&in->changed, NULL);
    if (pthread_create(&in->thread, NULL, input_thread, in) != 0)
        return -E_AGAIN;
    pthread_detach(in->thread);
    return 0;
}

void
input_allow(struct input *in, uint64_t bytes)
{
    pthread_mutex_lock(&in->lock);
    in->credit += bytes; /* 32 bits at a time: 2^32 grants before it wraps */
    pthread_cond_signal(&in->changed);
    pthread_mutex_unlock(&in->lock);
}

enum input_state
input_look(struct input *in)
{
    pthread_mutex_lock(&in->lock);
    enum input_state state = in->state;
    pthread_mutex_unlock(&in->lock);
    return state;
}

void
input_taken(struct input *in)
{
    pthread_mutex_lock(&in->lock);
    in->state = INPUT_EMPTY;
    pthread_cond_signal(&in->changed);
    pthread_mutex_unlock(&in->lock);
}
