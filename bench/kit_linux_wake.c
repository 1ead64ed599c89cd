/* SPDX-License-Identifier: MIT */
/*
 * kit_linux_wake.c - a process of real-time priority that sleeps until a time beside another that
 * never gives way. What kit_wake.c is on the other side.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/kit_linux.h"
#include "bench/wake.h"

enum { SECOND_NS = 1000 * 1000 * 1000 };

static uint64_t late[WAKES];

static uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static void
wakes(void)
{
    for (uint32_t i = 0; i < WAKES; i++) {
        uint64_t due = now_ns() + wake_sleep_ns(i);
        struct timespec t = {(time_t)(due / SECOND_NS), (long)(due % SECOND_NS)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
            ;
        late[i] = now_ns() - due;
    }
}

int
kit_wake(void)
{
    struct sched_param least = {.sched_priority = 1};
    pid_t hog = fork();

    if (hog == 0)
        for (;;)
            __asm__ volatile("");
    if (hog < 0 || sched_setscheduler(0, SCHED_FIFO, &least) || mlockall(MCL_CURRENT)) {
        perror("wake");
        return 1;
    }
    wakes();
    kill(hog, SIGKILL);
    waitpid(hog, NULL, 0);
    wakes_sort(late);
    value_print("wake_p50", (uint64_t)((double)late[WAKE_P50] * (double)counter_hz() / 1e9));
    value_print("wake_p999", (uint64_t)((double)late[WAKE_P999] * (double)counter_hz() / 1e9));
    return 0;
}
