/* SPDX-License-Identifier: MIT */
/*
 * program.c - from the word on the command line to an executable that can run, or one line that
 * says why not. All that can be known to be wrong is found here, before a machine starts.
 */
#include "host/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/say.h"
#include "lib/string.h"

static const uint64_t PROGRAM_VA_LIMIT = 0x00007ffffffff000; /* no Linux executable lies above */

static int
find_named(char path[FILE_PATH_BYTES], const char *word)
{
    char relative[FILE_PATH_BYTES];
    if (!strcmp(word, "busybox")) {
        string_copy(path, FILE_PATH_BYTES, "/bin/busybox");
        return 0;
    }
    int n = snprintf(relative, sizeof relative, "out/examples/%s", word);
    if (n >= (int)sizeof relative || project_path(path, relative) < 0 || access(path, F_OK) < 0)
        return say_fail(
            EXIT_NO_FIND,
            "%s: not found: neither busybox nor an example; a program of your own is named by its "
            "path, such as ./%s",
            word, word);
    return 0;
}

static int
say_unreadable(const char *path, int error)
{
    switch (-error) {
    case ENOENT:
    case ENOTDIR:
        return say_fail(EXIT_NO_FIND, "%s: not found: check the path", path);
    case EISDIR:
        return say_fail(EXIT_NO_RUN, "%s: is a directory: name an executable in it", path);
    case ENODEV:
        return say_fail(EXIT_NO_RUN, "%s: is not a regular file: name an executable", path);
    case EACCES:
        return say_fail(EXIT_NO_RUN, "%s: no permission to read it: see its owner and mode", path);
    default:
        return say_fail(EXIT_NO_RUN, "%s: %s: it could not be read", path, strerror(-error));
    }
}

static int
load(struct program *p, const char *path)
{
    int r = file_load(&p->file, path);
    if (r < 0)
        return say_unreadable(path, r);
    if (access(path, X_OK) < 0)
        return say_fail(EXIT_NO_RUN,
                        "%s: no permission to execute it: chmod +x, if it is a program", path);
    return 0;
}

static int
check(struct program *p, uint64_t memory_bytes)
{
    const char *why = "";
    const char *path = p->file.path;
    if (p->file.length >= 2 && !memcmp(p->file.bytes, "#!", 2))
        return say_fail(EXIT_NO_RUN, "%s: is a script: only executables run; try busybox sh -c",
                        path);
    if (elf_decode(p->file.bytes, p->file.length, PROGRAM_VA_LIMIT, &p->image, &why) < 0)
        return say_fail(EXIT_NO_RUN, "%s: %s: a static x86-64 executable is needed", path, why);
    if (p->image.dynamic)
        return say_fail(
            EXIT_NO_RUN,
            "%s: dynamically linked: only static executables run yet; link it with -static", path);
    uint64_t needed = 0;
    for (uint32_t i = 0; i < p->image.n_segments; i++)
        needed += p->image.segment[i].memory_bytes; /* at most 16 x 2^47 */
    if (needed > memory_bytes)
        return say_fail(EXIT_NO_RUN, "%s: needs at least %lu KiB of memory, and has %lu: raise -m",
                        path, (needed >> 10) + 1, memory_bytes >> 10);
    return 0;
}

int
program_open(struct program *p, const char *word, uint64_t memory_bytes)
{
    char path[FILE_PATH_BYTES];
    int code = 0;
    if (!strchr(word, '/'))
        code = find_named(path, word);
    else if (strlen(word) < sizeof path)
        string_copy(path, sizeof path, word);
    else
        return say_unreadable(word, -ENAMETOOLONG);
    if (code == 0)
        code = load(p, path);
    if (code == 0)
        code = check(p, memory_bytes);
    p->kind =
        elf_has_note(p->file.bytes, p->file.length, "Tessera") ? PROGRAM_LIBRARY : PROGRAM_LINUX;
    return code;
}
