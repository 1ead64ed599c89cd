/* SPDX-License-Identifier: MIT */
/*
 * exits_drive.c - runs in the host that bench/exits.py makes, and counts the exits of its one
 * guest.
 *
 *     exits_drive OPERATION:N... -- COMMAND...
 *
 * COMMAND starts the guest, in which a kit (exits_kit.c, exits_linux.c) says "ready", then for each
 * line "OPERATION N" does it and says "done COUNT". Prints "OPERATION COUNT EXITS MS" a line, the
 * first for "boot"; each operation is done twice, and the second counts. Exits are those of
 * /sys/kernel/debug/kvm without irq_exits, which the host's own interrupts cause.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 256 };

_Noreturn static void
drive_fail(const char *what)
{
    fprintf(stderr, "exits_drive: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long
counter_read(const char *name)
{
    char path[LINE_BYTES];
    long value;

    snprintf(path, sizeof path, "/sys/kernel/debug/kvm/%s", name);
    FILE *from = fopen(path, "re");
    if (!from || fscanf(from, "%ld", &value) != 1)
        drive_fail(path);
    fclose(from);
    return value;
}

static long
exits_read(void)
{
    return counter_read("exits") - counter_read("irq_exits");
}

static long
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The number behind the next line that begins with `word`. */
static long
line_await(FILE *from, const char *word)
{
    char line[LINE_BYTES];

    while (fgets(line, sizeof line, from))
        if (!strncmp(line, word, strlen(word)))
            return strtol(line + strlen(word), NULL, 10);
    errno = EPIPE;
    drive_fail(word);
}

static void
operation_do(FILE *to, FILE *from, const char *operation, int name_length, const char *n)
{
    long begun, count, begun_ms, ms;

    for (int warm = 1; warm >= 0; warm--) {
        begun = exits_read();
        begun_ms = now_ms();
        fprintf(to, "%.*s %s\n", name_length, operation, n);
        fflush(to);
        count = line_await(from, "done ");
        ms = now_ms() - begun_ms;
        usleep(100000); /* what it still does, before it waits again, counts */
        if (!warm)
            printf("%.*s %ld %ld %ld\n", name_length, operation, count, exits_read() - begun, ms);
    }
}

static pid_t
guest_start(char **command, FILE **to, FILE **from)
{
    int in[2], out[2];

    if (pipe(in) || pipe(out))
        drive_fail("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execvp(command[0], command);
        drive_fail(command[0]);
    }
    close(in[0]);
    close(out[1]);
    *to = fdopen(in[1], "w");
    *from = fdopen(out[0], "r");
    if (!*to || !*from)
        drive_fail("fdopen");
    return pid;
}

int
main(int argc, char **argv)
{
    int last = 1;
    FILE *to, *from;

    while (last < argc && strcmp(argv[last], "--") != 0)
        last++;
    if (last + 1 >= argc)
        return 1;
    pid_t pid = guest_start(argv + last + 1, &to, &from);
    line_await(from, "ready");
    usleep(100000);
    printf("boot 1 %ld 0\n", exits_read());
    for (int i = 1; i < last; i++) {
        const char *colon = strchr(argv[i], ':');
        operation_do(to, from, argv[i], (int)(colon - argv[i]), colon + 1);
    }
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return 0;
}
