/* SPDX-License-Identifier: MIT */
/* program.h - from the word on the command line to an executable that can run: see program.c. */
#pragma once
#include "host/file.h"
#include "lib/elf.h"

enum program_kind {
    PROGRAM_LIBRARY, /* a library OS of its own */
    PROGRAM_LINUX,   /* a Linux executable, for examples/linux */
};

struct program {
    enum program_kind kind;
    struct file file;
    struct elf_image image;
};

int program_open(struct program *p, const char *word, uint64_t memory_bytes);
