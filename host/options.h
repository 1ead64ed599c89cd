/* SPDX-License-Identifier: MIT */
/* options.h - the command line as a struct: see options.c. */
#pragma once
#include <stdint.h>

enum options_limit {
    OPTIONS_REPEATS = 32, /* how often an option that may be repeated may be */
    OPTIONS_ERROR_BYTES = 256,
    OPTIONS_CPUS_MAX = 64,
    OPTIONS_NAME_MAX = 31, /* of a partition: docs/report.md */
};

enum options_verb {
    VERB_HELP,
    VERB_VERSION,
    VERB_RUN,
    VERB_GDB,
    VERB_IMAGE,
    VERB_TEST,
    VERB_BENCH,
};

enum options_machine {
    MACHINE_Q35,
    MACHINE_MICROVM,
};

enum options_accel {
    ACCEL_AUTO,      /* KVM where it works */
    ACCEL_AUTO_SAID, /* the same, and the user wrote it */
    ACCEL_TCG,
    ACCEL_KVM,
};

/* The values of an option that may be repeated, in order. */
struct options_list {
    const char *word[OPTIONS_REPEATS];
    unsigned n;
};

/* All strings point into the arguments or are literals; only `error` is a copy. */
struct options {
    enum options_verb verb;
    const char *topic; /* VERB_HELP: what about */
    enum options_machine machine;
    enum options_accel accel;
    unsigned cpus; /* processors, 1 .. OPTIONS_CPUS_MAX */
    int verbose;
    uint64_t memory_bytes;
    uint64_t beside_memory_bytes;
    const char *name;          /* NULL: the program's */
    const char *beside_output; /* NULL: standard error */
    const char *emulator;      /* NULL: the usual one */
    const char *kernel;        /* NULL: the usual one */
    const char *input;         /* VERB_GDB, of the program; NULL: none */
    const char *trace;         /* NULL: no events are recorded */
    const char *image;         /* VERB_IMAGE: the file to be made */
    struct options_list environment;
    struct options_list beside;
    struct options_list kernel_words;
    struct options_list gdb_words;
    char *const *program; /* the program's word and its arguments; for test and bench all that
                             follows the verb */
    int n_program;
    char error[OPTIONS_ERROR_BYTES];
};

/* argv[0] is the command's name.  -E_INVAL: o->error says what is wrong (O2). */
int options_parse(struct options *o, int argc, char *const *argv);
/*
 * A number of bytes, with k, m, g or t behind it or not.  -E_INVAL: it is none; -E_RANGE: beyond 64
 * bits.
 */
int options_size(const char *text, uint64_t *bytes);
/* A partition's name as docs/report.md has it: 1 to 31 letters, digits, '.', '_', '-'. */
int options_name_ok(const char *name);
