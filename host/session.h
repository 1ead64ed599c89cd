/* SPDX-License-Identifier: MIT */
/* session.h - the life of one machine, from its first frame to its exit status: see session.c. */
#pragma once
#include "host/machine.h"
#include "host/partition.h"

enum session_mode {
    SESSION_RUN,
    SESSION_DEBUG, /* a debugger has the terminal, and ends the session */
};

struct session_setup {
    const struct options *options;
    const struct partitions *partitions;
    struct machine *machine;
    enum session_mode mode;
    int input;    /* the file descriptor of the main partition's input */
    int debugger; /* SESSION_DEBUG: its pidfd */
};

/*
 * Returns the exit code of the command; the machine has ended then. Threads may be left, asleep in
 * read or write.
 */
int session_run(const struct session_setup *setup);
/* From here on signals wait for session_run. Before any thread or process is made. */
void session_signals_block(enum session_mode mode);
