/* SPDX-License-Identifier: MIT */
/*
 * gdb.c - the verb gdb: the machine stopped at its first instruction, and gdb on it.
 *
 * They meet at a socket file in a directory that only this user can enter.
 * Invariants  G1 the directory is removed by a process of its own, when the command ends in any
 * way: it waits at a pipe whose other end only the command holds. G2 gdb has the terminal and its
 * signals; the program's input is a file, or empty.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/run.h"
#include "host/say.h"
#include "host/session.h"

enum {
    GDB_PATH_BYTES = 108, /* of a socket address */
    GDB_WORDS_MAX = 24 + OPTIONS_REPEATS,
    GDB_COMMAND_BYTES = 2 * FILE_PATH_BYTES + 32,
    GDB_COMMANDS = 3,
};

struct meeting {
    char directory[GDB_PATH_BYTES - 16];
    char socket[GDB_PATH_BYTES];
    int alive; /* closed: the watcher clears up (G1) */
    pid_t watcher;
};

/* The watcher: wait until the command has ended, then clear up. */
static void
watch(const struct meeting *m, int alive)
{
    char byte;
    setsid();
    prctl(PR_SET_NAME, "tessera-watch");
    for (int signo = 1; signo < 32; signo++)
        signal(signo, SIG_IGN);
    syscall(SYS_close_range, 0, alive - 1, 0);
    syscall(SYS_close_range, alive + 1, ~0u, 0);
    while (read(alive, &byte, 1) < 0 && errno == EINTR)
        ;
    for (int tries = 0; tries < 100;
         tries++) { /* the emulator may be about to make the file, or to die */
        unlink(m->socket);
        if (rmdir(m->directory) == 0 || errno == ENOENT)
            break;
        usleep(10000);
    }
    _exit(0);
}

static int
meeting_begin(struct meeting *m)
{
    int ends[2];
    const char *place = getenv("XDG_RUNTIME_DIR");
    if (!place || strlen(place) > 48 || access(place, W_OK) < 0)
        place = "/tmp";
    snprintf(m->directory, sizeof m->directory, "%s/tessera-XXXXXX", place);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    if (!mkdtemp(m->directory))
        return -errno;
    snprintf(m->socket, sizeof m->socket, "%s/gdb", m->directory);
    m->alive = ends[1];
    m->watcher = fork();
    if (m->watcher == 0) {
        close(ends[1]);
        watch(m, ends[0]);
    }
    close(ends[0]);
    if (m->watcher > 0)
        return 0;
    rmdir(m->directory);
    return -EAGAIN;
}

static void
meeting_end(struct meeting *m)
{
    close(m->alive);
    while (waitpid(m->watcher, NULL, 0) < 0 && errno == EINTR)
        ;
}

struct gdb_words {
    const char *word[GDB_WORDS_MAX];
    unsigned n;
    char command[GDB_COMMANDS][GDB_COMMAND_BYTES];
    unsigned n_commands;
    char remote[GDB_PATH_BYTES + 16];
};

static void
add(struct gdb_words *g, const char *word)
{
    g->word[g->n++] = word; /* fewer than GDB_WORDS_MAX are written below */
}

/* -ex 'command "file"', with what gdb would read in the file's name escaped. */
static void
add_command(struct gdb_words *g, const char *command, const char *file)
{
    char *to = g->command[g->n_commands++];
    size_t n = (size_t)snprintf(to, GDB_COMMAND_BYTES, "%s \"", command);
    for (const char *from = file; *from; from++) {
        if (*from == '"' || *from == '\\')
            to[n++] = '\\';
        to[n++] = *from;
    }
    to[n++] = '"';
    to[n] = 0;
    add(g, "-ex");
    add(g, to);
}

static void
gdb_words(struct gdb_words *g, const struct options *o, const struct partitions *ps,
          const struct machine *m, const struct meeting *at)
{
    g->n = g->n_commands = 0;
    add(g, "gdb");
    add(g, "-q");
    add(g, "-ex");
    add(g, "set confirm off");
    add_command(g, "file", m->kernel);
    add_command(g, "add-symbol-file", ps->at[0].program.file.path);
    if (ps->library.bytes)
        add_command(g, "add-symbol-file", ps->library.path);
    snprintf(g->remote, sizeof g->remote, "target remote %s",
             at->socket); /* here gdb reads no quotes */
    add(g, "-ex");
    add(g, g->remote);
    for (unsigned i = 0; i < o->gdb_words.n; i++)
        add(g, o->gdb_words.word[i]);
    add(g, NULL);
}

/* Start gdb on the terminal.  Returns its process, or -errno. */
static pid_t
gdb_start(const struct gdb_words *g)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid < 0 ? -errno : pid;
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    syscall(SYS_close_range, 3, ~0u, 0);
    union { /* execvp promises not to write to them */
        const char *const *words;
        char *const *argv;
    } u = {g->word};
    execvp(u.words[0], u.argv);
    _exit(say_fail(EXIT_TOOL, "gdb: %s: install the package gdb", strerror(errno)));
}

/* The socket is there once the emulator has come so far; it may also end before. */
static int
wait_for_socket(const struct meeting *at, struct machine *m)
{
    while (access(at->socket, F_OK) < 0)
        if (machine_wait(m, 10))
            return say_fail(EXIT_TOOL, "the machine did not start: see -v");
    return 0;
}

static int
debug(const struct options *o, const struct partitions *ps, struct machine *m,
      const struct meeting *at, int input)
{
    static struct gdb_words words;
    int status = 0;
    int code = wait_for_socket(at, m);
    if (code != 0) {
        machine_complain(m);
        return code;
    }
    gdb_words(&words, o, ps, m, at);
    pid_t pid = gdb_start(&words);
    if (pid < 0)
        return say_fail(EXIT_TOOL, "no process for gdb: %s", strerror(-pid));
    struct session_setup setup = {
        .options = o,
        .partitions = ps,
        .machine = m,
        .mode = SESSION_DEBUG,
        .input = input,
        .debugger = (int)syscall(SYS_pidfd_open, pid, 0),
    };
    code = session_run(&setup);
    if (waitpid(pid, &status, WNOHANG) == 0) { /* a signal ended us, not gdb */
        kill(pid, SIGTERM);
        waitpid(pid, &status, 0);
        return code;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNAL + WTERMSIG(status);
}

/* Returns 0, or an exit code, having said why. */
static int
input_open(const struct options *o, int *fd)
{
    *fd = open(o->input ? o->input : "/dev/null", O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return say_fail(EXIT_TOOL, "--input %s: %s", o->input, strerror(errno));
    return 0;
}

int
gdb_verb(const struct options *o)
{
    struct partitions partitions;
    struct bundle bundle;
    struct machine machine;
    struct meeting at = {.watcher = 0};
    int code = partitions_open(&partitions, o), input = -1;
    if (code == 0)
        code = input_open(o, &input);
    if (code == 0)
        code = bundle_make(&bundle, &partitions, o);
    if (code != 0)
        return code;
    session_signals_block(SESSION_DEBUG);
    int r = meeting_begin(&at);
    if (r < 0)
        return say_fail(EXIT_TOOL, "no directory for the socket: %s", strerror(-r));
    code = machine_start(&machine, o, &bundle, partitions_memory(&partitions), at.socket);
    if (code == 0) {
        code = debug(o, &partitions, &machine, &at, input);
        machine_kill(&machine);
    }
    meeting_end(&at);
    return code;
}
