/* SPDX-License-Identifier: MIT */
/*
 * file.c - whole files in memory, and where the project lies.
 * Copies, not mappings: a file that is cut while we read it must not end the command by SIGBUS.
 */
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/say.h"
#include "lib/string.h"

static int
read_all(int fd, uint8_t *to, size_t size, size_t *length)
{
    *length = 0;
    while (*length < size) {
        ssize_t n = read(fd, to + *length, size - *length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        *length += (size_t)n;
    }
    return 0;
}

static int
load(struct file *f, int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -ENODEV;
    size_t size = (size_t)st.st_size;
    uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        return -ENOMEM;
    f->bytes = bytes;
    return read_all(fd, bytes, size, &f->length);
}

int
file_load(struct file *f, const char *path)
{
    if (strlen(path) >= sizeof f->path)
        return -ENAMETOOLONG;
    string_copy(f->path, sizeof f->path, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int r = load(f, fd);
    close(fd);
    return r;
}

int
file_load_built(struct file *f, const char *path)
{
    char whole[FILE_PATH_BYTES];
    int r = project_path(whole, path);
    if (r == 0)
        r = file_load(f, whole);
    if (r < 0)
        return say_fail(EXIT_TOOL, "%s: %s: build it with make, or start by ./tessera", path,
                        strerror(-r));
    return 0;
}

int
project_path(char path[FILE_PATH_BYTES], const char *relative)
{
    char self[FILE_PATH_BYTES];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return -errno;
    self[n] = 0;
    for (int up = 0; up < 3; up++) {
        char *slash = strrchr(self, '/');
        if (!slash)
            return -ENOENT;
        *slash = 0;
    }
    n = snprintf(path, FILE_PATH_BYTES, "%s/%s", self, relative);
    return n < FILE_PATH_BYTES ? 0 : -ENAMETOOLONG;
}
