/* SPDX-License-Identifier: MIT */
/*
 * switches.c - how many instructions a hand-off from one thread to another and back takes, by the
 * blocking semaphore that programs use. Where the clock counts instructions, two nanoseconds each.
 */
#include "test/boot/kit.h"

enum { ROUNDS = 2000, NS_EACH = 2, MOST = 110 };

static struct semaphore ping, pong;

static void
answer(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        semaphore_wait(&ping);
        semaphore_post(&pong);
    }
}

int
exo_main(const struct start_page *start)
{
    struct thread *t;
    uint64_t best = UINT64_MAX;

    (void)start;
    semaphore_init(&ping, 0);
    semaphore_init(&pong, 0);
    t = thread_start(answer, NULL);
    for (int n = 0; n < ROUNDS / 50; n++) { /* the best of some: a tick may fall in one */
        uint64_t begin = clock_ns(), ns;

        for (int i = 0; i < 50; i++) {
            semaphore_post(&ping);
            semaphore_wait(&pong);
        }
        ns = clock_ns() - begin;
        best = ns < best ? ns : best;
    }
    thread_join(t);
    best /= (uint64_t)50 * NS_EACH;
    say("a round trip takes %lu instructions", best);
    expect(best <= MOST && best > MOST / 4, "no more than they may be");
    return done();
}
