/* SPDX-License-Identifier: MIT */
/*
 * kit_threads.c - what it costs to hand on to another thread and back, by the blocking semaphore of
 * libos/exo that programs use.
 */
#include "bench/kit.h"
#include "bench/spans.h"
#include "libos/exo/exo.h"

static struct semaphore ping, pong;
static bool over;

static void
answer(void *argument)
{
    (void)argument;
    for (;;) {
        semaphore_wait(&ping);
        if (over)
            return;
        semaphore_post(&pong);
    }
}

static uint64_t
span_switch(uint64_t i)
{
    uint64_t from = span_stamp();

    (void)i;
    semaphore_post(&ping);
    semaphore_wait(&pong);
    return span_stamp() - from;
}

int
kit_threads(void)
{
    struct thread *t;
    int error;

    semaphore_init(&ping, 0);
    semaphore_init(&pong, 0);
    t = thread_start(answer, NULL);
    if (!t)
        return -1;
    error = span_print("thread_switch", span_switch);
    over = true;
    semaphore_post(&ping);
    thread_join(t);
    return error;
}
