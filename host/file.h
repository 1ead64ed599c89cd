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

int file_load(struct file *f, const char *path);
int file_load_built(struct file *f, const char *path);
int project_path(char path[FILE_PATH_BYTES], const char *relative);
