/* SPDX-License-Identifier: MIT */
/*
 * partition.h - what is to run: one partition as the user asked for it, and all of them as a plan.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "abi/bundle.h"
#include "abi/channel.h"
#include "host/options.h"
#include "host/program.h"

enum partition_limit {
    PARTITIONS_MAX = OPTIONS_REPEATS + 1,
    PARTITION_WORDS_MAX = 128, /* of a --beside */
};

struct partition {
    unsigned channel; /* 1: the main one */
    char name[OPTIONS_NAME_MAX + 1];
    uint64_t memory_bytes;
    struct program program;
    char *const *words; /* the arguments, the program's word first */
    int n_words;
    char *own_text;                       /* of a --beside: its words, parted by 0 */
    char *own_words[PARTITION_WORDS_MAX]; /* and where they begin */
};

/* All that is to run on one machine; [0] is the main partition. */
struct partitions {
    struct partition *at;
    unsigned n;
    struct file library; /* examples/linux, when a Linux executable is among them */
};

/*
 * Find and read all programs.  Returns 0, or an exit code, having said why.
 * What is read stays until the command ends.
 */
int partitions_open(struct partitions *ps, const struct options *o);
/* The sum of the limits, in bytes; UINT64_MAX when it is more. */
uint64_t partitions_memory(const struct partitions *ps);
/* The whole plan, to be freed.  Returns 0, or -E_NOMEM. */
int plan_write(const struct partitions *ps, const struct options *o, char **text, size_t *length);
/* The module of the partition's library OS: one for all Linux programs. */
void plan_library_name(char name[BUNDLE_NAME_MAX], const struct partition *p);
/* The module of a Linux program: one a channel. */
void plan_program_name(char name[BUNDLE_NAME_MAX], const struct partition *p);
