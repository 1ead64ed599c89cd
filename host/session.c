/* SPDX-License-Identifier: MIT */
/*
 * session.c - the life of one machine, from its first message to the exit status of the command.
 *
 * One loop: messages and serial text come in, news of outputs and input go out, signals are passed
 * on. A signal goes to the partitions first; who does not end by it within a second is destroyed by
 * init; if that fails too, or at a second signal, the machine is ended.
 */
#include "host/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/panic.h"
#include "host/peer.h"
#include "host/say.h"

enum {
    SIGNAL_GRACE_MS = 1000, /* for the program to end by a signal */
    KILL_GRACE_MS = 2000,   /* for init to destroy it */
    OFF_GRACE_MS = 1000,    /* for the machine to power off once all has ended */
    LOG_GRACE_MS = 5000,    /* with -v, for what it still logs */
    POWER_OFF_PANIC = 255,  /* the emulator's exit status when the kernel has panicked */
};

enum session_end {
    END_NOT_YET,
    END_ALL,     /* all partitions have ended, or the debugger has */
    END_MACHINE, /* the machine has gone before */
    END_BROKEN,  /* it sent what it must not; said */
    END_SIGNAL,  /* signals did not end it */
};

struct session {
    const struct session_setup *setup;
    struct machine *machine;
    struct peer peer;
    struct serial_text serial;
    int signals;      /* a signalfd */
    int console_open; /* the machine has not closed it */
    int serial_open;
    int signal; /* the first one that came, or 0 */
    int kill_sent;
    int64_t deadline_ms; /* with signal: when to go on to the next step */
    enum session_end end;
};

static int64_t
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * Those to be passed on: what was ignored when we began (nohup, a job in the background) stays so.
 */
static void
signals_passed(sigset_t *set, enum session_mode mode)
{
    static const int all[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
    unsigned n = mode == SESSION_DEBUG ? 2 : 4; /* the last two are for the debugger */
    sigemptyset(set);
    for (unsigned i = 0; i < n; i++) {
        struct sigaction action;
        if (sigaction(all[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(set, all[i]);
    }
}

void
session_signals_block(enum session_mode mode)
{
    sigset_t set;
    signals_passed(&set, mode);
    if (mode == SESSION_DEBUG) {
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGQUIT);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* The next step towards the end of what does not want to end. */
static void
escalate(struct session *s)
{
    if (!s->kill_sent && s->console_open) {
        s->kill_sent = 1;
        s->deadline_ms = now_ms() + KILL_GRACE_MS;
        peer_kill(&s->peer, EXIT_SIGNAL + s->signal);
        return;
    }
    s->end = END_SIGNAL;
}

static void
take_signal(struct session *s)
{
    struct signalfd_siginfo info;
    if (read(s->signals, &info, sizeof info) != sizeof info)
        return;
    if (s->signal || !s->peer.greeted || !s->console_open ||
        peer_ended(&s->peer)) { /* the second, or nobody there */
        s->signal = s->signal ? s->signal : (int)info.ssi_signo;
        s->end = END_SIGNAL;
        return;
    }
    s->signal = (int)info.ssi_signo;
    s->deadline_ms = now_ms() + SIGNAL_GRACE_MS;
    peer_signal(&s->peer, s->signal);
}

static void
take_serial(struct session *s)
{
    char bytes[4096];
    ssize_t n = read(s->machine->serial, bytes, sizeof bytes);
    if (n > 0) {
        serial_take(&s->serial, bytes, (size_t)n);
        peer_log(&s->peer, (const uint8_t *)bytes, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        s->serial_open = 0;
    }
}

static void
take_console(struct session *s)
{
    int r = peer_receive(&s->peer);
    if (r == 0)
        s->console_open = 0;
    if (r < 0)
        s->end = END_BROKEN;
    else
        peer_news(&s->peer);
}

static int
poll_timeout(const struct session *s)
{
    if (!s->signal || peer_ended(&s->peer))
        return -1;
    int64_t left = s->deadline_ms - now_ms();
    return left < 0 ? 0 : (int)left;
}

enum poll_index { POLL_CONSOLE, POLL_SERIAL, POLL_WAKE, POLL_SIGNALS, POLL_DEBUGGER, POLL_COUNT };

static void
session_step(struct session *s)
{
    struct pollfd p[POLL_COUNT] = {
        [POLL_CONSOLE] = {.fd = s->console_open ? s->machine->console : -1, .events = POLLIN},
        [POLL_SERIAL] = {.fd = s->serial_open ? s->machine->serial : -1, .events = POLLIN},
        [POLL_WAKE] = {.fd = s->peer.wake, .events = POLLIN},
        [POLL_SIGNALS] = {.fd = s->signals, .events = POLLIN},
        [POLL_DEBUGGER] = {.fd = s->setup->mode == SESSION_DEBUG ? s->setup->debugger : -1,
                           .events = POLLIN},
    };
    eventfd_t rung;
    if (s->peer.link.used > 0)
        p[POLL_CONSOLE].events |= POLLOUT;
    if (poll(p, POLL_COUNT, poll_timeout(s)) == 0)
        escalate(s);
    if (p[POLL_SIGNALS].revents)
        take_signal(s);
    if (p[POLL_SERIAL].revents)
        take_serial(s);
    if (p[POLL_CONSOLE].revents & (POLLIN | POLLHUP | POLLERR))
        take_console(s);
    if (p[POLL_CONSOLE].revents & POLLOUT)
        link_flush(&s->peer.link);
    if (p[POLL_WAKE].revents && eventfd_read(s->peer.wake, &rung) == 0)
        peer_news(&s->peer);
    if (p[POLL_DEBUGGER].revents)
        s->end = END_ALL;
}

static void
session_loop(struct session *s)
{
    while (s->end == END_NOT_YET) {
        session_step(s);
        if (s->end != END_NOT_YET || s->setup->mode == SESSION_DEBUG)
            continue;
        if (peer_ended(&s->peer) && peer_idle(&s->peer))
            s->end = END_ALL;
        else if (!s->console_open && peer_idle(&s->peer))
            s->end = END_MACHINE;
    }
}

/* What the machine still had to say on its serial port. */
static void
drain_serial(struct session *s)
{
    while (s->serial_open) {
        struct pollfd p = {.fd = s->machine->serial, .events = POLLIN};
        if (poll(&p, 1, 0) <= 0)
            return;
        take_serial(s);
    }
}

/* What the kernel still logs between the last partition's end and its own, until it is written. */
static void
drain_console(struct session *s)
{
    int64_t end = now_ms() + LOG_GRACE_MS, left;

    while ((s->console_open || !peer_idle(&s->peer)) && s->end == END_ALL &&
           (left = end - now_ms()) > 0) {
        struct pollfd p[] = {{.fd = s->console_open ? s->machine->console : -1, .events = POLLIN},
                             {.fd = s->peer.wake, .events = POLLIN}};
        eventfd_t rung;
        if (poll(p, 2, (int)left) > 0 && p[0].revents)
            take_console(s);
        if (p[1].revents && eventfd_read(s->peer.wake, &rung) == 0)
            peer_news(&s->peer);
    }
}

/* The machine has gone before its partitions: say why.  Returns the exit code. */
static int
explain_machine(struct session *s)
{
    const char *name = s->setup->partitions->at[0].name;
    int status = s->machine->exit_wait;
    char last[256];
    if (WIFSIGNALED(status))
        return say_fail(EXIT_TOOL, "%s: the emulator was ended by signal %d (%s): run it again",
                        name, WTERMSIG(status), strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) == POWER_OFF_PANIC)
        return say_fail(EXIT_PANIC, "%s: the kernel panicked, and could not say why", name);
    if (WEXITSTATUS(status) == 0)
        return say_fail(EXIT_PANIC, "%s: the machine reset: see its last words with -v", name);
    if (!s->peer.greeted)
        return say_fail(
            EXIT_TOOL,
            "%s: the machine did not start (the emulator's exit status is %d%s%s): see -v", name,
            WEXITSTATUS(status), machine_last_complaint(s->machine, last, sizeof last) ? ": " : "",
            last);
    return say_fail(EXIT_TOOL, "%s: the machine ended (status %d) before the program: see -v", name,
                    WEXITSTATUS(status));
}

/* The exit code of the command, once the machine has ended. */
static int
session_verdict(struct session *s)
{
    if (s->setup->options->verbose)
        machine_complain(s->machine);
    if (panic_print(&s->serial, s->machine->kernel))
        return EXIT_PANIC;
    switch (s->end) {
    case END_BROKEN:
        return EXIT_TOOL;
    case END_SIGNAL:
        return EXIT_SIGNAL + s->signal;
    case END_MACHINE:
        return explain_machine(s);
    default:
        return s->peer.channel[1].status;
    }
}

int
session_run(const struct session_setup *setup)
{
    sigset_t set;
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return say_fail(EXIT_TOOL, "out of memory");
    s->setup = setup;
    s->machine = setup->machine;
    s->console_open = s->serial_open = 1;
    signals_passed(&set, setup->mode);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int code =
        peer_begin(&s->peer, s->machine->console, setup->partitions, setup->options, setup->input);
    if (code == 0) {
        session_loop(s);
        peer_news(&s->peer); /* the outputs are idle: the last ends are announced */
        if (s->end == END_ALL && setup->mode != SESSION_DEBUG && setup->options->verbose)
            drain_console(s);
        if (s->end == END_ALL || s->end == END_MACHINE)
            machine_wait(s->machine, setup->mode == SESSION_DEBUG ? 0 : OFF_GRACE_MS);
    }
    machine_kill(s->machine);
    drain_serial(s);
    return code ? code : session_verdict(s);
}
