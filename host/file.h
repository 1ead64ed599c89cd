/* SPDX-License-Identifier: MIT */
/* file.h - whole files in memory, and where the project lies: see file.c. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { FILE_PATH_BYTES = 4096 };

struct file {
    char path[FILE_PATH_BYTES];
    const uint8_t *bytes; /* kept until the command ends */
    size_t length;
};

/*
 * Read all of a regular file.  Returns 0, or -errno (-EISDIR a directory, -ENODEV another thing
 * that is no file).
 */
int file_load(struct file *f, const char *path);
/*
 * file_load of what the build makes, by its path below the project.  Returns 0, or an exit code,
 * having said why.
 */
int file_load_built(struct file *f, const char *path);
/* The path of a file of the project: this program is its out/host/tessera.  Returns 0 or -errno. */
int project_path(char path[FILE_PATH_BYTES], const char *relative);
