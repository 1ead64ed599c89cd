/* SPDX-License-Identifier: MIT */
/* machine.h - one virtual machine, and the ends of its ports: see machine.c. */
#pragma once
#include <sys/types.h>

#include "host/bundle.h"
#include "host/file.h"
#include "host/options.h"

enum { MACHINE_WORDS_BYTES = 4096 }; /* the kernel's command line */

struct machine {
    pid_t pid;      /* the emulator; 0: it has been waited for */
    int console;    /* our end of the console port; non-blocking */
    int serial;     /* our end of the serial port; non-blocking */
    int memory;     /* with --trace: a memfd, the machine's memory; else -1 */
    int complaints; /* a memfd: what the emulator wrote on its standard output and error */
    uint64_t memory_bytes;
    int exit_wait; /* its wait status, once pid is 0 */
    char kernel[FILE_PATH_BYTES];
    const char *emulator;
};

/*
 * Start the machine, with memory for partitions_bytes in all; stopped, and with a socket for gdb,
 * if debug_socket is not NULL. The caller is the thread that lives longest (M1).  Returns 0, or an
 * exit code, having said why.
 */
int machine_start(struct machine *m, const struct options *o, const struct bundle *b,
                  uint64_t partitions_bytes, const char *debug_socket);
/* Where the kernel lies.  Returns 0, or an exit code, having said why. */
int machine_kernel_path(char path[FILE_PATH_BYTES], const struct options *o);
/* The kernel's command line.  Returns 0, or -E2BIG. */
int machine_kernel_words(char to[MACHINE_WORDS_BYTES], const struct options *o);
/* Wait until the emulator has ended, at most grace_ms (-1: for ever).  Returns whether it has. */
int machine_wait(struct machine *m, int grace_ms);
/* End it at once; when this returns it has been waited for. */
void machine_kill(struct machine *m);
/* Print what the emulator said, each line as one of the command's own. */
void machine_complain(const struct machine *m);
/*
 * The last line that the emulator said, cut to fit; empty if none.  Returns whether there is one.
 */
int machine_last_complaint(const struct machine *m, char *line, size_t size);
