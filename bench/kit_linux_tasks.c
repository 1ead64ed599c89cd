/* SPDX-License-Identifier: MIT */
/*
 * kit_linux_tasks.c - what kit_threads.c and kit_envs.c are on the other side: two threads that
 * wake each other by futex, a process that is forked and ends.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/kit_linux.h"
#include "bench/spans.h"

static _Atomic uint32_t ping, pong;
static _Atomic int over;

static void
post(_Atomic uint32_t *word)
{
    atomic_store(word, 1);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void
take(_Atomic uint32_t *word)
{
    while (!atomic_exchange(word, 0))
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void *
answer(void *argument)
{
    for (;;) {
        take(&ping);
        if (over)
            return argument;
        post(&pong);
    }
}

static uint64_t
span_switch(uint64_t i)
{
    uint64_t from = span_stamp();

    (void)i;
    post(&ping);
    take(&pong);
    return span_stamp() - from;
}

static int failed;

static uint64_t
span_fork(uint64_t i)
{
    uint64_t from = span_stamp();
    pid_t pid = fork();

    (void)i;
    if (pid == 0) {
        syscall(SYS_getppid);
        _exit(0);
    }
    failed |= pid < 0 || waitpid(pid, NULL, 0) != pid;
    return span_stamp() - from;
}

int
kit_threads(void)
{
    pthread_t other;

    if (pthread_create(&other, NULL, answer, NULL))
        return 1;
    span_print("thread_switch", span_switch);
    over = 1;
    post(&ping);
    return pthread_join(other, NULL) != 0;
}

int
kit_envs(void)
{
    span_print("env_create_destroy", span_fork);
    return failed;
}
