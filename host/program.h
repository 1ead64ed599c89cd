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

/*
 * Find, read and check the program that `word` names, for a partition of memory_bytes.
 * Returns 0, or an exit code (126, 127), having said why.
 */
int program_open(struct program *p, const char *word, uint64_t memory_bytes);
