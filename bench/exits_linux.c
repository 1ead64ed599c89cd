/* SPDX-License-Identifier: MIT */
/*
 * exits_linux.c - does an operation of Linux so often as a line on its input says, for
 * exits_drive.c. What exits_kit.c is on the other side.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { PAGE = 4096, STORE_BYTES = 3, NS_PER_MS = 1000000 };

static uintptr_t absent;

static void
store_skip(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += STORE_BYTES;
}

static uint64_t
nothing(uint64_t n)
{
    return n;
}

static uint64_t
null_call(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        syscall(SYS_getppid);
    return n;
}

static uint64_t
upcall(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile("mov %%rax, (%0)" ::"b"(absent) : "memory"); /* STORE_BYTES long */
    return n;
}

static uint64_t
map_unmap(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return 0;
        *(volatile uint64_t *)p = i;
        munmap(p, PAGE);
    }
    return n;
}

static uint64_t
env_create(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (pid < 0 || waitpid(pid, NULL, 0) != pid)
            return 0;
    }
    return n;
}

/* Round trips with a process beside. */
static uint64_t
transfer(uint64_t n)
{
    int to[2], from[2];
    char byte = 0;
    uint64_t done = 0;

    if (pipe(to) || pipe(from))
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        close(to[1]);
        while (read(to[0], &byte, 1) == 1 && write(from[1], &byte, 1) == 1)
            ;
        _exit(0);
    }
    while (done < n && write(to[1], &byte, 1) == 1 && read(from[0], &byte, 1) == 1)
        done++;
    for (int i = 0; i < 2; i++) {
        close(to[i]);
        close(from[i]);
    }
    waitpid(pid, NULL, 0);
    return done;
}

static uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static pid_t
beside(int yields)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    for (;;)
        if (yields)
            sched_yield();
}

static void
beside_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static uint64_t
yield(uint64_t n)
{
    pid_t pid = beside(1);

    for (uint64_t i = 0; i < n; i++)
        sched_yield();
    beside_end(pid);
    return n;
}

static uint64_t
alone(uint64_t n)
{
    uint64_t end = now_ns() + n * NS_PER_MS;

    while (now_ns() < end)
        ;
    return n;
}

/* Busy for n milliseconds beside another. Returns how often it had the processor meanwhile. */
static uint64_t
spin(uint64_t n)
{
    struct rusage from, to;
    pid_t pid = beside(0);

    getrusage(RUSAGE_SELF, &from);
    alone(n);
    getrusage(RUSAGE_SELF, &to);
    beside_end(pid);
    return (uint64_t)(to.ru_nivcsw - from.ru_nivcsw);
}

static uint64_t
idle(uint64_t n)
{
    struct timespec t = {(time_t)(n / 1000), (long)(n % 1000) * NS_PER_MS};

    nanosleep(&t, NULL);
    return n;
}

/* ---- a thread of ours on the second processor ---- */

static volatile uint64_t other_ready, other_events, other_rest;
static sem_t other_rests, other_resumes;
static pthread_t other;

static void
processor_take(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        exit(1);
}

static void
on_event(int sig)
{
    (void)sig;
    other_events = other_events + 1;
}

/* Busy, or asleep with signals held back. */
static void *
other_main(void *argument)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    processor_take(1);
    other_ready = 1;
    while (argument == NULL) {
        __asm__ volatile("pause");
        if (!other_rest)
            continue;
        pthread_sigmask(SIG_BLOCK, &set, NULL);
        sem_post(&other_rests);
        sem_wait(&other_resumes);
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    }
    return NULL;
}

static void
other_off(void)
{
    other_rest = 1;
    sem_wait(&other_rests);
    usleep(10000); /* until its processor idles */
}

static void
other_on(void)
{
    other_rest = 0;
    sem_post(&other_resumes);
}

static void
other_begin(void)
{
    processor_take(0);
    if (other_ready)
        return;
    signal(SIGUSR1, on_event);
    if (sem_init(&other_rests, 0, 0) || sem_init(&other_resumes, 0, 0))
        exit(1);
    if (pthread_create(&other, NULL, other_main, NULL))
        exit(1);
    while (!other_ready)
        __asm__ volatile("pause");
}

static uint64_t
remote_flush(uint64_t n)
{
    other_begin();
    return map_unmap(n);
}

static uint64_t
event_post(uint64_t n)
{
    other_begin();
    for (uint64_t i = 0; i < n; i++) {
        uint64_t seen = other_events;
        pthread_kill(other, SIGUSR1);
        while (other_events == seen)
            __asm__ volatile("pause");
    }
    return n;
}

static uint64_t
remote_flush_off(uint64_t n)
{
    other_begin();
    other_off();
    n = map_unmap(n);
    other_on();
    return n;
}

static uint64_t
event_post_off(uint64_t n)
{
    other_begin();
    other_off();
    for (uint64_t i = 0; i < n; i++)
        pthread_kill(other, SIGUSR1);
    other_on();
    return n;
}

static uint64_t
dedicated(uint64_t n)
{
    processor_take(1);
    return alone(n);
}

static const struct {
    const char *name;
    uint64_t (*run)(uint64_t n);
} operations[] = {
    {"nothing", nothing},
    {"null_call", null_call},
    {"upcall", upcall},
    {"map_unmap", map_unmap},
    {"yield", yield},
    {"spin", spin},
    {"env_create", env_create},
    {"transfer", transfer},
    {"alone", alone},
    {"idle", idle},
    {"remote_flush", remote_flush},
    {"event_post", event_post},
    {"remote_flush_off", remote_flush_off},
    {"event_post_off", event_post_off},
    {"dedicated", dedicated},
};

int
main(void)
{
    struct sigaction sa = {.sa_flags = SA_SIGINFO};
    char name[32];
    uint64_t n;

    sa.sa_sigaction = store_skip;
    if (sigaction(SIGSEGV, &sa, NULL))
        return 1;
    absent = (uintptr_t)mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    puts("ready");
    fflush(stdout);
    while (scanf("%31s %lu", name, &n) == 2)
        for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
            if (!strcmp(name, operations[i].name)) {
                printf("done %lu\n", operations[i].run(n));
                fflush(stdout);
            }
    return 0;
}
