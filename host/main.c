/* SPDX-License-Identifier: MIT */
/* main.c - the tessera command: from its arguments to one of its verbs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi/version.h"
#include "host/file.h"
#include "host/options.h"
#include "host/run.h"
#include "host/say.h"

static const char VERSION[] = "0.1";

/*
 * A standard descriptor that is closed becomes an empty file that cannot be written: reading gives
 * the end of the file, writing EBADF, and no socket of ours takes its place.
 */
static void
standard_fds_fill(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* The first line of a help file is its licence. */
static int
help_verb(const char *topic)
{
    char relative[64];
    char path[FILE_PATH_BYTES];
    struct file file = {.length = 0};
    snprintf(relative, sizeof relative, "host/help/%.32s.txt", topic);
    int r = project_path(path, relative);
    if (r == 0)
        r = file_load(&file, path);
    if (r < 0)
        return say_fail(EXIT_TOOL, "%s: %s", relative, strerror(-r));
    const uint8_t *text = file.bytes ? memchr(file.bytes, '\n', file.length) : NULL;
    if (text)
        fwrite(text + 1, 1, file.length - (size_t)(text + 1 - file.bytes), stdout);
    return fflush(stdout) == 0 ? 0 : say_fail(EXIT_TOOL, "standard output: %s", strerror(errno));
}

static int
version_verb(void)
{
    printf("tessera %s, interface %d\n", VERSION, ABI_VERSION);
    return fflush(stdout) == 0 ? 0 : say_fail(EXIT_TOOL, "standard output: %s", strerror(errno));
}

/* Become a script of the project, with what followed the verb. argv: whole, the verb at [1]. */
static int
script_verb(const char *script, char **argv)
{
    char path[FILE_PATH_BYTES];
    if (project_path(path, script) == 0) {
        argv[1] = path;
        execv(path, argv + 1);
    }
    return say_fail(EXIT_TOOL, "%s: %s", script, strerror(errno));
}

int
main(int argc, char **argv)
{
    static struct options o;
    standard_fds_fill();
    if (options_parse(&o, argc, argv) < 0)
        return say_fail(EXIT_TOOL, "%s", o.error);
    switch (o.verb) {
    case VERB_RUN:
        return run_verb(&o);
    case VERB_GDB:
        return gdb_verb(&o);
    case VERB_IMAGE:
        return image_verb(&o);
    case VERB_TEST:
        return script_verb("test/run.sh", argv);
    case VERB_BENCH:
        return script_verb("bench/run", argv);
    case VERB_VERSION:
        return version_verb();
    case VERB_HELP:
        return help_verb(o.topic);
    }
    return EXIT_TOOL;
}
