/* SPDX-License-Identifier: MIT */
/*
 * kit_linux_procs.c - what examples/procs/programs/measure.c is on the other side: a process that
 * maps and touches as many pages forks; writes them while a child has them too; talks to one by
 * pipes, and by signals.
 */
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/kit_linux.h"
#include "bench/spans.h"

enum { PAGES_TOUCHED = 40, BYTES_OF_PAGE = 4096 };

static uint64_t pages;
static int failed;

static void
touch_all(void)
{
    for (uint64_t i = 0; i < PAGES_TOUCHED; i++)
        *(volatile uint64_t *)(pages + i * BYTES_OF_PAGE) = i;
}

static void
spans_print(const char *name, uint64_t *v, uint32_t n)
{
    value_print(name, span_median(v, n));
}

static void
fork_spans(void)
{
    uint64_t v[SPAN_ROUNDS];

    for (uint32_t i = 0; i < SPAN_ROUNDS; i++) {
        uint64_t from;
        pid_t pid;

        touch_all();
        from = span_stamp();
        pid = fork();
        if (pid == 0)
            _exit(0);
        failed |= pid < 0 || waitpid(pid, NULL, 0) != pid;
        v[i] = span_stamp() - from;
    }
    spans_print("fork", v, SPAN_ROUNDS);
    spans_print("fork_share", v, SPAN_ROUNDS);
}

static void
child_end(pid_t child)
{
    failed |= kill(child, SIGKILL) || waitpid(child, NULL, 0) != child;
}

static void
fault_spans(void)
{
    uint64_t v[PAGES_TOUCHED];
    pid_t child;

    touch_all();
    child = fork();
    if (child == 0)
        for (;;)
            pause();
    for (uint32_t i = 0; i < PAGES_TOUCHED; i++) {
        uint64_t from = span_stamp();

        *(volatile uint64_t *)(pages + (uint64_t)i * BYTES_OF_PAGE) = i;
        v[i] = span_stamp() - from;
    }
    spans_print("cow_fault", v, PAGES_TOUCHED);
    child_end(child);
}

static void
pipe_spans(void)
{
    uint64_t v[SPAN_ROUNDS];
    int there[2] = {-1, -1}, back[2] = {-1, -1};
    char byte = 1;
    pid_t child;

    failed |= pipe(there) || pipe(back);
    child = fork();
    if (child == 0)
        for (;;)
            if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
                _exit(1);
    for (uint32_t i = 0; i < SPAN_ROUNDS; i++) {
        uint64_t from = span_stamp();

        failed |= write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1;
        v[i] = span_stamp() - from;
    }
    spans_print("pipe", v, SPAN_ROUNDS);
    child_end(child);
}

static pid_t parent; /* of the child that answers */
static volatile sig_atomic_t handled;

static void
handler(int signal)
{
    if (parent)
        kill(parent, signal);
    handled = 1;
}

/* Until a signal has been handled, which is let in only here. */
static void
pause_once(const sigset_t *open)
{
    while (!handled)
        sigsuspend(open);
    handled = 0;
}

static void
signal_spans(void)
{
    struct sigaction action = {.sa_handler = handler};
    uint64_t v[SPAN_ROUNDS];
    sigset_t closed, open;
    pid_t own = getpid(), child;

    sigemptyset(&closed);
    sigaddset(&closed, SIGUSR1);
    failed |= sigprocmask(SIG_BLOCK, &closed, &open) || sigaction(SIGUSR1, &action, NULL);
    child = fork();
    if (child == 0) {
        parent = own;
        for (;;)
            pause_once(&open);
    }
    for (uint32_t i = 0; i < SPAN_ROUNDS; i++) {
        uint64_t from = span_stamp();

        failed |= kill(child, SIGUSR1) != 0;
        pause_once(&open);
        v[i] = span_stamp() - from;
    }
    spans_print("signal", v, SPAN_ROUNDS);
    child_end(child);
}

int
kit_procs(void)
{
    pages = pages_map((size_t)PAGES_TOUCHED * BYTES_OF_PAGE, PROT_READ | PROT_WRITE);
    fork_spans();
    fault_spans();
    pipe_spans();
    signal_spans();
    return failed;
}
